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
from trackway.storage.identity import event_hash
from trackway.storage.moments import micros, moment, moment_or_none
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.mongo.inserting import insert_new
from trackway.storage.port import StoredPosition

MOST_KNOWN: Final = 100_000
ASKED_AT_ONCE: Final = 100
BY_ID: Final = "_id_"

_LAYOUT: Final = Layout(">12sQQ")
_US_SHIFT, _HASH_MASK = 2**63, 2**64 - 1
_LAST_HASH: Final = 2**64 - 1
_FOREVER: Final = 2**63 - 1
_MEASURES: Final = ("heading", "speed", "accuracy", "altitude", "trip_id", "seq")


class Vehicles:
    """The keys of vehicles already met, and which of them the database was told of."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], bytes] = {}
        self._told: set[tuple[str, str]] = set()

    def key(self, tenant: str, vehicle_id: str) -> bytes:
        """``vehicle_key``, remembered."""
        key = self._keys.get((tenant, vehicle_id))
        if key is None:
            if len(self._keys) >= MOST_KNOWN:
                self._keys.clear()
                self._told.clear()
            key = self._keys[tenant, vehicle_id] = vehicle_key(tenant, vehicle_id)
        return key

    async def tell(self, db: MongoDatabase, tenant: str, vehicle_ids: set[str]) -> None:
        """See that each has a document, so that it is found among all vehicles."""
        new = [vehicle_id for vehicle_id in vehicle_ids if (tenant, vehicle_id) not in self._told]
        if new:
            await insert_new(db, "vehicle", [vehicle_document(tenant, vehicle_id) for vehicle_id in new])
            self._told.update((tenant, vehicle_id) for vehicle_id in new)


def vehicle_document(tenant: str, vehicle_id: str) -> Document:
    """A vehicle that has reported."""
    return {"_id": f"{tenant}/{vehicle_id}", "tenant": tenant, "vehicle_id": vehicle_id}


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


async def append(db: MongoDatabase, vehicles: Vehicles, tenant: str, positions: Sequence[StoredPosition]) -> int:
    """Gives how many were new. A vehicle is made known before its first position, so that a crash in between hides
    nothing."""
    await vehicles.tell(db, tenant, {stored.position.vehicle_id for stored in positions})
    documents: list[Document] = []
    for stored in positions:
        position = stored.position
        key = vehicles.key(tenant, position.vehicle_id)
        own_id = position_id(key, micros(position.recorded_at), event_hash(stored))
        documents.append(document_of(own_id, tenant, position))
    return await insert_new(db, "position", documents)


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
    """The last position that each filter finds. Many in one request: a fleet is asked for at once."""
    last: dict[int, PositionRecorded] = {}
    for start in range(0, len(filters), ASKED_AT_ONCE):
        some = enumerate(filters[start : start + ASKED_AT_ONCE], start)
        first, *others = [_last(number, filter_) for number, filter_ in some]
        stages = [*first, *({"$unionWith": {"coll": "position", "pipeline": other}} for other in others)]
        async for document in await db["position"].aggregate(stages, hint=BY_ID):
            last[document["number"]] = position_of(document)
    return [last.get(number) for number in range(len(filters))]


def _last(number: int, filter_: Document) -> list[Document]:
    return [{"$match": filter_}, {"$sort": {"_id": -1}}, {"$limit": 1}, {"$set": {"number": number}}]
