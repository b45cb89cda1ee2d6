"""Trips in MongoDB: planned, and moved along their life by facts."""

from collections.abc import Iterable, Sequence

import msgspec
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from trackway.domain.trip import Trip, TripEnd, after, end_of, first_end, given_up, trip_of, with_end
from trackway.events import Event, TripCancelled, TripFinished, TripProgressed, TripStarted
from trackway.storage.facts import TripFact
from trackway.storage.moments import micros
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.mongo.inserting import insert_new, only_duplicates
from trackway.storage.mongo.trip_documents import (
    Known,
    change_known,
    document_id,
    end_field,
    known_of,
    progress_field,
    save,
    trip_from,
)
from trackway.storage.mongo.trip_views import open_filter
from trackway.storage.port import Conflict

# Planning -------------------------------------------------------------------------------------------------------------


async def plan_trip(db: MongoDatabase, tenant: str, trip: Trip, idempotency_key: str | None) -> Trip:
    while True:
        known = await known_of(db, tenant, trip.trip_id)
        there = await _trip_of_key(db, tenant, idempotency_key) or (known and known.trip)
        if there is not None:
            return there
        if not await _free_vehicle(db, tenant, trip):
            continue
        kept = with_end(trip, known.end) if known and known.end else trip
        own: Document = {} if idempotency_key is None else {"key": idempotency_key}
        if kept.is_open:
            own["holds"] = kept.vehicle_id
        try:
            if await save(db, tenant, known, kept, own):
                return kept
        except DuplicateKeyError:
            continue  # somebody used the key, or planned for the vehicle, since we looked


async def _trip_of_key(db: MongoDatabase, tenant: str, idempotency_key: str | None) -> Trip | None:
    if idempotency_key is None:
        return None
    document = await db["trip"].find_one({"tenant": tenant, "key": idempotency_key})
    return None if document is None else trip_from(document)


async def _free_vehicle(db: MongoDatabase, tenant: str, successor: Trip) -> bool:
    """Give up what was planned for the trip's vehicle and never started; False when that changed meanwhile. Raises
    Conflict when the vehicle is busy."""
    giving: list[tuple[Known, Trip]] = []
    async for document in db["trip"].find(open_filter(tenant, [successor.vehicle_id])):
        trip = trip_from(document)
        over = given_up(trip, successor)
        if over is None:
            raise Conflict(f"vehicle {trip.vehicle_id} is on trip {trip.trip_id} already")
        giving.append((Known(document["rev"], trip, None), over))
    for known, over in giving:
        if not await save(db, tenant, known, over):
            return False
    return True


# Facts ----------------------------------------------------------------------------------------------------------------


async def apply_facts(db: MongoDatabase, tenant: str, facts: Sequence[TripFact]) -> None:
    """Each step may be done again: whoever is told that one failed repeats them all."""
    await _keep_progress(db, tenant, [each.fact for each in facts if isinstance(each.fact, TripProgressed)])
    kept = [each for each in facts if not isinstance(each.fact, TripProgressed)]
    for each in kept:
        if isinstance(each.fact, TripStarted | TripFinished | TripCancelled):
            await _move(db, tenant, each.fact)
    documents = [fact_document(tenant, each.trip_id, micros(each.moment), each.event) for each in kept]
    if documents:
        await insert_new(db, "trip_event", documents)


def fact_document(tenant: str, trip_id: str, time_us: int, event: Event) -> Document:
    """A fact of a trip's timeline; its id makes a repeat fall."""
    source, event_id = event.key
    return {
        "_id": f"{tenant}/{trip_id}\n{source}\n{event_id}",
        "tenant": tenant,
        "trip_id": trip_id,
        "time_us": time_us,
        "event": msgspec.msgpack.encode(event),
    }


async def _keep_progress(db: MongoDatabase, tenant: str, progress: Iterable[TripProgressed]) -> None:
    keeping = [
        UpdateOne(document_id(tenant, each.trip_id), {"$max": progress_field(each)}, upsert=True) for each in progress
    ]
    while keeping:
        try:
            await db["trip"].bulk_write(keeping, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
        else:
            return
        # Two made a trip's document at once: now it is there, and is changed.


async def _move(db: MongoDatabase, tenant: str, fact: TripStarted | TripFinished | TripCancelled) -> None:
    moved = False
    while not moved:
        known = await known_of(db, tenant, fact.trip_id)
        if known is not None and known.trip is not None:
            trip = after(known.trip, fact)
            moved = trip is known.trip or await save(db, tenant, known, trip)
        elif isinstance(fact, TripStarted):
            trip = trip_of(fact)
            end = known and known.end
            moved = await save(db, tenant, known, with_end(trip, end) if end else trip)
        else:
            moved = await _remember_end(db, tenant, known, end_of(fact))


async def _remember_end(db: MongoDatabase, tenant: str, known: Known | None, end: TripEnd) -> bool:
    first = first_end(known.end, end) if known and known.end else end
    return await change_known(db, tenant, known, fact_id=end.trip_id, fields={"end": end_field(first)})
