"""Routes in MongoDB: the whole as JSON, with a summary beside it for lists."""

import msgspec

from trackway.events import RoutePlanned
from trackway.storage.facts import summary_of
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.mongo.inserting import insert_new
from trackway.storage.port import RouteSummary

_route = msgspec.json.Decoder(RoutePlanned)
_summary = msgspec.json.Decoder(RouteSummary)


def document_of(tenant: str, route: RoutePlanned) -> Document:
    """The route as it is kept."""
    return {
        "_id": f"{tenant}/{route.route_id}",
        "tenant": tenant,
        "route_id": route.route_id,
        "name": route.name,
        "summary": msgspec.json.encode(summary_of(route)),
        "data": msgspec.json.encode(route),
    }


async def add_route(db: MongoDatabase, tenant: str, route: RoutePlanned) -> None:
    await insert_new(db, "route", [document_of(tenant, route)])


async def route(db: MongoDatabase, tenant: str, route_id: str) -> RoutePlanned | None:
    document = await db["route"].find_one({"_id": f"{tenant}/{route_id}"}, {"data": True})
    return None if document is None else _route.decode(document["data"])


async def routes(db: MongoDatabase, tenant: str) -> list[RouteSummary]:
    found = db["route"].find({"tenant": tenant}, {"summary": True}).sort([("name", 1), ("route_id", 1)])
    return [_summary.decode(document["summary"]) async for document in found]
