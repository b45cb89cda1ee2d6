"""Computes how far trips have come and when they will arrive, and notices delays, leaving the route and arrival."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

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
KEPT_VEHICLES = 100_000
ASKED_AGAIN = timedelta(seconds=5)
"""How long it is believed which trip a vehicle is on, when its device does not say."""

Key = tuple[str, str]  # tenant and an id


class Trackers:
    """The trips that this process follows. All of it can be rebuilt from the store, and is, after a restart."""

    def __init__(self) -> None:
        self._trackers: OrderedDict[Key, Tracker] = OrderedDict()
        self._trip_of: dict[Key, tuple[str | None, datetime]] = {}
        """Which trip a vehicle is on, and until when that is believed."""
        self._over: set[Key] = set()
        """Trips that ended, which no fact opens again; a vehicle may go on to name one that was called off."""

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
        now, known = deps.clock.now(), self._trip_of
        stale = {
            vehicle_id
            for vehicle_id in vehicle_ids
            if (believed := known.get((tenant, vehicle_id))) is None or believed[1] <= now
        }
        if not stale:
            return
        if len(known) > KEPT_VEHICLES:
            known.clear()
        open_trips = {view.trip.vehicle_id: view for view in await deps.store.open_trips(tenant, sorted(stale))}
        for vehicle_id in stale:
            view = open_trips.get(vehicle_id)
            if view is not None:
                await self._follow(tenant, view.trip, view.progress, deps)
            self._trip_of[tenant, vehicle_id] = (view.trip.trip_id if view else None), now + ASKED_AGAIN

    def followed(self, tenant: str, position: PositionRecorded) -> Tracker | None:
        """Who follows the trip that the position belongs to, as far as it is known here."""
        trip_id = position.trip_id
        if trip_id is None:
            trip_id, _ = self._trip_of.get((tenant, position.vehicle_id), (None, None))
            return None if trip_id is None else self._trackers.get((tenant, trip_id))
        tracker = self._trackers.get((tenant, trip_id))
        if tracker is not None:
            self._trackers.move_to_end((tenant, trip_id))
        return tracker

    async def find(self, tenant: str, trip_id: str, deps: Deps) -> Tracker | None:
        """Who follows the trip, as the store knows it; None when it is not known or over."""
        if (tenant, trip_id) in self._over:
            return None
        view = await deps.store.trip(tenant, trip_id)
        if view is None:
            return None
        if view.trip.is_open:
            return await self._follow(tenant, view.trip, view.progress, deps)
        if len(self._over) > KEPT_VEHICLES:
            self._over.clear()
        self._over.add((tenant, trip_id))
        return None

    async def _follow(self, tenant: str, trip: Trip, progress: TripProgressed | None, deps: Deps) -> Tracker | None:
        key = tenant, trip.trip_id
        if key not in self._trackers:
            route = await deps.store.route(tenant, trip.route_id)
            if route is None:
                return None
            alerts = await _alerts(tenant, trip, deps)
            # Another batch may have come to the same while this one waited for the store: the first counts.
            self._trackers.setdefault(key, Tracker(trip, route, progress, alerts))
            while len(self._trackers) > KEPT_TRIPS:
                self._trackers.popitem(last=False)
        return self._trackers[key]


async def _alerts(tenant: str, trip: Trip, deps: Deps) -> list[Alert]:
    facts = [fact_of(event) for event in await deps.store.trip_events(tenant, trip.trip_id)]
    return [fact for fact in facts if isinstance(fact, TripDelayed | TripDeviated | TripRejoined)]


trackers = Trackers()


@on_events
async def progress(events: Sequence[Event], deps: Deps) -> Iterable[Event]:
    """Emit what the positions tell of their trips, one tenant after the other."""
    batches: dict[str, list[PositionRecorded]] = {}
    now = deps.clock.now()
    for event in events:
        fact = fact_of(event)
        check_time(fact, now)
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
    for position in sorted(positions, key=attrgetter("recorded_at")):
        tracker = trackers.followed(tenant, position)
        if tracker is None and position.trip_id is not None:
            tracker = await trackers.find(tenant, position.trip_id, deps)
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
