"""A trip's document in MongoDB, and how it is changed.

All that is known of a trip is one document, changed by compare-and-set on ``rev``, so that no transaction is needed,
and a single server does. Progress or an end that comes before its trip makes a document that has no ``tenant`` yet, so
that no query finds it. ``order`` is (planned_at, trip_id) in one string, whose order is theirs.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from pymongo.errors import DuplicateKeyError

from trackway.domain.lifecycle import TripStatus
from trackway.domain.motion import shard_of
from trackway.domain.trip import Trip, TripEnd
from trackway.events import TripProgressed
from trackway.storage.moments import micros, moment, moment_or_none
from trackway.storage.mongo.connection import Document, MongoDatabase

_progress = msgspec.json.Decoder(TripProgressed)
_US_SHIFT: Final = 2**62


class Known(NamedTuple):
    """What is kept under a trip's id: the trip, or an end that came before it. ``rev`` is for compare-and-set."""

    rev: int | None
    trip: Trip | None
    end: TripEnd | None


async def known_of(db: MongoDatabase, tenant: str, trip_id: str) -> Known | None:
    document = await db["trip"].find_one(document_id(tenant, trip_id))
    if document is None:
        return None
    trip = trip_from(document) if "tenant" in document else None
    return Known(document.get("rev"), trip, end_from(trip_id, document.get("end")))


async def save(db: MongoDatabase, tenant: str, known: Known | None, trip: Trip, own: Document | None = None) -> bool:
    """Keep the trip as it is now; False when its document changed since it was looked at. Raises DuplicateKeyError for
    a key, or a vehicle to hold, that another trip has."""
    gone = ["end"] if trip.is_open else ["end", "open", "holds"]
    return await change_known(db, tenant, known, trip.trip_id, {**fields_of(tenant, trip), **(own or {})}, gone)


async def change_known(
    db: MongoDatabase,
    tenant: str,
    known: Known | None,
    fact_id: str,
    fields: Document,
    gone: Sequence[str] = (),
) -> bool:
    if known is None:
        try:
            await db["trip"].insert_one({**document_id(tenant, fact_id), **fields, "rev": 1})
        except DuplicateKeyError as error:
            if "_id" in (error.details or {}).get("keyPattern", {}):
                return False
            raise
        return True
    change: Document = {"$set": fields, "$inc": {"rev": 1}}
    if gone:
        change["$unset"] = dict.fromkeys(gone, "")
    outcome = await db["trip"].update_one({**document_id(tenant, fact_id), "rev": known.rev}, change)
    return outcome.matched_count == 1


def document_id(tenant: str, trip_id: str) -> Document:
    return {"_id": f"{tenant}/{trip_id}"}


def order_of(planned_at: datetime, trip_id: str) -> str:
    """(planned_at, trip_id) as one string of the same order."""
    return f"{micros(planned_at) + _US_SHIFT:019d} {trip_id}"


def fields_of(tenant: str, trip: Trip) -> Document:
    """The trip as it is kept, but for what ``save`` keeps beside it."""
    fields: Document = {
        "tenant": tenant,
        "trip_id": trip.trip_id,
        "vehicle_id": trip.vehicle_id,
        "vehicle_name": trip.vehicle_name,
        "route_id": trip.route_id,
        "status": trip.status.value,
        "simulated": trip.simulated,
        "speed": trip.speed,
        "seed": trip.seed,
        "planned_us": micros(trip.planned_at),
        "promised_us": micros(trip.promised_at),
        "started_us": micros(trip.started_at),
        "ended_us": micros(trip.ended_at),
        "reason": trip.reason,
        "shard": shard_of(trip.vehicle_id),
        "order": order_of(trip.planned_at, trip.trip_id),
    }
    if trip.is_open:
        fields["open"] = True
    return fields


def trip_from(document: Document) -> Trip:
    """A kept trip, read again."""
    return Trip(
        trip_id=document["trip_id"],
        vehicle_id=document["vehicle_id"],
        vehicle_name=document["vehicle_name"],
        route_id=document["route_id"],
        status=TripStatus(document["status"]),
        simulated=document["simulated"],
        speed=document["speed"],
        seed=int(document["seed"]),  # a long is read as a class of its own, which msgspec does not know
        planned_at=moment(document["planned_us"]),
        promised_at=moment(document["promised_us"]),
        started_at=moment(document["started_us"]),
        ended_at=moment_or_none(document["ended_us"]),
        reason=document["reason"],
    )


def end_from(trip_id: str, field: Document | None) -> TripEnd | None:
    """A kept end that came before its trip."""
    if field is None:
        return None
    ended_at = moment(field["ended_us"])
    return TripEnd(trip_id=trip_id, status=TripStatus(field["status"]), ended_at=ended_at, reason=field["reason"])


def progress_from(document: Document) -> TripProgressed | None:
    """The newest progress of a trip's document."""
    field = document.get("progress")
    return None if field is None else _progress.decode(field["data"])


def progress_field(progress: TripProgressed) -> Document:
    """For ``$max``: documents are compared field by field, the time first."""
    return {"progress": {"recorded_us": micros(progress.recorded_at), "data": msgspec.json.encode(progress)}}


def end_field(end: TripEnd) -> Document:
    """An end that came before its trip."""
    return {"status": end.status.value, "ended_us": micros(end.ended_at), "reason": end.reason}
