"""Asking a MongoDB for vehicles, with where they are and the trip they are on."""

from collections.abc import Sequence
from math import pi
from typing import Any

from trackway.domain.geometry import EARTH_RADIUS, distance
from trackway.events import PositionRecorded
from trackway.storage.mongo.appending import SLACK
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.mongo.positions import ASKED_AT_ONCE, last_of, of_vehicle
from trackway.storage.mongo.trip_views import open_filter
from trackway.storage.port import Vehicle, VehicleNear


async def vehicles(db: MongoDatabase, tenant: str) -> list[Vehicle]:
    """Every vehicle that has a position, by id."""
    newest = await _newest(db, tenant, await vehicle_ids(db, tenant))
    names, on = await _names(db, tenant), await _on(db, tenant)
    return [_vehicle(position, names, on) for position in newest if position is not None]


async def vehicle_ids(db: MongoDatabase, tenant: str) -> list[str]:
    """Of all that were made known, in their order."""
    found = db["vehicle"].find({"tenant": tenant}, {"vehicle_id": True}).sort("vehicle_id", 1)
    return [document["vehicle_id"] async for document in found]


async def vehicles_near(
    db: MongoDatabase, tenant: str, lat: float, lng: float, radius: float, limit: int
) -> list[VehicleNear]:
    """By their places in the index, nearest first, until no vehicle that follows can be among the nearest."""
    found = db["vehicle"].find(near_filter(tenant, lat, lng, radius + SLACK), {"vehicle_id": True, "place": True})
    places = sorted([(_distance(lat, lng, document), document["vehicle_id"]) async for document in found])
    nearest: list[tuple[float, str, PositionRecorded]] = []
    for start in range(0, len(places), ASKED_AT_ONCE):
        if len(nearest) == limit and nearest[-1][0] < places[start][0] - SLACK:
            break
        some = places[start : start + ASKED_AT_ONCE]
        newest = await _newest(db, tenant, [vehicle_id for _, vehicle_id in some])
        away = ((distance(lat, lng, each.lat, each.lng), each.vehicle_id, each) for each in newest if each)
        nearest += [pair for pair in away if pair[0] <= radius]
        nearest = sorted(nearest, key=lambda each: each[:2])[:limit]
    shown = [vehicle_id for _, vehicle_id, _ in nearest]
    names, on = await _names(db, tenant, shown), await _on(db, tenant, shown)
    return [VehicleNear(vehicle=_vehicle(each, names, on), distance=metres) for metres, _, each in nearest]


def near_filter(tenant: str, lat: float, lng: float, metres: float) -> Document:
    """Vehicles whose places are in a circle. In no order: not every server of this protocol sorts by distance."""
    circle = [[lng, lat], min(pi, metres / EARTH_RADIUS)]
    return {"tenant": tenant, "place": {"$geoWithin": {"$centerSphere": circle}}}


def _distance(lat: float, lng: float, document: Document) -> float:
    place_lng, place_lat = document["place"]["coordinates"]
    return distance(lat, lng, place_lat, place_lng)


async def _newest(db: MongoDatabase, tenant: str, vehicle_ids: Sequence[str]) -> list[PositionRecorded | None]:
    return await last_of(db, [of_vehicle(tenant, vehicle_id) for vehicle_id in vehicle_ids])


def _vehicle(position: PositionRecorded, names: dict[str, str], on: dict[str, str]) -> Vehicle:
    vehicle_id = position.vehicle_id
    name = names.get(vehicle_id) or vehicle_id
    return Vehicle(vehicle_id=vehicle_id, name=name, position=position, trip_id=on.get(vehicle_id))


async def _names(db: MongoDatabase, tenant: str, vehicle_ids: Sequence[str] | None = None) -> dict[str, str]:
    """What each vehicle's newest trip calls it; the index is read backwards, and of each vehicle one entry."""
    filter_: Document = {"tenant": tenant}
    if vehicle_ids is not None:
        filter_["vehicle_id"] = {"$in": list(vehicle_ids)}
    stages: list[Document] = [
        {"$match": filter_},
        {"$sort": {"vehicle_id": -1, "order": -1}},
        {"$group": {"_id": "$vehicle_id", "name": {"$first": "$vehicle_name"}}},
    ]
    found = await db["trip"].aggregate(stages, hint="by_vehicle")
    return {document["_id"]: document["name"] async for document in found}


async def _on(db: MongoDatabase, tenant: str, vehicle_ids: Sequence[str] | None = None) -> dict[str, str]:
    """The open trip that each vehicle is on: of several the last started."""
    shown: dict[str, Any] = {"vehicle_id": True, "trip_id": True, "started_us": True}
    found = await db["trip"].find(open_filter(tenant, vehicle_ids), shown).to_list()
    found.sort(key=lambda document: (document["started_us"], document["trip_id"]))
    return {document["vehicle_id"]: document["trip_id"] for document in found}
