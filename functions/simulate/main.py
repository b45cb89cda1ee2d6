"""Drives all simulated vehicles of a shard for a slice of time, and passes the shard on by its reply.

One chain of ``simulation.advanced`` drives a shard. Every step of it is a compare-and-set on the shard's document,
which says how far the shard is driven, and who drives it: an event of the chain. Of two events the later one drives, so
that chains that came about twice (a retry, two starts at once) become one again; docs/decisions.md has the cases.
"""

import logging
from asyncio import gather
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from trackway.domain.motion import arrives_at, due_positions, next_tick, shard_of
from trackway.domain.trip import Trip, trip_of
from trackway.events import (
    Event,
    InvalidEvent,
    PositionRecorded,
    RoutePlanned,
    SimulationAdvanced,
    TripStarted,
    event_of,
    fact_of,
    from_milliseconds,
    milliseconds,
)
from trackway.functions import Deps, on_events
from trackway.storage.port import Conflict, Shard, TripStatus

SOURCE = "/trackway/functions/simulate"
SLICE = timedelta(seconds=10)
CLAIM = timedelta(seconds=3)
"""How long a driver may be silent before another takes over."""

CATCH_UP = timedelta(seconds=30)
"""The most that is driven in one step, where a shard is overdue."""

_log = logging.getLogger(__name__)
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
KEPT_ROUTES = 512


@on_events
async def simulate(events: Sequence[Event], deps: Deps) -> Iterable[Event]:
    """Answer each start with a wake-up where one is needed, each advance with the next one while there is a vehicle
    left."""
    following = await gather(*(_handle(event, deps) for event in events))
    return [event for event in following if event is not None]


async def _handle(event: Event, deps: Deps) -> Event | None:
    fact = fact_of(event)
    if isinstance(fact, TripStarted):
        return await _join(event, fact, deps) if fact.simulated else None
    if isinstance(fact, SimulationAdvanced):
        return await _Slice(fact, event.tenant, deps).drive()
    raise InvalidEvent(f"simulate does nothing with {event.type}", "type")


# A trip starts -------------------------------------------------------------------------------------------------------


async def _join(event: Event, started: TripStarted, deps: Deps) -> Event | None:
    """Put a trip on the road: the shard's driver finds it from now on, and if there is none, wake one."""
    await deps.store.apply_trip_events(event.tenant, [event])  # persist does so too, but perhaps later
    shard = shard_of(started.vehicle_id)
    kept = await _wish(event.tenant, shard, deps)
    if kept.driven_until is not None and kept.driven_until >= started.started_at:
        # What the driver went past before it could know of the trip is ours to tell; it tells what comes after.
        await _tell([trip_of(started)], event.tenant, None, kept.driven_until, deps)
    if _is_driven(kept, deps.clock.now()):
        return None
    since = max(started.started_at, kept.driven_until or started.started_at, from_milliseconds(_rank(kept) + 1))
    return _advanced(shard, since, event.tenant)


async def _wish(tenant: str, shard: int, deps: Deps) -> Shard:
    """Count a wake-up. A driver that is about to step or to leave sees that its document changed, and looks again."""
    while True:
        kept = await deps.store.shard(tenant, shard)
        try:
            return await deps.store.update_shard(tenant, replace(kept, wanted=kept.wanted + 1))
        except Conflict:
            continue


def _rank(kept: Shard) -> int:
    """Which advance drives the shard: its moment (ms); 0 when it sleeps."""
    return int(kept.claim.partition("/")[0]) if kept.claim else 0


def _is_driven(kept: Shard, now: datetime) -> bool:
    return kept.claim is not None and kept.claimed_until is not None and kept.claimed_until > now


# A shard is driven ---------------------------------------------------------------------------------------------------


