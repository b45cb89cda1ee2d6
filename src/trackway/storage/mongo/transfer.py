"""All that a MongoDB store holds, page by page in the order of the ids, and taking over what another store held."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from pymongo import ReplaceOne

from trackway.events import Event, PositionRecorded, RoutePlanned
from trackway.storage.moments import micros
from trackway.storage.mongo import dead_letters, routes, simulation
from trackway.storage.mongo.appending import Vehicles, newest_of
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.mongo.inserting import insert_new
from trackway.storage.mongo.positions import (
    BY_ID,
    document_of,
    event_hash_of,
    position_id,
    position_of,
    vehicle_key,
)
from trackway.storage.mongo.trip_documents import (
    document_id,
    end_field,
    end_from,
    fields_of,
    progress_field,
    progress_from,
    trip_from,
)
from trackway.storage.mongo.trips import fact_document
from trackway.storage.transfer import (
    FactRecord,
    LetterRecord,
    PositionRecord,
    Record,
    RouteRecord,
    ShardRecord,
    TripRecord,
)

COPY: Final = "copy"
_COLLECTIONS: Final = {
    "route": "route",
    "trip": "trip",
    "fact": "trip_event",
    "position": "position",
    "shard": "shard",
    "letter": "dead_letter",
}
_CHANGING: Final = {"trip", "shard", "letter"}
_route = msgspec.json.Decoder(RoutePlanned)
_event = msgspec.msgpack.Decoder(Event)


async def page(db: MongoDatabase, kind: str, after: str | None, limit: int) -> tuple[Sequence[Record], str | None]:
    """As ``Source.page``; a place is the last document's id, in hex where it is bytes."""
    own: str | bytes | None = bytes.fromhex(after) if after is not None and kind == "position" else after
    filter_: Document = {} if own is None else {"_id": {"$gt": own}}
    found = await db[_COLLECTIONS[kind]].find(filter_).sort("_id", 1).limit(limit).hint(BY_ID).to_list()
    if not found:
        return [], None
    last = found[-1]["_id"]
    return [_RECORDS[kind](document) for document in found], last.hex() if isinstance(last, bytes) else last


def _trip_record(document: Document) -> TripRecord:
    tenant, _, trip_id = document["_id"].rpartition("/")
    trip = trip_from(document) if "tenant" in document else None
    end = end_from(trip_id, document.get("end"))
    return TripRecord(tenant, trip_id, trip, end, document.get("key"), progress_from(document))


_RECORDS: Final[dict[str, Callable[[Document], Record]]] = {
    "route": lambda document: RouteRecord(document["tenant"], _route.decode(document["data"])),
    "trip": _trip_record,
    "fact": lambda document: FactRecord(
        document["tenant"], document["trip_id"], int(document["time_us"]), _event.decode(document["event"])
    ),
    "position": lambda document: PositionRecord(
        document["tenant"], event_hash_of(document["_id"]), position_of(document)
    ),
    "shard": lambda document: ShardRecord(document["tenant"], simulation.shard_from(document)),
    "letter": lambda document: LetterRecord(document["tenant"], dead_letters.letter_from(document)),
}


async def take_over(db: MongoDatabase, vehicles: Vehicles, kind: str, records: Sequence[Record]) -> None:
    """What never changes is inserted, what does is put in the place of what is there."""
    positions: dict[str, list[PositionRecorded]] = {}
    for record in records:
        if isinstance(record, PositionRecord):
            positions.setdefault(record.tenant, []).append(record.position)
    for tenant, of_tenant in positions.items():
        await vehicles.tell(db, tenant, newest_of(of_tenant))
    documents = [_document(record) for record in records]
    if kind in _CHANGING:
        replacing = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
        await db[_COLLECTIONS[kind]].bulk_write(replacing)
    else:
        await insert_new(db, _COLLECTIONS[kind], documents)


def _document(record: Record) -> Document:
    match record:
        case RouteRecord(tenant, route):
            return routes.document_of(tenant, route)
        case FactRecord(tenant, trip_id, time_us, event):
            return fact_document(tenant, trip_id, time_us, event)
        case PositionRecord(tenant, hashed, position):
            key = vehicle_key(tenant, position.vehicle_id)
            return document_of(position_id(key, micros(position.recorded_at), hashed), tenant, position)
        case TripRecord():
            return _trip_document(record)
        case ShardRecord(tenant, shard):
            return simulation.document_of(tenant, shard)
        case LetterRecord(tenant, letter):
            return dead_letters.document_of(tenant, letter)


def _trip_document(record: TripRecord) -> Document:
    document: Document = {**document_id(record.tenant, record.trip_id), "rev": 1}
    if record.trip is not None:
        document |= fields_of(record.tenant, record.trip)
    if record.end is not None:
        document["end"] = end_field(record.end)
    if record.key is not None:
        document["key"] = record.key
    if record.progress is not None:
        document |= progress_field(record.progress)
    return document


async def bookmarks(db: MongoDatabase, source: str) -> Mapping[str, str | None]:
    document = await db[COPY].find_one({"_id": source})
    return {} if document is None else document["places"]


async def set_bookmark(db: MongoDatabase, source: str, kind: str, place: str | None) -> None:
    await db[COPY].update_one({"_id": source}, {"$set": {f"places.{kind}": place}}, upsert=True)
