"""Asking a MongoDB for trips, with what is known of them now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import Event, PositionRecorded
from trackway.storage.moments import micros, moment
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.mongo.positions import last_positions, positions
from trackway.storage.mongo.trip_documents import document_id, known_of, order_of, progress_from, trip_from
from trackway.storage.port import TripCounts, TripView

_event = msgspec.msgpack.Decoder(Event)
EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
FOUND: Final = {"rev": False, "key": False, "holds": False}


async def trip_view(db: MongoDatabase, tenant: str, trip_id: str) -> TripView | None:
    document = await db["trip"].find_one(document_id(tenant, trip_id), FOUND)
    return None if document is None or "tenant" not in document else (await views_of(db, tenant, [document]))[0]


async def trips(
    db: MongoDatabase,
    tenant: str,
    status: TripStatus | None,
    vehicle_id: str | None,
    limit: int,
    before: tuple[datetime, str] | None,
) -> list[TripView]:
    found = db["trip"].find(trips_filter(tenant, status, vehicle_id, before), FOUND).sort("order", -1).limit(limit)
    if vehicle_id is not None:
        found = found.hint("by_vehicle")  # of one vehicle's trips most statuses are few
    return await views_of(db, tenant, await found.to_list())


def trips_filter(
    tenant: str, status: TripStatus | None, vehicle_id: str | None, before: tuple[datetime, str] | None
) -> Document:
    """Trips by what they are asked for by."""
    filter_: Document = {"tenant": tenant}
    if vehicle_id is not None:
        filter_["vehicle_id"] = vehicle_id
    if status is not None:
        filter_["status"] = status.value
    if before is not None:
        filter_["order"] = {"$lt": order_of(*before)}
    return filter_


async def open_trips(db: MongoDatabase, tenant: str, vehicle_ids: Sequence[str] | None) -> list[TripView]:
    if vehicle_ids is not None and not vehicle_ids:
        return []
    found = await db["trip"].find(open_filter(tenant, vehicle_ids), FOUND).to_list()
    found.sort(key=lambda document: (document["started_us"], document["trip_id"]))
    if vehicle_ids is not None:
        place = {vehicle_id: number for number, vehicle_id in enumerate(dict.fromkeys(vehicle_ids))}
        found.sort(key=lambda document: place[document["vehicle_id"]])
    return await views_of(db, tenant, found)


def open_filter(tenant: str, vehicle_ids: Sequence[str] | None = None) -> Document:
    """Trips that are not over, of these vehicles or of all."""
    filter_: Document = {"tenant": tenant, "open": True}
    if vehicle_ids is not None:
        filter_["vehicle_id"] = {"$in": list(vehicle_ids)}
    return filter_


def ended_filter(tenant: str, since: datetime) -> Document:
    """Trips that ended at that moment or later."""
    return {"tenant": tenant, "ended_us": {"$gte": micros(since)}}


async def trips_ended_since(db: MongoDatabase, tenant: str, since: datetime, limit: int) -> list[TripView]:
    found = db["trip"].find(ended_filter(tenant, since), FOUND).sort([("ended_us", -1), ("trip_id", -1)]).limit(limit)
    return await views_of(db, tenant, await found.to_list())


async def trips_ended_between(db: MongoDatabase, tenant: str, begin: datetime, end: datetime) -> list[Trip]:
    filter_ = {"tenant": tenant, "ended_us": {"$gte": micros(begin), "$lt": micros(end)}}
    found = db["trip"].find(filter_, FOUND).sort([("ended_us", 1), ("trip_id", 1)])
    return [trip_from(document) async for document in found]


async def earliest_end(db: MongoDatabase, tenant: str) -> datetime | None:
    found = db["trip"].find(ended_filter(tenant, EARLIEST), {"ended_us": True}).sort("ended_us", 1).limit(1)
    return next((moment(document["ended_us"]) for document in await found.to_list()), None)


async def trip_counts(db: MongoDatabase, tenant: str, ended_since: datetime) -> TripCounts:
    counts = dict.fromkeys(TripStatus, 0)
    for filter_ in (open_filter(tenant), ended_filter(tenant, ended_since)):
        group = {"_id": "$status", "count": {"$sum": 1}}
        async for document in await db["trip"].aggregate([{"$match": filter_}, {"$group": group}]):
            counts[TripStatus(document["_id"])] += document["count"]
    return TripCounts(
        planned=counts[TripStatus.PLANNED],
        underway=counts[TripStatus.UNDERWAY],
        finished=counts[TripStatus.FINISHED],
        cancelled=counts[TripStatus.CANCELLED],
    )


async def trip_events(db: MongoDatabase, tenant: str, trip_id: str, limit: int) -> list[Event]:
    found = db["trip_event"].find({"tenant": tenant, "trip_id": trip_id}, {"event": True})
    return [_event.decode(each["event"]) async for each in found.sort([("time_us", -1), ("_id", -1)]).limit(limit)]


async def trip_positions(
    db: MongoDatabase, tenant: str, trip_id: str, since: datetime | None, limit: int
) -> list[PositionRecorded]:
    known = await known_of(db, tenant, trip_id)
    return [] if known is None or known.trip is None else await positions(db, tenant, known.trip, since, limit)


async def simulated_trips(db: MongoDatabase, tenant: str, shard: int) -> list[Trip]:
    found = db["trip"].find(driven_filter(tenant, shard), FOUND)
    return sorted([trip_from(document) async for document in found], key=lambda trip: (trip.started_at, trip.trip_id))


def driven_filter(tenant: str, shard: int) -> Document:
    """The open simulated trips of a shard."""
    return {"tenant": tenant, "shard": shard, "open": True, "simulated": True}


async def views_of(db: MongoDatabase, tenant: str, documents: Sequence[Document]) -> list[TripView]:
    found = [trip_from(document) for document in documents]
    last = await last_positions(db, tenant, found)
    return [
        TripView(trip=trip, progress=progress_from(document), position=position)
        for trip, document, position in zip(found, documents, last, strict=True)
    ]