class _Slice:
    """One delivery's turn at driving a shard."""

    def __init__(self, advanced: SimulationAdvanced, tenant: str, deps: Deps) -> None:
        self._shard = advanced.shard
        self._until = advanced.until
        self._rank = milliseconds(advanced.until)
        self._token = f"{self._rank}/{deps.random.getrandbits(48):012x}"
        self._tenant = tenant
        self._deps = deps

    async def drive(self) -> Event | None:
        """Drive until the slice is over; gives the next advance, or None when nobody is left or a later one has taken
        over. Raises Conflict while another delivery of the same advance is at it: this one must come again, since the
        other's answer may be going nowhere."""
        clock = self._deps.clock
        ends = clock.now() + SLICE
        while True:
            kept = await self._deps.store.shard(self._tenant, self._shard)
            if not self._may_drive(kept):
                return None
            stepped = await self._step(kept)
            if stepped is None:
                continue
            if stepped.claim is None or stepped.driven_until is None:
                return None
            if clock.now() >= ends or self._deps.draining:
                # Later than this one in any case, or it would count as superseded: the shard may be overdue.
                return _advanced(self._shard, max(stepped.driven_until, self._until + MILLISECOND), self._tenant)
            due = next_tick(stepped.driven_until, self._shard)
            await clock.sleep(max(0.0, (due - clock.now()).total_seconds()))

    def _may_drive(self, kept: Shard) -> bool:
        """Whether this delivery drives now, or (False) never has to again. Raises Conflict when it should come back."""
        if kept.claim in {None, self._token}:
            return True
        rank = _rank(kept)
        if rank > self._rank:
            return False
        if rank == self._rank and _is_driven(kept, self._deps.clock.now()):
            raise Conflict(f"another delivery of this event drives shard {self._shard}")
        return True

    async def _step(self, kept: Shard) -> Shard | None:
        """Tell all positions that are due, then write down that they are told. None when the document changed
        meanwhile."""
        now = self._deps.clock.now()
        trips = [
            trip
            for trip in await self._deps.store.simulated_trips(self._tenant, self._shard)
            if trip.status is TripStatus.UNDERWAY
        ]
        after = _driven(kept, trips)
        until = now if after is None else max(after, min(now, after + CATCH_UP))
        left = await _tell(trips, self._tenant, after, until, self._deps)
        following = replace(
            kept, claim=self._token if left else None, claimed_until=now + CLAIM if left else None, driven_until=until
        )
        try:
            return await self._deps.store.update_shard(self._tenant, following)
        except Conflict:
            return None


def _driven(kept: Shard, trips: Sequence[Trip]) -> datetime | None:
    """How far the trips have been driven: not before the first of them started, however long the shard slept."""
    if not trips:
        return kept.driven_until
    eve = min(trip.started_at for trip in trips) - SECOND
    return eve if kept.driven_until is None else max(kept.driven_until, eve)


# Positions are told --------------------------------------------------------------------------------------------------


async def _tell(trips: Sequence[Trip], tenant: str, after: datetime | None, until: datetime, deps: Deps) -> bool:
    """Emit the positions with after < recorded_at ≤ until; gives whether any trip goes on after that."""
    events: list[Event] = []
    left = False
    for trip in trips:
        route = await _route(tenant, trip, deps)
        if route is None:
            continue
        events.extend(_recorded(position, tenant) for position in due_positions(trip, route, after, until))
        left = left or arrives_at(trip, route) > until
    await deps.sink.emit(events)
    return left


_routes: dict[tuple[str, str], RoutePlanned] = {}


async def _route(tenant: str, trip: Trip, deps: Deps) -> RoutePlanned | None:
    """The trip's route; those of late are kept, since a route never changes."""
    key = tenant, trip.route_id
    route = _routes.get(key)
    if route is None:
        route = await deps.store.route(tenant, trip.route_id)
        if route is None:
            _log.warning("trip %s cannot be driven: there is no route %s", trip.trip_id, trip.route_id)
            return None
        if len(_routes) >= KEPT_ROUTES:
            _routes.clear()
        _routes[key] = route
    return route


def _recorded(position: PositionRecorded, tenant: str) -> Event:
    return event_of(
        position,
        id=f"{position.trip_id}:{position.seq}",
        source=SOURCE,
        subject=position.vehicle_id,
        partitionkey=position.vehicle_id,
        time=position.recorded_at,
        tenant=tenant,
    )


def _advanced(shard: int, until: datetime, tenant: str) -> Event:
    name = f"shard-{shard}"
    return event_of(
        SimulationAdvanced(shard=shard, until=until),
        id=f"{name}:{milliseconds(until)}",
        source=SOURCE,
        subject=name,
        partitionkey=name,
        time=until,
        tenant=tenant,
    )
