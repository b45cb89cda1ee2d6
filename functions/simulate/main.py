"""Drives all simulated vehicles of a shard for a slice of time, and passes the shard on by its reply.

One chain of ``simulation.advanced`` drives a shard. Every step of it is a compare-and-set on the shard's document,
which says how far the shard is driven, and who drives it: an event of the chain. Of two events the later one drives, so
that chains that came about twice (a retry, two starts at once) become one again; docs/decisions.md has the cases.
"""

import logging
from asyncio import gather
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from trackway.domain.clocks import check_time
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
from trackway.storage.port import Conflict, Shard, StoreUnavailable, TripStatus
from trackway.telemetry.tracing import Kind, spanned

SOURCE = "/trackway/functions/simulate"
SLICE = timedelta(seconds=10)
CLAIM = timedelta(seconds=3)
"""How long a driver may be silent before another takes over."""

SKEW = timedelta(seconds=3)
"""How much the clocks of two drivers may differ."""

CATCH_UP = timedelta(seconds=30)
"""The most that is driven in one step, where a shard is overdue."""

_log = logging.getLogger(__name__)
LATEST = datetime(2190, 1, 1, tzinfo=UTC)
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
        check_time(fact, deps.clock.now())
        return await _join(event, fact, deps) if fact.simulated else None
    if isinstance(fact, SimulationAdvanced):
        if fact.until > LATEST:
            raise InvalidEvent(f"until: {fact.until.isoformat()} leaves no room for the advances after it", "until")
        return await _Slice(fact, event.tenant, deps).drive()
    raise InvalidEvent(f"simulate does nothing with {event.type}", "type")


# A trip starts -------------------------------------------------------------------------------------------------------


async def _join(event: Event, started: TripStarted, deps: Deps) -> Event | None:
    """Put a trip on the road: the shard's driver finds it from now on, and if there is none, wake one."""
    await deps.store.apply_trip_events(event.tenant, [event])  # persist does so too, but perhaps later
    view = await deps.store.trip(event.tenant, started.trip_id)
    trip = view.trip if view else trip_of(started)
    shard = shard_of(started.vehicle_id)
    kept = await (_wish(event.tenant, shard, deps) if trip.is_open else deps.store.shard(event.tenant, shard))
    now = deps.clock.now()
    if kept.driven_until is not None and kept.driven_until >= trip.started_at:
        # What the driver went past before it could know of the trip is ours to tell; it tells what comes after.
        past = min(kept.driven_until, now, trip.ended_at or now)
        await _tell(await _drives([trip], event.tenant, deps), event.tenant, None, past, deps)
    if not trip.is_open or _is_driven(kept, now):
        return None
    since = max(started.started_at, kept.driven_until or started.started_at, from_milliseconds(_rank(kept) + 1))
    return _advanced(shard, since, event.tenant)


async def _wish(tenant: str, shard: int, deps: Deps) -> Shard:
    """Count a wake-up. A driver that is about to step or to leave sees that its document changed, and looks again.

    Where the clock was set back, the shard is driven from now on once more, so that nothing of the trip is left out."""
    while True:
        kept = await deps.store.shard(tenant, shard)
        driven_until = min(kept.driven_until, deps.clock.now()) if kept.driven_until else None
        try:
            return await deps.store.update_shard(
                tenant, replace(kept, wanted=kept.wanted + 1, driven_until=driven_until)
            )
        except Conflict:
            continue


def _rank(kept: Shard) -> int:
    """Which advance drives the shard: its moment (ms); 0 when it sleeps."""
    return int(kept.claim.partition("/")[0]) if kept.claim else 0


def _is_driven(kept: Shard, now: datetime) -> bool:
    """Whether the claim is alive. One from farther ahead than clocks differ was made before the clock was set back."""
    return kept.claim is not None and kept.claimed_until is not None and now < kept.claimed_until <= now + CLAIM + SKEW


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
            if not ends - SLICE <= clock.now() < ends or self._deps.draining:  # before its begin: the clock was set
                # Later than this one in any case, or it would count as superseded: the shard may be overdue.
                return _advanced(self._shard, max(stepped.driven_until, self._until + MILLISECOND), self._tenant)
            due = next_tick(stepped.driven_until, self._shard)
            await clock.sleep(min(1.0, max(0.0, (due - clock.now()).total_seconds())))

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
        drives = await _drives(trips, self._tenant, self._deps)
        after = _driven(kept, drives, now)
        until = now if after is None else min(now, after + CATCH_UP)
        left = await _tell(drives, self._tenant, after, until, self._deps)
        following = replace(
            kept, claim=self._token if left else None, claimed_until=now + CLAIM if left else None, driven_until=until
        )
        try:
            return await self._deps.store.update_shard(self._tenant, following)
        except Conflict:
            return None


