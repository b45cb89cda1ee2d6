"""The store in memory: for tests, and for trying things out. Held to the same contract as the real ones."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from trackway.domain.geometry import distance
from trackway.domain.lifecycle import TripStatus
from trackway.domain.motion import shard_of
from trackway.domain.trip import Trip, TripEnd, after, end_of, first_end, given_up, trip_of, with_end
from trackway.events import (
    Event,
    PositionRecorded,
    RoutePlanned,
    TripCancelled,
    TripFinished,
    TripProgressed,
    TripStarted,
)
from trackway.storage.facts import TripFact, summary_of, trip_facts
from trackway.storage.loose import span_of, those_of
from trackway.storage.port import (
    Conflict,
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


class _Tenant:
    """All that one tenant has."""

    def __init__(self) -> None:
        self.routes: dict[str, RoutePlanned] = {}
        self.trips: dict[str, Trip] = {}
        self.trip_by_key: dict[str, str] = {}
        self.ends: dict[str, TripEnd] = {}
        self.progress: dict[str, TripProgressed] = {}
        self.timeline: dict[str, dict[tuple[str, str], TripFact]] = defaultdict(dict)
        self.positions: dict[str, dict[tuple[datetime, str, str], PositionRecorded]] = defaultdict(dict)
        self.newest: dict[str, PositionRecorded] = {}
        self.shards: dict[int, Shard] = {}
        self.dead_letters: dict[str, DeadLetter] = {}

    def keep_trip(self, trip: Trip) -> Trip:
        """Keep a trip that is new here, over already if its end is known."""
        end = self.ends.pop(trip.trip_id, None)
        kept = self.trips[trip.trip_id] = trip if end is None else with_end(trip, end)
        return kept

    def take_in(self, each: TripFact) -> None:
        fact = each.fact
        if isinstance(fact, TripProgressed):
            newest = self.progress.get(fact.trip_id)
            if newest is None or newest.recorded_at < fact.recorded_at:
                self.progress[fact.trip_id] = fact
            return
        if isinstance(fact, TripStarted | TripFinished | TripCancelled):
            self._move(fact)
        self.timeline[each.trip_id].setdefault(each.event.key, each)

    def _move(self, fact: TripStarted | TripFinished | TripCancelled) -> None:
        trip = self.trips.get(fact.trip_id)
        if trip is not None:
            self.trips[trip.trip_id] = after(trip, fact)
        elif isinstance(fact, TripStarted):
            self.keep_trip(trip_of(fact))
        else:
            end = end_of(fact)
            known = self.ends.get(fact.trip_id)
            self.ends[fact.trip_id] = end if known is None else first_end(known, end)

    def free_vehicle(self, successor: Trip) -> None:
        """Give up what was planned for the trip's vehicle and never started. Raises Conflict when it is busy."""
        cancelled: list[Trip] = []
        for trip in self.trips.values():
            if trip.vehicle_id != successor.vehicle_id or not trip.is_open:
                continue
            over = given_up(trip, successor)
            if over is None:
                raise Conflict(f"vehicle {trip.vehicle_id} is on trip {trip.trip_id} already")
            cancelled.append(over)
        self.trips.update((trip.trip_id, trip) for trip in cancelled)

    def open_trip(self, vehicle_id: str) -> Trip | None:
        trips = [trip for trip in self.trips.values() if trip.vehicle_id == vehicle_id and trip.is_open]
        return max(trips, key=_by_start, default=None)

    def positions_of(self, trip: Trip) -> list[PositionRecorded]:
        kept = self.positions.get(trip.vehicle_id, {})
        return [position for _, position in sorted(kept.items()) if trip.holds(position)]

    def history(self, trip: Trip) -> TripHistory:
        facts = self.timeline.get(trip.trip_id, {}).values()
        progress = self.progress.get(trip.trip_id)
        return TripHistory(trip, progress, [each.event for each in facts], self.positions_of(trip))

    def forget(self, trip: Trip) -> None:
        of_vehicle = self.positions[trip.vehicle_id]
        for key in [key for key, position in of_vehicle.items() if trip.holds(position)]:
            del of_vehicle[key]
        self.renew_newest(trip.vehicle_id)
        self.timeline.pop(trip.trip_id, None)
        self.progress.pop(trip.trip_id, None)
        self.trip_by_key = {key: trip_id for key, trip_id in self.trip_by_key.items() if trip_id != trip.trip_id}
        del self.trips[trip.trip_id]

    def renew_newest(self, vehicle_id: str) -> None:
        """After some of its positions were forgotten."""
        self.newest.pop(vehicle_id, None)
        of_vehicle = self.positions[vehicle_id]
        if of_vehicle:
            self.newest[vehicle_id] = of_vehicle[max(of_vehicle)]

    def loose(self, vehicle_id: str, begin: datetime, end: datetime) -> list[tuple[datetime, str, str]]:
        """The keys of its positions of that time that belong to no trip, by time."""
        trips = [trip for trip in self.trips.values() if trip.vehicle_id == vehicle_id]
        of_vehicle = sorted(self.positions.get(vehicle_id, {}).items())
        within = [(key, position) for key, position in of_vehicle if begin <= key[0] < end]
        return [key for key, position in within if not any(trip.holds(position) for trip in trips)]

    def view(self, trip: Trip) -> TripView:
        position = self.newest.get(trip.vehicle_id) if trip.is_open else self.last_position_of(trip)
        return TripView(trip=trip, progress=self.progress.get(trip.trip_id), position=position)

    def last_position_of(self, trip: Trip) -> PositionRecorded | None:
        return next(reversed(self.positions_of(trip)), None)

    def views(self, trips: Iterable[Trip]) -> list[TripView]:
        return [self.view(trip) for trip in trips]

    def vehicle(self, position: PositionRecorded) -> Vehicle:
        vehicle_id = position.vehicle_id
        newest = max((t for t in self.trips.values() if t.vehicle_id == vehicle_id), key=_by_plan, default=None)
        trip = self.open_trip(vehicle_id)
        return Vehicle(
            vehicle_id=vehicle_id,
            name=newest.vehicle_name if newest else vehicle_id,
            position=position,
            trip_id=trip.trip_id if trip else None,
        )


