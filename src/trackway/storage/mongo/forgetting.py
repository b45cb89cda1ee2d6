"""Deleting from a MongoDB what an archive holds: by the ids of what was compared, since more may come meanwhile."""

from collections.abc import Sequence
from typing import Final

import msgspec

from trackway.events import Event
from trackway.storage.mongo.appending import Vehicles, place_again
from trackway.storage.mongo.connection import MongoDatabase
from trackway.storage.mongo.positions import BY_ID, of_trip, position_of
from trackway.storage.mongo.trip_documents import document_id, progress_from, trip_from
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
    await delete(db, "position", [each["_id"] for each in positions])
    await place_again(db, vehicles, tenant, trip.vehicle_id)
    await delete(db, "trip_event", [each["_id"] for each in events])
    as_it_was = {**document_id(tenant, trip_id), "rev": document["rev"], "progress": progress}
    return (await db["trip"].delete_one(as_it_was)).deleted_count == 1


async def delete(db: MongoDatabase, collection: str, ids: Sequence[str | bytes]) -> None:
    """Those that are there."""
    for start in range(0, len(ids), AT_ONCE):
        await db[collection].delete_many({"_id": {"$in": ids[start : start + AT_ONCE]}})
