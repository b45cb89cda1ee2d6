"""Routes in MongoDB: the whole as JSON, with a summary beside it for lists."""

import msgspec
from pymongo.errors import DuplicateKeyError

from trackway.events import RoutePlanned
from trackway.storage.facts import summary_of
from trackway.storage.mongo.connection import MongoDatabase
from trackway.storage.port import RouteSummary

_route = msgspec.json.Decoder(RoutePlanned)
_summary = msgspec.json.Decoder(RouteSummary)


async def add_route(db: MongoDatabase, tenant: str, route: RoutePlanned) -> None:
    document = {
        "_id": f"{tenant}/{route.route_id}",
        "tenant": tenant,
        "route_id": route.route_id,
        "name": route.name,
        "summary": msgspec.json.encode(summary_of(route)),
        "data": msgspec.json.encode(route),
    }
    try:
        await db["route"].insert_one(document)
    except DuplicateKeyError:
        return  # it stays as it is


async def route(db: MongoDatabase, tenant: str, route_id: str) -> RoutePlanned | None:
    document = await db["route"].find_one({"_id": f"{tenant}/{route_id}"}, {"data": True})
    return None if document is None else _route.decode(document["data"])


async def routes(db: MongoDatabase, tenant: str) -> list[RouteSummary]:
    found = db["route"].find({"tenant": tenant}, {"summary": True}).sort([("name", 1), ("route_id", 1)])
    return [_summary.decode(document["summary"]) async for document in found]