def _by_plan(trip: Trip) -> tuple[datetime, str]:
    return trip.planned_at, trip.trip_id


def _by_start(trip: Trip) -> tuple[datetime, str]:
    return trip.started_at, trip.trip_id


class InMemoryStore:
    """``Store`` for one process; the port says what each method gives."""

    def __init__(self) -> None:
        self._tenants: dict[str, _Tenant] = defaultdict(_Tenant)

    async def close(self) -> None:
        self._tenants.clear()

    async def add_route(self, tenant: str, route: RoutePlanned) -> None:
        self._tenants[tenant].routes.setdefault(route.route_id, route)

    async def route(self, tenant: str, route_id: str) -> RoutePlanned | None:
        return self._tenants[tenant].routes.get(route_id)

    async def routes(self, tenant: str) -> list[RouteSummary]:
        routes = sorted(self._tenants[tenant].routes.values(), key=lambda route: (route.name, route.route_id))
        return [summary_of(route) for route in routes]

    async def plan_trip(self, tenant: str, trip: Trip, idempotency_key: str | None = None) -> Trip:
        kept = self._tenants[tenant]
        if idempotency_key in kept.trip_by_key:
            return kept.trips[kept.trip_by_key[idempotency_key]]
        if trip.trip_id in kept.trips:
            return kept.trips[trip.trip_id]
        kept.free_vehicle(trip)
        if idempotency_key is not None:
            kept.trip_by_key[idempotency_key] = trip.trip_id
        return kept.keep_trip(trip)

    async def apply_trip_events(self, tenant: str, events: Sequence[Event]) -> None:
        for fact in trip_facts(events):
            self._tenants[tenant].take_in(fact)

    async def trip(self, tenant: str, trip_id: str) -> TripView | None:
        kept = self._tenants[tenant]
        trip = kept.trips.get(trip_id)
        return None if trip is None else kept.view(trip)

    async def trips(
        self,
        tenant: str,
        *,
        status: TripStatus | None = None,
        vehicle_id: str | None = None,
        limit: int = 100,
        before: tuple[datetime, str] | None = None,
    ) -> list[TripView]:
        kept = self._tenants[tenant]
        trips = [
            trip
            for trip in sorted(kept.trips.values(), key=_by_plan, reverse=True)
            if (status is None or trip.status is status)
            and (vehicle_id is None or trip.vehicle_id == vehicle_id)
            and (before is None or _by_plan(trip) < before)
        ]
        return kept.views(trips[:limit])

    async def open_trips(self, tenant: str, vehicle_ids: Sequence[str] | None = None) -> list[TripView]:
        kept = self._tenants[tenant]
        trips = sorted((trip for trip in kept.trips.values() if trip.is_open), key=_by_start)
        if vehicle_ids is None:
            return kept.views(trips)
        wanted = dict.fromkeys(vehicle_ids)
        return kept.views(trip for vehicle_id in wanted for trip in trips if trip.vehicle_id == vehicle_id)

    async def trips_ended_since(self, tenant: str, moment: datetime, limit: int) -> list[TripView]:
        kept = self._tenants[tenant]
        ended = [(trip.ended_at, trip.trip_id) for trip in kept.trips.values() if trip.ended_at is not None]
        newest = sorted((each for each in ended if each[0] >= moment), reverse=True)[:limit]
        return kept.views(kept.trips[trip_id] for _, trip_id in newest)

    async def trips_ended_between(self, tenant: str, begin: datetime, end: datetime) -> list[Trip]:
        trips = self._tenants[tenant].trips.values()
        ended = [(trip.ended_at, trip.trip_id, trip) for trip in trips if trip.ended_at is not None]
        return [trip for ended_at, _, trip in sorted(ended, key=lambda each: each[:2]) if begin <= ended_at < end]

    async def earliest_end(self, tenant: str) -> datetime | None:
        trips = self._tenants[tenant].trips.values()
        return min((trip.ended_at for trip in trips if trip.ended_at is not None), default=None)

    async def forget_trip(self, tenant: str, history: TripHistory) -> bool:
        kept = self._tenants[tenant]
        trip = kept.trips.get(history.trip.trip_id)
        if trip is None:
            return True
        if trip.is_open or not history.has_all_of(kept.history(trip)):
            return False
        kept.forget(trip)
        return True

    async def trip_counts(self, tenant: str, ended_since: datetime) -> TripCounts:
        counts = dict.fromkeys(TripStatus, 0)
        for trip in self._tenants[tenant].trips.values():
            counts[trip.status] += trip.ended_at is None or trip.ended_at >= ended_since
        return TripCounts(
            planned=counts[TripStatus.PLANNED],
            underway=counts[TripStatus.UNDERWAY],
            finished=counts[TripStatus.FINISHED],
            cancelled=counts[TripStatus.CANCELLED],
        )

    async def trip_events(self, tenant: str, trip_id: str, limit: int = 500) -> list[Event]:
        facts = self._tenants[tenant].timeline.get(trip_id, {})
        newest = sorted(facts.values(), key=lambda fact: fact.moment)[::-1]
        return [fact.event for fact in newest[:limit]]

    async def append_positions(self, tenant: str, positions: Sequence[StoredPosition]) -> int:
        kept = self._tenants[tenant]
        added = 0
        for stored in positions:
            position = stored.position
            of_vehicle = kept.positions[position.vehicle_id]
            key = position.recorded_at, stored.source, stored.event_id
            if key in of_vehicle:
                continue
            added += 1
            of_vehicle[key] = position
            newest = kept.newest.get(position.vehicle_id)
            if newest is None or newest.recorded_at < position.recorded_at:
                kept.newest[position.vehicle_id] = position
        return added

    async def know_vehicles(self, tenant: str, positions: Sequence[PositionRecorded]) -> None:
        """A vehicle is known by its positions."""

    async def positions(
        self, tenant: str, trip_id: str, *, after: datetime | None = None, limit: int = 1000
    ) -> list[PositionRecorded]:
        kept = self._tenants[tenant]
        trip = kept.trips.get(trip_id)
        if trip is None:
            return []
        of_trip = kept.positions_of(trip)
        return [position for position in of_trip if after is None or position.recorded_at > after][:limit]

    async def earliest_position(self, tenant: str) -> datetime | None:
        kept = self._tenants[tenant].positions.values()
        return min((recorded_at for of_vehicle in kept for recorded_at, _, _ in of_vehicle), default=None)

    async def reported_between(self, tenant: str, begin: datetime, end: datetime) -> list[str]:
        kept = sorted(self._tenants[tenant].positions.items())
        return [vehicle_id for vehicle_id, of_vehicle in kept if any(begin <= key[0] < end for key in of_vehicle)]

    async def loose_positions(
        self, tenant: str, vehicle_id: str, begin: datetime, end: datetime
    ) -> list[PositionRecorded]:
        kept = self._tenants[tenant]
        loose = kept.loose(vehicle_id, begin, end)
        return [kept.positions[vehicle_id][key] for key in loose]

    async def forget_loose_positions(self, tenant: str, positions: Sequence[PositionRecorded]) -> int:
        if not positions:
            return 0
        kept, (vehicle_id, begin, end) = self._tenants[tenant], span_of(positions)
        of_vehicle = kept.positions[vehicle_id]
        loose = [(key, of_vehicle[key]) for key in kept.loose(vehicle_id, begin, end)]
        forgotten = those_of(positions, loose)
        for key in forgotten:
            del of_vehicle[key]
        kept.renew_newest(vehicle_id)
        return len(forgotten)

    async def vehicles(self, tenant: str) -> list[Vehicle]:
        kept = self._tenants[tenant]
        return [kept.vehicle(position) for _, position in sorted(kept.newest.items())]

    async def vehicles_near(self, tenant: str, lat: float, lng: float, radius: float, limit: int) -> list[VehicleNear]:
        kept = self._tenants[tenant]
        away = ((distance(lat, lng, each.lat, each.lng), each) for _, each in sorted(kept.newest.items()))
        nearest = sorted((pair for pair in away if pair[0] <= radius), key=lambda pair: pair[0])
        return [VehicleNear(vehicle=kept.vehicle(each), distance=metres) for metres, each in nearest[:limit]]

    async def simulated_trips(self, tenant: str, shard: int) -> list[Trip]:
        trips = sorted(self._tenants[tenant].trips.values(), key=_by_start)
        return [trip for trip in trips if trip.simulated and trip.is_open and shard_of(trip.vehicle_id) == shard]

    async def shard(self, tenant: str, shard: int) -> Shard:
        return self._tenants[tenant].shards.get(shard, Shard(shard=shard))

    async def update_shard(self, tenant: str, shard: Shard) -> Shard:
        kept = await self.shard(tenant, shard.shard)
        if kept.version != shard.version:
            raise Conflict(f"shard {shard.shard} was changed: it is at version {kept.version}, not {shard.version}")
        following = self._tenants[tenant].shards[shard.shard] = replace(shard, version=shard.version + 1)
        return following

    async def add_dead_letters(self, tenant: str, letters: Sequence[DeadLetter]) -> None:
        self._tenants[tenant].dead_letters.update({letter.letter_id: letter for letter in letters})

    async def dead_letters(self, tenant: str, limit: int = 100) -> tuple[list[DeadLetter], int]:
        letters = self._tenants[tenant].dead_letters.values()
        newest = sorted(letters, key=lambda letter: (letter.failed_at, letter.letter_id), reverse=True)
        return newest[:limit], len(newest)

    async def dead_letter(self, tenant: str, letter_id: str) -> DeadLetter | None:
        return self._tenants[tenant].dead_letters.get(letter_id)

    async def drop_dead_letter(self, tenant: str, letter_id: str) -> bool:
        return self._tenants[tenant].dead_letters.pop(letter_id, None) is not None
