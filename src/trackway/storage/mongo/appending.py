"""Positions on their way into MongoDB, and the vehicles that they make known. (Kafka Connect may write the positions
instead: connect/transforms makes the same documents, and only the vehicles are left to be told here.)

A vehicle has a document beside its positions, with a place in an index that finds it there (vehicle_views.py). To keep
that place exact would cost a write for every position. So it is left alone while the vehicle is within ``SLACK`` of it,
and whoever asks looks ``SLACK`` farther and then at the newest positions themselves. What a process remembers of a
place is good for ``STALE`` only: another one may have moved it since.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pymongo import UpdateOne

from trackway.domain.geometry import distance
from trackway.events import PositionRecorded
from trackway.storage.identity import event_hash
from trackway.storage.moments import micros
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.mongo.inserting import insert_new
from trackway.storage.mongo.positions import (
    ASKED_AT_ONCE,
    document_of,
    last_of,
    of_vehicle,
    position_id,
    recorded_us_of,
    vehicle_key,
)
from trackway.storage.port import StoredPosition

SLACK: Final = 500.0
"""Metres."""

STALE: Final = 60_000_000
"""Microseconds between the times of two positions."""

MOST_KNOWN: Final = 100_000


class Place(NamedTuple):
    """Where a vehicle was, and when."""

    recorded_us: int
    lat: float
    lng: float

    def is_near(self, recorded_us: int, position: PositionRecorded) -> bool:
        """Whether the place will do for a vehicle that is there now."""
        is_fresh = recorded_us - self.recorded_us < STALE
        return is_fresh and distance(self.lat, self.lng, position.lat, position.lng) <= SLACK


class Vehicles:
    """The keys of vehicles already met, and the places that the database was told of."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], bytes] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._newest: dict[tuple[str, str], int] = {}
        """The time of the newest position of each that has a place."""

    def key(self, tenant: str, vehicle_id: str) -> bytes:
        """``vehicle_key``, remembered."""
        key = self._keys.get((tenant, vehicle_id))
        if key is None:
            if len(self._keys) >= MOST_KNOWN:
                self._keys.clear()
                self._places.clear()
                self._newest.clear()
            key = self._keys[tenant, vehicle_id] = vehicle_key(tenant, vehicle_id)
        return key

    def forget(self, tenant: str, vehicle_id: str) -> None:
        """Its place is not what the database was told."""
        self._places.pop((tenant, vehicle_id), None)

    async def tell(self, db: MongoDatabase, tenant: str, positions: Mapping[str, PositionRecorded]) -> None:
        """See that each vehicle has a document, with a place that will do for the position."""
        new: dict[str, Place] = {}
        moved: dict[str, Place] = {}
        newest: dict[tuple[str, str], int] = {}
        for vehicle_id, position in positions.items():
            key = tenant, vehicle_id
            recorded_us = micros(position.recorded_at)
            known = self._places.get(key)
            if known is None:
                new[vehicle_id] = place_of(position)
            elif recorded_us <= self._newest[key]:
                continue
            elif not known.is_near(recorded_us, position):
                moved[vehicle_id] = place_of(position)
            newest[key] = recorded_us
        if new:
            documents = [vehicle_document(tenant, vehicle_id, place) for vehicle_id, place in new.items()]
            if await insert_new(db, "vehicle", documents) < len(new):
                moved |= new  # some were there, told by others
        if moved:
            moving = [_moving(tenant, vehicle_id, place) for vehicle_id, place in moved.items()]
            await db["vehicle"].bulk_write(moving, ordered=False)
        self._places.update(((tenant, vehicle_id), place) for vehicle_id, place in (new | moved).items())
        self._newest.update(newest)


def vehicle_document(tenant: str, vehicle_id: str, place: Place) -> Document:
    """A vehicle that has reported."""
    return {"_id": document_id(tenant, vehicle_id), "tenant": tenant, "vehicle_id": vehicle_id, **place_fields(place)}


def document_id(tenant: str, vehicle_id: str) -> str:
    """The ``_id`` of a vehicle's document."""
    return f"{tenant}/{vehicle_id}"


def place_of(position: PositionRecorded) -> Place:
    """Where it says that the vehicle is."""
    return Place(micros(position.recorded_at), position.lat, position.lng)


def place_fields(place: Place) -> Document:
    """Where a vehicle is, in GeoJSON, and since when."""
    return {"place_us": place.recorded_us, "place": {"type": "Point", "coordinates": [place.lng, place.lat]}}


def _moving(tenant: str, vehicle_id: str, place: Place) -> UpdateOne:
    older = {"$not": {"$gte": place.recorded_us}}  # or of a time before places were kept
    return UpdateOne({"_id": document_id(tenant, vehicle_id), "place_us": older}, {"$set": place_fields(place)})


async def know(db: MongoDatabase, vehicles: Vehicles, tenant: str, positions: Sequence[PositionRecorded]) -> None:
    """See that the vehicles of these positions have a document, and a place that will do for the newest."""
    await vehicles.tell(db, tenant, newest_of(positions))


async def append(db: MongoDatabase, vehicles: Vehicles, tenant: str, positions: Sequence[StoredPosition]) -> int:
    """Gives how many were new. A vehicle is made known before its first position, so that a crash in between hides
    nothing."""
    await know(db, vehicles, tenant, [stored.position for stored in positions])
    documents: list[Document] = []
    for stored in positions:
        position = stored.position
        key = vehicles.key(tenant, position.vehicle_id)
        own_id = position_id(key, micros(position.recorded_at), event_hash(stored))
        documents.append(document_of(own_id, tenant, position))
    return await insert_new(db, "position", documents)


def newest_of(positions: Iterable[PositionRecorded]) -> dict[str, PositionRecorded]:
    """By vehicle."""
    newest: dict[str, PositionRecorded] = {}
    for position in positions:
        known = newest.get(position.vehicle_id)
        if known is None or known.recorded_at < position.recorded_at:
            newest[position.vehicle_id] = position
    return newest


async def place_again(
    db: MongoDatabase, vehicles: Vehicles, tenant: str, vehicle_id: str, deleted: Sequence[bytes]
) -> None:
    """After positions of a vehicle were deleted: its place is where the newest is that is left, unless it is a later
    one's, which may be on its way (Kafka Connect may store it)."""
    document = await db["vehicle"].find_one(document_id(tenant, vehicle_id))
    if document is None:
        return
    if deleted and (document.get("place_us") or 0) > max(map(recorded_us_of, deleted)):
        return
    (newest,) = await last_of(db, [of_vehicle(tenant, vehicle_id)])
    change: Document = {"$unset": {"place": True, "place_us": True}}
    if newest is not None:
        change = {"$set": place_fields(place_of(newest))}
    as_it_was = {"_id": document["_id"], "place_us": document.get("place_us")}  # else somebody told a newer one
    await db["vehicle"].update_one(as_it_was, change)
    vehicles.forget(tenant, vehicle_id)


async def place_all(db: MongoDatabase) -> None:
    """Give a place to vehicles that were made known before places were kept."""
    found = db["vehicle"].find({"place_us": None})
    while documents := await found.to_list(ASKED_AT_ONCE):
        newest = await last_of(db, [of_vehicle(each["tenant"], each["vehicle_id"]) for each in documents])
        moving = [
            _moving(each["tenant"], each["vehicle_id"], place_of(position))
            for each, position in zip(documents, newest, strict=True)
            if position is not None
        ]
        if moving:
            await db["vehicle"].bulk_write(moving, ordered=False)
