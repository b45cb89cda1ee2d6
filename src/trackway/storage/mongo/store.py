"""The store's port over a MongoDB."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import Event, PositionRecorded, RoutePlanned
from trackway.storage.facts import trip_facts
from trackway.storage.mongo import (
    dead_letters,
    forgetting,
    routes,
    simulation,
    transfer,
    trip_views,
    trips,
    vehicle_views,
)
from trackway.storage.mongo.address import Address
from trackway.storage.mongo.appending import Vehicles, append, know
from trackway.storage.mongo.connection import Database
from trackway.storage.port import (
    DeadLetter,
    RouteSummary,
    Shard,
    StoredPosition,
    TripCounts,
    TripHistory,
    TripView,
    Vehicle,
    VehicleNear,
)
from trackway.storage.transfer import Record


class MongoStore:
    """``Store`` in the MongoDB at ``url``, and ``transfer.Copied``; these say what each method gives. Raises ValueError
    for an address that cannot be one."""

    def __init__(self, url: str) -> None:
        address = Address.parse(url)
        self.name = address.where
        self._db = Database(address)
        self._vehicles = Vehicles()

    async def close(self) -> None:
        await self._db.close()

    async def page(self, kind: str, after: str | None, limit: int) -> tuple[Sequence[Record], str | None]:
        return await self._db.run(transfer.page, kind, after, limit)

    async def take_over(self, kind: str, records: Sequence[Record]) -> None:
        await self._db.run(transfer.take_over, self._vehicles, kind, records)

    async def bookmarks(self, source: str) -> Mapping[str, str | None]:
        return await self._db.run(transfer.bookmarks, source)

    async def set_bookmark(self, source: str, kind: str, place: str | None) -> None:
        await self._db.run(transfer.set_bookmark, source, kind, place)

    async def add_route(self, tenant: str, route: RoutePlanned) -> None:
        await self._db.run(routes.add_route, tenant, route)

    async def route(self, tenant: str, route_id: str) -> RoutePlanned | None:
        return await self._db.run(routes.route, tenant, route_id)

    async def routes(self, tenant: str) -> list[RouteSummary]:
        return await self._db.run(routes.routes, tenant)

    async def plan_trip(self, tenant: str, trip: Trip, idempotency_key: str | None = None) -> Trip:
        return await self._db.run(trips.plan_trip, tenant, trip, idempotency_key)

    async def apply_trip_events(self, tenant: str, events: Sequence[Event]) -> None:
        facts = trip_facts(events)
        if facts:
            await self._db.run(trips.apply_facts, tenant, facts)

    async def trip(self, tenant: str, trip_id: str) -> TripView | None:
        return await self._db.run(trip_views.trip_view, tenant, trip_id)

    async def trips(
        self,
        tenant: str,
        *,
        status: TripStatus | None = None,
        vehicle_id: str | None = None,
        limit: int = 100,
        before: tuple[datetime, str] | None = None,
    ) -> list[TripView]:
        return await self._db.run(trip_views.trips, tenant, status, vehicle_id, limit, before)

    async def open_trips(self, tenant: str, vehicle_ids: Sequence[str] | None = None) -> list[TripView]:
        return await self._db.run(trip_views.open_trips, tenant, vehicle_ids)

    async def trips_ended_since(self, tenant: str, moment: datetime, limit: int) -> list[TripView]:
        return await self._db.run(trip_views.trips_ended_since, tenant, moment, limit)

    async def trips_ended_between(self, tenant: str, begin: datetime, end: datetime) -> list[Trip]:
        return await self._db.run(trip_views.trips_ended_between, tenant, begin, end)

    async def earliest_end(self, tenant: str) -> datetime | None:
        return await self._db.run(trip_views.earliest_end, tenant)

    async def forget_trip(self, tenant: str, history: TripHistory) -> bool:
        return await self._db.run(forgetting.forget_trip, self._vehicles, tenant, history)

    async def trip_counts(self, tenant: str, ended_since: datetime) -> TripCounts:
        return await self._db.run(trip_views.trip_counts, tenant, ended_since)

    async def trip_events(self, tenant: str, trip_id: str, limit: int = 500) -> list[Event]:
        return await self._db.run(trip_views.trip_events, tenant, trip_id, limit)

    async def append_positions(self, tenant: str, positions: Sequence[StoredPosition]) -> int:
        if not positions:
            return 0
        return await self._db.run(append, self._vehicles, tenant, positions)

    async def know_vehicles(self, tenant: str, positions: Sequence[PositionRecorded]) -> None:
        if positions:
            await self._db.run(know, self._vehicles, tenant, positions)

    async def positions(
        self, tenant: str, trip_id: str, *, after: datetime | None = None, limit: int = 1000
    ) -> list[PositionRecorded]:
        return await self._db.run(trip_views.trip_positions, tenant, trip_id, after, limit)

    async def earliest_position(self, tenant: str) -> datetime | None:
        return await self._db.run(forgetting.earliest_position, tenant)

    async def reported_between(self, tenant: str, begin: datetime, end: datetime) -> list[str]:
        return await self._db.run(forgetting.reported_between, tenant, begin, end)

    async def loose_positions(
        self, tenant: str, vehicle_id: str, begin: datetime, end: datetime
    ) -> list[PositionRecorded]:
        return await self._db.run(forgetting.loose_positions, tenant, vehicle_id, begin, end)

    async def forget_loose_positions(self, tenant: str, positions: Sequence[PositionRecorded]) -> int:
        if not positions:
            return 0
        return await self._db.run(forgetting.forget_loose_positions, self._vehicles, tenant, positions)

    async def vehicles(self, tenant: str) -> list[Vehicle]:
        return await self._db.run(vehicle_views.vehicles, tenant)

    async def vehicles_near(self, tenant: str, lat: float, lng: float, radius: float, limit: int) -> list[VehicleNear]:
        return await self._db.run(vehicle_views.vehicles_near, tenant, lat, lng, radius, limit)

    async def simulated_trips(self, tenant: str, shard: int) -> list[Trip]:
        return await self._db.run(trip_views.simulated_trips, tenant, shard)

    async def shard(self, tenant: str, shard: int) -> Shard:
        return await self._db.run(simulation.shard, tenant, shard)

    async def update_shard(self, tenant: str, shard: Shard) -> Shard:
        return await self._db.run(simulation.update_shard, tenant, shard)

    async def add_dead_letters(self, tenant: str, letters: Sequence[DeadLetter]) -> None:
        await self._db.run(dead_letters.add_dead_letters, tenant, letters)

    async def dead_letters(self, tenant: str, limit: int = 100) -> tuple[list[DeadLetter], int]:
        return await self._db.run(dead_letters.dead_letters, tenant, limit)

    async def dead_letter(self, tenant: str, letter_id: str) -> DeadLetter | None:
        return await self._db.run(dead_letters.dead_letter, tenant, letter_id)

    async def drop_dead_letter(self, tenant: str, letter_id: str) -> bool:
        return await self._db.run(dead_letters.drop_dead_letter, tenant, letter_id)
