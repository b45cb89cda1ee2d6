"""The HTTP queries of docs/protocol.md: what the store knows, and where it is newer, the live view."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from realtime_gateway.circles import NearCircle, read_circle
from realtime_gateway.json_answer import Json
from realtime_gateway.live_view import LiveView
from realtime_gateway.nearest import nearest
from realtime_gateway.openapi import Contract
from realtime_gateway.operations import Operations, OperationsSource
from realtime_gateway.problems import ProblemError
from realtime_gateway.records import live_vehicle
from realtime_gateway.views import (
    DeadLetterList,
    EventList,
    Health,
    NearVehicleList,
    PositionList,
    RouteList,
    TripList,
    VehicleList,
    letter_document,
    structured,
)
from trackway.domain.lifecycle import TripStatus
from trackway.events import RoutePlanned
from trackway.storage.port import Store, TripView, VehicleNear

Id = Annotated[str, Path(min_length=1, max_length=64)]
Filter = Annotated[str | None, Query(min_length=1, max_length=64)]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]


class Queries:
    """The endpoints of one tenant."""

    def __init__(self, store: Store, tenant: str, view: LiveView, operations: OperationsSource) -> None:
        self._store = store
        self._tenant = tenant
        self._view = view
        self._operations = operations

    def router(self, contract: Contract) -> APIRouter:
        """All of them with their part of the OpenAPI document."""
        router = APIRouter(default_response_class=Response)

        def get(path: str, endpoint: Any, record: Any, what: str, *problems: int) -> None:
            answers = contract.answers(record, what, *problems)
            router.add_api_route(path, endpoint, responses=answers, response_model=None)

        get("/v1/routes", self.routes, RouteList, "All routes by name", 503)
        get("/v1/routes/{route_id}", self.route, RoutePlanned, "The route with its path", 404, 503)
        get("/v1/trips", self.trips, TripList, "Trips, newest first", 400, 503)
        get("/v1/trips/{trip_id}", self.trip, TripView, "The trip as it is now", 404, 503)
        get("/v1/trips/{trip_id}/positions", self.positions, PositionList, "By time", 400, 404, 503)
        get("/v1/trips/{trip_id}/events", self.events, EventList, "Newest first", 400, 404, 503)
        get("/v1/vehicles", self.vehicles, VehicleList, "Every vehicle where it was last", 503)
        get("/v1/vehicles/nearest", self.nearest_vehicles, NearVehicleList, "Nearest first", 400, 503)
        get("/v1/dead-letters", self.dead_letters, DeadLetterList, "Newest first", 400, 503)
        get("/v1/operations", self.operations, Operations, "The runtime at work", 404, 503)
        get("/healthz", self.health, Health, "The gateway answers")
        return router

    async def routes(self) -> Response:
        """All routes"""
        return Json(RouteList(routes=await self._store.routes(self._tenant)))

    async def route(self, route_id: Id) -> Response:
        """A route with its path and stops"""
        route = await self._store.route(self._tenant, route_id)
        if route is None:
            raise ProblemError(404, f"there is no route {route_id}", "route_id")
        return Json(route)

    async def trips(
        self,
        status: TripStatus | None = None,
        vehicle_id: Filter = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: Cursor = None,
    ) -> Response:
        """Trips, newest first"""
        before = None if cursor is None else _read_cursor(cursor)
        # One more than asked tells whether there is a next page.
        trips = await self._store.trips(
            self._tenant, status=status, vehicle_id=vehicle_id, limit=limit + 1, before=before
        )
        page = trips[:limit]
        return Json(TripList(trips=page, next=_cursor(page[-1]) if len(trips) > limit else None))

    async def trip(self, trip_id: Id) -> Response:
        """A trip as it is now"""
        return Json(await self._trip(trip_id))

    async def positions(
        self,
        trip_id: Id,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
        after: Annotated[datetime | None, Query(description="RFC 3339; strictly after it")] = None,
    ) -> Response:
        """A trip's positions"""
        if after is not None and after.tzinfo is None:
            raise ProblemError(400, "after: has no UTC offset", "after")
        await self._trip(trip_id)
        positions = await self._store.positions(self._tenant, trip_id, after=after, limit=limit)
        return Json(PositionList(positions=positions))

    async def events(self, trip_id: Id, limit: Annotated[int, Query(ge=1, le=1000)] = 500) -> Response:
        """A trip's events but its positions"""
        await self._trip(trip_id)
        events = await self._store.trip_events(self._tenant, trip_id, limit)
        return Json({"events": [structured(event) for event in events]})

    async def vehicles(self) -> Response:
        """Every vehicle where it was last"""
        live = self._view.hub.fleet.vehicles
        stored = {
            vehicle.vehicle_id: live_vehicle(vehicle.position, vehicle.name, vehicle.trip_id)
            for vehicle in await self._store.vehicles(self._tenant)
        }
        for vehicle_id, vehicle in live.items():
            if vehicle_id not in stored or vehicle.recorded_ms >= stored[vehicle_id].recorded_ms:
                stored[vehicle_id] = vehicle
        return Json(VehicleList(vehicles=[stored[vehicle_id] for vehicle_id in sorted(stored)]))

    async def nearest_vehicles(self, near: NearCircle, limit: Annotated[int, Query(ge=1, le=500)] = 20) -> Response:
        """The vehicles that are nearest to a place now"""
        circle = read_circle(near)
        lat, lng, radius = circle.lat, circle.lng, circle.radius

        async def ask(limit: int) -> Sequence[VehicleNear]:
            return await self._store.vehicles_near(self._tenant, lat, lng, radius, limit)

        live = self._view.hub.fleet.vehicles
        return Json(NearVehicleList(vehicles=await nearest(ask, live, lat, lng, radius, limit)))

    async def dead_letters(self, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        """Events that nobody could handle"""
        letters, total = await self._store.dead_letters(self._tenant, limit)
        return Json({"dead_letters": [letter_document(letter) for letter in letters], "total": total})

    async def operations(self) -> Response:
        """Functions, triggers and rates, as the runtime tells them"""
        return Json(await self._operations.operations())

    async def health(self) -> Response:
        """Whether the gateway answers"""
        return Json(Health())

    async def _trip(self, trip_id: str) -> TripView:
        view = await self._store.trip(self._tenant, trip_id)
        if view is None:
            raise ProblemError(404, f"there is no trip {trip_id}", "trip_id")
        return view


def _cursor(view: TripView) -> str:
    text = f"{view.trip.planned_at.isoformat()} {view.trip.trip_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, trip_id = text.partition(" ")
        planned_at = datetime.fromisoformat(moment)
    except ValueError:
        raise ProblemError(400, "cursor: not one that was given as `next`", "cursor") from None
    if planned_at.tzinfo is None or not trip_id:
        raise ProblemError(400, "cursor: not one that was given as `next`", "cursor")
    return planned_at, trip_id
