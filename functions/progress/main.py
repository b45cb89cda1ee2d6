"""Computes how far trips have come and when they will arrive, and notices delays, leaving the route and arrival."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from trackway.domain.clocks import check_time
from trackway.domain.progress import Alert, ProgressFact, Tracker, fact_id, fact_time
from trackway.domain.trip import Trip, trip_of
from trackway.events import (
    Event,
    InvalidEvent,
    PositionRecorded,
    TripDelayed,
    TripDeviated,
    TripProgressed,
    TripRejoined,
    TripStarted,
    event_of,
    fact_of,
)
from trackway.functions import Deps, on_events

SOURCE = "/trackway/functions/progress"
KEPT_TRIPS = 5000
ASKED_AGAIN = timedelta(seconds=5)
"""How long it is believed which trip a vehicle is on, when its device does not say."""

Key = tuple[str, str]  # tenant and an id


class Trackers:
    """The trips that this process follows. All of it can be rebuilt from the store, and is, after a restart."""

    def __init__(self) -> None:
        self._trackers: OrderedDict[Key, Tracker] = OrderedDict()
        self._trip_of: OrderedDict[Key, tuple[str | None, datetime]] = OrderedDict()

    async def start(self, tenant: str, started: TripStarted, deps: Deps) -> None:
        """Follow a trip from its start; a start that comes late finds it followed, or over, already."""
        view = await deps.store.trip(tenant, started.trip_id)
        if view is None:
            await self._follow(tenant, trip_of(started), None, deps)
        elif view.trip.is_open:
            await self._follow(tenant, view.trip, view.progress, deps)
        self._trip_of.pop((tenant, started.vehicle_id), None)

    async def learn(self, tenant: str, vehicle_ids: Iterable[str], deps: Deps) -> None:
        """Ask the store which trips these vehicles are on, where that was not asked of late."""
        now = deps.clock.now()
        stale = {vehicle_id for vehicle_id in vehicle_ids if not self._believes(tenant, vehicle_id, now)}
        if not stale:
            return
        open_trips = {view.trip.vehicle_id: view for view in await deps.store.open_trips(tenant, sorted(stale))}
        for vehicle_id in stale:
            view = open_trips.get(vehicle_id)
            if view is not None:
                await self._follow(tenant, view.trip, view.progress, deps)
            self._trip_of[tenant, vehicle_id] = (view.trip.trip_id if view else None), now
        _trim(self._trip_of)

    async def tracker(self, tenant: str, position: PositionRecorded, deps: Deps) -> Tracker | None:
        """Who follows the trip that the position belongs to; None when it belongs to none that is known and open."""
        trip_id = position.trip_id
        if trip_id is None:
            trip_id, _ = self._trip_of.get((tenant, position.vehicle_id), (None, None))
            return None if trip_id is None else self._trackers.get((tenant, trip_id))
        followed = self._trackers.get((tenant, trip_id))
        if followed is not None:
            self._trackers.move_to_end((tenant, trip_id))
            return followed
        view = await deps.store.trip(tenant, trip_id)
        return await self._follow(tenant, view.trip, view.progress, deps) if view and view.trip.is_open else None

    def _believes(self, tenant: str, vehicle_id: str, now: datetime) -> bool:
        believed = self._trip_of.get((tenant, vehicle_id))
        return believed is not None and now - believed[1] < ASKED_AGAIN

    async def _follow(self, tenant: str, trip: Trip, progress: TripProgressed | None, deps: Deps) -> Tracker | None:
        key = tenant, trip.trip_id
        if key not in self._trackers:
            route = await deps.store.route(tenant, trip.route_id)
            if route is None:
                return None
            alerts = await _alerts(tenant, trip, deps)
            # Another batch may have come to the same while this one waited for the store: the first counts.
            self._trackers.setdefault(key, Tracker(trip, route, progress, alerts))
            _trim(self._trackers)
        return self._trackers[key]


async def _alerts(tenant: str, trip: Trip, deps: Deps) -> list[Alert]:
    facts = [fact_of(event) for event in await deps.store.trip_events(tenant, trip.trip_id)]
    return [fact for fact in facts if isinstance(fact, TripDelayed | TripDeviated | TripRejoined)]


def _trim(kept: OrderedDict[Key, Tracker] | OrderedDict[Key, tuple[str | None, datetime]]) -> None:
    while len(kept) > KEPT_TRIPS:
        kept.popitem(last=False)


trackers = Trackers()


@on_events
async def progress(events: Sequence[Event], deps: Deps) -> Iterable[Event]:
    """Emit what the positions tell of their trips, one tenant after the other."""
    batches: dict[str, list[PositionRecorded]] = {}
    for event in events:
        fact = fact_of(event)
        check_time(fact, deps.clock.now())
        if isinstance(fact, PositionRecorded):
            batches.setdefault(event.tenant, []).append(fact)
        elif isinstance(fact, TripStarted):
            await trackers.start(event.tenant, fact, deps)
        else:
            raise InvalidEvent(f"progress does nothing with {event.type}", "type")
    return [event for tenant, batch in batches.items() for event in await _advance(tenant, batch, deps)]


async def _advance(tenant: str, positions: list[PositionRecorded], deps: Deps) -> list[Event]:
    await trackers.learn(tenant, {position.vehicle_id for position in positions if position.trip_id is None}, deps)
    told: list[Event] = []
    for position in sorted(positions, key=lambda position: position.recorded_at):
        tracker = await trackers.tracker(tenant, position, deps)
        if tracker is not None:
            told.extend(_event(fact, tenant) for fact in tracker.advance(position))
    return told


def _event(fact: ProgressFact, tenant: str) -> Event:
    return event_of(
        fact,
        id=fact_id(fact),
        source=SOURCE,
        subject=fact.trip_id,
        partitionkey=fact.vehicle_id,
        time=fact_time(fact),
        tenant=tenant,
    )
