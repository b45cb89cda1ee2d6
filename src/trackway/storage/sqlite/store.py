"""The store's port over one SQLite file: each method is one transaction in the store's thread."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import Event, PositionRecorded, RoutePlanned
from trackway.storage.facts import trip_facts
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
from trackway.storage.sqlite import dead_letters, loose, routes, simulation, transfer, trips, vehicles
from trackway.storage.sqlite.appending import Appender
from trackway.storage.sqlite.connection import Database
from trackway.storage.sqlite.merging import Merging
from trackway.storage.transfer import Record

P = ParamSpec("P")
R = TypeVar("R")


class SqliteStore:
    """``Store`` in the file at ``path``, and ``transfer.Source``; these say what each method gives."""

    def __init__(self, path: str) -> None:
        self.name = f"sqlite:///{Path(path).resolve()}"
        self._appender = Appender()
        self._db = Database(path, on_rollback=self._appender.forget)
        self._merging = Merging(lambda: self._db.write(self._appender.merge))

    async def close(self) -> None:
        await self._merging.close()
        await self._db.close()

    async def page(self, kind: str, after: str | None, limit: int) -> tuple[Sequence[Record], str | None]:
        if kind == "position" and after is None:
            while await self._db.write(self._appender.merge):
                pass
        return await self._db.read(transfer.page, kind, after, limit)

    async def add_route(self, tenant: str, route: RoutePlanned) -> None:
        await self._db.write(routes.add_route, tenant, route)

    async def route(self, tenant: str, route_id: str) -> RoutePlanned | None:
        return await self._db.read(routes.route, tenant, route_id)

    async def routes(self, tenant: str) -> list[RouteSummary]:
        return await self._db.read(routes.routes, tenant)

    async def plan_trip(self, tenant: str, trip: Trip, idempotency_key: str | None = None) -> Trip:
        return await self._db.write(trips.plan_trip, tenant, trip, idempotency_key)

    async def apply_trip_events(self, tenant: str, events: Sequence[Event]) -> None:
        facts = trip_facts(events)
        if facts:
            await self._db.write(trips.apply_facts, tenant, facts)

    async def trip(self, tenant: str, trip_id: str) -> TripView | None:
        return await self._db.read(trips.trip_view, tenant, trip_id)

    async def trips(
        self,
        tenant: str,
        *,
        status: TripStatus | None = None,
        vehicle_id: str | None = None,
        limit: int = 100,
        before: tuple[datetime, str] | None = None,
    ) -> list[TripView]:
        return await self._db.read(trips.trips, tenant, status, vehicle_id, limit, before)

    async def open_trips(self, tenant: str, vehicle_ids: Sequence[str] | None = None) -> list[TripView]:
        return await self._db.read(trips.open_trips, tenant, vehicle_ids)

    async def trips_ended_since(self, tenant: str, moment: datetime, limit: int) -> list[TripView]:
        return await self._db.read(trips.trips_ended_since, tenant, moment, limit)

    async def trips_ended_between(self, tenant: str, begin: datetime, end: datetime) -> list[Trip]:
        return await self._db.read(trips.trips_ended_between, tenant, begin, end)

    async def earliest_end(self, tenant: str) -> datetime | None:
        return await self._db.read(trips.earliest_end, tenant)

    async def forget_trip(self, tenant: str, history: TripHistory) -> bool:
        return await self._merged(trips.forget_trip, tenant, history)

    async def trip_counts(self, tenant: str, ended_since: datetime) -> TripCounts:
        return await self._db.read(trips.trip_counts, tenant, ended_since)

    async def trip_events(self, tenant: str, trip_id: str, limit: int = 500) -> list[Event]:
        return await self._db.read(trips.trip_events, tenant, trip_id, limit)

    async def append_positions(self, tenant: str, positions: Sequence[StoredPosition]) -> int:
        if not positions:
            return 0
        new, waiting = await self._db.write(self._appender.append, tenant, positions)
        self._merging.wait_for(waiting)
        return new

    async def know_vehicles(self, tenant: str, positions: Sequence[PositionRecorded]) -> None:
        """A vehicle is known by its newest position, which is kept when one is stored."""

    async def positions(
        self, tenant: str, trip_id: str, *, after: datetime | None = None, limit: int = 1000
    ) -> list[PositionRecorded]:
        return await self._db.read(trips.trip_positions, tenant, trip_id, after, limit)

    async def earliest_position(self, tenant: str) -> datetime | None:
        return await self._merged(loose.earliest_position, tenant)

    async def reported_between(self, tenant: str, begin: datetime, end: datetime) -> list[str]:
        return await self._merged(loose.reported_between, tenant, begin, end)

    async def loose_positions(
        self, tenant: str, vehicle_id: str, begin: datetime, end: datetime
    ) -> list[PositionRecorded]:
        return await self._merged(loose.loose_positions, tenant, vehicle_id, begin, end)

    async def forget_loose_positions(self, tenant: str, positions: Sequence[PositionRecorded]) -> int:
        return await self._merged(loose.forget_loose_positions, tenant, positions) if positions else 0

    async def _merged(
        self, work: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What it gives in a transaction that begins by merging all positions that wait: for what is seldom asked."""

        def merge_first(db: sqlite3.Connection) -> R:
            while self._appender.merge(db):
                pass
            return work(db, *args, **kwargs)

        return await self._db.write(merge_first)

    async def vehicles(self, tenant: str) -> list[Vehicle]:
        return await self._db.read(vehicles.vehicles, tenant)

    async def vehicles_near(self, tenant: str, lat: float, lng: float, radius: float, limit: int) -> list[VehicleNear]:
        return await self._db.read(vehicles.vehicles_near, tenant, lat, lng, radius, limit)

    async def simulated_trips(self, tenant: str, shard: int) -> list[Trip]:
        return await self._db.read(trips.simulated_trips, tenant, shard)

    async def shard(self, tenant: str, shard: int) -> Shard:
        return await self._db.read(simulation.shard, tenant, shard)

    async def update_shard(self, tenant: str, shard: Shard) -> Shard:
        return await self._db.write(simulation.update_shard, tenant, shard)

    async def add_dead_letters(self, tenant: str, letters: Sequence[DeadLetter]) -> None:
        await self._db.write(dead_letters.add_dead_letters, tenant, letters)

    async def dead_letters(self, tenant: str, limit: int = 100) -> tuple[list[DeadLetter], int]:
        return await self._db.read(dead_letters.dead_letters, tenant, limit)

    async def dead_letter(self, tenant: str, letter_id: str) -> DeadLetter | None:
        return await self._db.read(dead_letters.dead_letter, tenant, letter_id)

    async def drop_dead_letter(self, tenant: str, letter_id: str) -> bool:
        return await self._db.write(dead_letters.drop_dead_letter, tenant, letter_id)
