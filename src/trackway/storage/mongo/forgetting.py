"""Deleting from a MongoDB what an archive holds: by the ids of what was compared, since more may come meanwhile."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from trackway.domain.trip import GRACE
from trackway.events import Event, PositionRecorded
from trackway.storage.loose import span_of, those_of, without_those_of
from trackway.storage.moments import micros
from trackway.storage.mongo.appending import Vehicles, place_again
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.mongo.positions import BY_ID, FIRST, ends_of, of_trip, of_vehicle, position_of
from trackway.storage.mongo.trip_documents import document_id, progress_from, trip_from
from trackway.storage.mongo.vehicle_views import vehicle_ids
from trackway.storage.port import TripHistory

AT_ONCE: Final = 1000
_event = msgspec.msgpack.Decoder(Event)


async def forget_trip(db: MongoDatabase, vehicles: Vehicles, tenant: str, history: TripHistory) -> bool:
    trip_id = history.trip.trip_id
    document = await db["trip"].find_one(document_id(tenant, trip_id))
    if document is None or "tenant" not in document:
        return True
    trip, progress = trip_from(document), document.get("progress")
    positions = await db["position"].find(of_trip(tenant, trip)).hint(BY_ID).to_list()
    events = await db["trip_event"].find({"tenant": tenant, "trip_id": trip_id}).to_list()
    now = TripHistory(
        trip,
        progress_from(document),
        [_event.decode(each["event"]) for each in events],
        [position_of(each) for each in positions],
    )
    if trip.is_open or not history.has_all_of(now):
        return False
    gone = [each["_id"] for each in positions]
    await delete(db, "position", gone)
    await place_again(db, vehicles, tenant, trip.vehicle_id, gone)
    await delete(db, "trip_event", [each["_id"] for each in events])
    as_it_was = {**document_id(tenant, trip_id), "rev": document["rev"], "progress": progress}
    return (await db["trip"].delete_one(as_it_was)).deleted_count == 1


async def delete(db: MongoDatabase, collection: str, ids: Sequence[str | bytes]) -> None:
    """Those that are there."""
    for start in range(0, len(ids), AT_ONCE):
        await db[collection].delete_many({"_id": {"$in": ids[start : start + AT_ONCE]}})


async def earliest_position(db: MongoDatabase, tenant: str) -> datetime | None:
    found = await ends_of(db, [of_vehicle(tenant, vehicle_id) for vehicle_id in await vehicle_ids(db, tenant)], FIRST)
    return min((position.recorded_at for position in found if position is not None), default=None)


async def reported_between(db: MongoDatabase, tenant: str, begin: datetime, end: datetime) -> list[str]:
    span = micros(begin), micros(end) - 1
    filters = [of_vehicle(tenant, vehicle_id, *span) for vehicle_id in await vehicle_ids(db, tenant)]
    return [position.vehicle_id for position in await ends_of(db, filters, FIRST) if position is not None]


async def loose_positions(
    db: MongoDatabase, tenant: str, vehicle_id: str, begin: datetime, end: datetime
) -> list[PositionRecorded]:
    return [position for _, position in await _loose(db, tenant, vehicle_id, begin, end)]


async def forget_loose_positions(
    db: MongoDatabase, vehicles: Vehicles, tenant: str, positions: Sequence[PositionRecorded]
) -> int:
    vehicle_id, begin, end = span_of(positions)
    forgotten = those_of(positions, await _loose(db, tenant, vehicle_id, begin, end))
    await delete(db, "position", forgotten)
    await place_again(db, vehicles, tenant, vehicle_id, forgotten)
    return len(forgotten)


async def _loose(
    db: MongoDatabase, tenant: str, vehicle_id: str, begin: datetime, end: datetime
) -> list[tuple[bytes, PositionRecorded]]:
    range_ = of_vehicle(tenant, vehicle_id, micros(begin), micros(end) - 1)
    found = await db["position"].find(range_).sort("_id", 1).hint(BY_ID).to_list()
    overlap = db["trip"].find(overlapping(tenant, vehicle_id, begin, end)).hint("by_vehicle")
    trips = [trip_from(each) async for each in overlap]
    return without_those_of(trips, ((document["_id"], position_of(document)) for document in found))


def overlapping(tenant: str, vehicle_id: str, begin: datetime, end: datetime) -> Document:
    """Trips of a vehicle that may hold positions of that time."""
    is_not_over = [{"ended_us": None}, {"ended_us": {"$gte": micros(begin - GRACE)}}]
    began = {"$lte": micros(end + GRACE)}
    return {"tenant": tenant, "vehicle_id": vehicle_id, "started_us": began, "$or": is_not_over}
