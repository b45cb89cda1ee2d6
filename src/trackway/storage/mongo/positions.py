"""Positions in MongoDB: one document each, whose ``_id`` is vehicle, time and event in the order in which they are
asked for.

So a repeat is a duplicate key and falls, a vehicle's positions of a time are a range of the one index that every
collection has, and a vehicle's newest is the last of its range: inserting costs what the server needs at least.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from struct import Struct as Layout
from typing import Any, Final

from trackway.domain.trip import GRACE, Trip
from trackway.events import PositionRecorded
from trackway.storage.moments import micros, moment, moment_or_none
from trackway.storage.mongo.connection import Document, MongoDatabase

ASKED_AT_ONCE: Final = 100
BY_ID: Final = "_id_"
FIRST: Final = 1
LAST: Final = -1

_LAYOUT: Final = Layout(">12sQQ")
_US_SHIFT, _HASH_MASK = 2**63, 2**64 - 1
_LAST_HASH: Final = 2**64 - 1
_FOREVER: Final = 2**63 - 1
_MEASURES: Final = ("heading", "speed", "accuracy", "altitude", "trip_id", "seq")


def vehicle_key(tenant: str, vehicle_id: str) -> bytes:
    """12 bytes that stand for a vehicle at the head of its positions' ids: as good as unique."""
    return blake2b(f"{tenant}\n{vehicle_id}".encode(), digest_size=12).digest()


def position_id(key: bytes, recorded_us: int, hashed: int) -> bytes:
    """28 bytes that sort by vehicle, then time; ``hashed`` is ``event_hash``."""
    return _LAYOUT.pack(key, recorded_us + _US_SHIFT, hashed & _HASH_MASK)


def document_of(id: bytes, tenant: str, position: PositionRecorded) -> Document:
    """The position as it is kept. ``at`` is for people and for expiry: the exact time is in the id."""
    document: Document = {
        "_id": id,
        "tenant": tenant,
        "vehicle_id": position.vehicle_id,
        "at": position.recorded_at,
        "lat": position.lat,
        "lng": position.lng,
    }
    if position.received_at is not None:
        document["received_us"] = micros(position.received_at)
    for name in _MEASURES:
        value = getattr(position, name)
        if value is not None:
            document[name] = value
    return document


def position_of(document: Document) -> PositionRecorded:
    """A kept one, read again."""
    measures: dict[str, Any] = {name: document.get(name) for name in _MEASURES}
    if measures["seq"] is not None:
        measures["seq"] = int(measures["seq"])  # a long is read as a class of its own, which msgspec does not know
    return PositionRecorded(
        vehicle_id=document["vehicle_id"],
        lat=document["lat"],
        lng=document["lng"],
        recorded_at=moment(recorded_us_of(document["_id"])),
        received_at=moment_or_none(document.get("received_us")),
        **measures,
    )


def recorded_us_of(id: bytes) -> int:
    """The time in a position's id."""
    return _LAYOUT.unpack(id)[1] - _US_SHIFT


def event_hash_of(id: bytes) -> int:
    """The hash of the event in a position's id, signed as ``event_hash`` gives it."""
    hashed = _LAYOUT.unpack(id)[2]
    return hashed if hashed < 2**63 else hashed - 2**64


def of_vehicle(tenant: str, vehicle_id: str, begin_us: int = -_US_SHIFT, end_us: int = _FOREVER) -> Document:
    """The filter of a vehicle's positions between two times, both included."""
    key = vehicle_key(tenant, vehicle_id)
    return {"_id": {"$gte": position_id(key, begin_us, 0), "$lte": position_id(key, end_us, _LAST_HASH)}}


def of_trip(tenant: str, trip: Trip, after: datetime | None = None) -> Document:
    """The filter of the positions that belong to a trip: ``Trip.holds``, in MongoDB's words."""
    begin = trip.started_at - GRACE
    if after is not None:
        begin = max(begin, after + timedelta(microseconds=1))
    started, ended = micros(trip.started_at), _FOREVER if trip.ended_at is None else micros(trip.ended_at)
    last = _FOREVER if trip.ended_at is None else micros(trip.ended_at + GRACE)
    named = {"trip_id": trip.trip_id}
    nameless = {"trip_id": None, **of_vehicle(tenant, trip.vehicle_id, started, ended)}
    return {**of_vehicle(tenant, trip.vehicle_id, micros(begin), last), "$or": [named, nameless]}


async def positions(
    db: MongoDatabase, tenant: str, trip: Trip, after: datetime | None, limit: int
) -> list[PositionRecorded]:
    """Those that belong to the trip, by time."""
    found = db["position"].find(of_trip(tenant, trip, after)).sort("_id", 1).limit(limit).hint(BY_ID)
    return [position_of(document) async for document in found]


async def last_positions(db: MongoDatabase, tenant: str, trips: Sequence[Trip]) -> list[PositionRecorded | None]:
    """Of each open trip where its vehicle is now, of each ended one the last position that belongs to it."""
    return await last_of(
        db,
        [of_vehicle(tenant, trip.vehicle_id) if trip.is_open else of_trip(tenant, trip) for trip in trips],
    )


async def last_of(db: MongoDatabase, filters: Sequence[Document]) -> list[PositionRecorded | None]:
    """The last position that each filter finds."""
    return await ends_of(db, filters, LAST)


async def ends_of(db: MongoDatabase, filters: Sequence[Document], end: int) -> list[PositionRecorded | None]:
    """The ``FIRST`` or ``LAST`` position that each filter finds. Many in one request: a fleet is asked for at once."""
    found: dict[int, PositionRecorded] = {}
    for start in range(0, len(filters), ASKED_AT_ONCE):
        some = enumerate(filters[start : start + ASKED_AT_ONCE], start)
        first, *others = [_end(number, filter_, end) for number, filter_ in some]
        stages = [*first, *({"$unionWith": {"coll": "position", "pipeline": other}} for other in others)]
        async for document in await db["position"].aggregate(stages, hint=BY_ID):
            found[document["number"]] = position_of(document)
    return [found.get(number) for number in range(len(filters))]


def _end(number: int, filter_: Document, end: int) -> list[Document]:
    return [{"$match": filter_}, {"$sort": {"_id": end}}, {"$limit": 1}, {"$set": {"number": number}}]