class _Drive(NamedTuple):
    """A trip that can be driven, and when its last position is due."""

    trip: Trip
    route: RoutePlanned
    arrives_at: datetime


def _driven(kept: Shard, drives: Sequence[_Drive], now: datetime) -> datetime | None:
    """How far the trips have been driven: not before the first that is on its way started, however long the shard
    slept, and never past now, since the clock may have been set back."""
    driven = kept.driven_until
    starts = [
        drive.trip.started_at
        for drive in drives
        if drive.trip.started_at <= now and (driven is None or drive.arrives_at > driven)
    ]
    if starts:
        eve = min(starts) - SECOND
        driven = eve if driven is None else max(driven, eve)
    return None if driven is None else min(driven, now)


async def _drives(trips: Sequence[Trip], tenant: str, deps: Deps) -> list[_Drive]:
    """Those of the trips that can be driven; one that cannot stops no other."""
    drives: list[_Drive] = []
    for trip in trips:
        try:
            route = await _route(tenant, trip, deps)
            if route is not None:
                drives.append(_Drive(trip, route, arrives_at(trip, route)))
        except StoreUnavailable:
            raise
        except Exception as error:
            _complain(trip, error)
    return drives


# Positions are told --------------------------------------------------------------------------------------------------


async def _tell(drives: Sequence[_Drive], tenant: str, after: datetime | None, until: datetime, deps: Deps) -> bool:
    """Emit the positions with after < recorded_at ≤ until; gives whether any trip goes on after that."""
    positions: list[PositionRecorded] = []
    left = False
    for trip, route, arrival in drives:
        try:
            positions.extend(due_positions(trip, route, after, until))
        except Exception as error:
            _complain(trip, error)
            continue
        left = left or arrival > until
    if positions:
        await _tick(positions, tenant, deps)
    return left


async def _tick(positions: Sequence[PositionRecorded], tenant: str, deps: Deps) -> None:
    """Tell them, in a trace of their own: the slice that they belong to goes on for as long as there is a vehicle."""
    about = {"messaging.batch.message_count": len(positions), "trackway.tenant": tenant}
    with spanned(deps.tracing, "tick", Kind.PRODUCER, about) as trace:
        await deps.sink.emit([_recorded(position, tenant, trace) for position in positions])


_complained_of: set[str] = set()


def _complain(trip: Trip, why: str | Exception) -> None:
    """Once for a trip, and not at every tick."""
    if trip.trip_id in _complained_of:
        return
    if len(_complained_of) >= KEPT_ROUTES:
        _complained_of.clear()
    _complained_of.add(trip.trip_id)
    error = why if isinstance(why, Exception) else None
    _log.warning("trip %s cannot be driven: %s", trip.trip_id, why, exc_info=error)


_routes: dict[tuple[str, str], RoutePlanned] = {}


async def _route(tenant: str, trip: Trip, deps: Deps) -> RoutePlanned | None:
    """The trip's route; those of late are kept, since a route never changes."""
    key = tenant, trip.route_id
    route = _routes.get(key)
    if route is None:
        route = await deps.store.route(tenant, trip.route_id)
        if route is None:
            _complain(trip, f"there is no route {trip.route_id}")
            return None
        if len(_routes) >= KEPT_ROUTES:
            _routes.clear()
        _routes[key] = route
    return route


def _recorded(position: PositionRecorded, tenant: str, trace: str | None) -> Event:
    return event_of(
        position,
        id=f"{position.trip_id}:{position.seq}",
        source=SOURCE,
        subject=position.vehicle_id,
        partitionkey=position.vehicle_id,
        time=position.recorded_at,
        tenant=tenant,
        traceparent=trace,
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
