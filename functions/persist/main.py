"""Stores every fact: positions, trips, routes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from trackway.domain.clocks import check_time
from trackway.events import (
    Event,
    InvalidEvent,
    PositionRecorded,
    RoutePlanned,
    SimulationAdvanced,
    TripCancelled,
    TripDelayed,
    TripDeviated,
    TripFinished,
    TripProgressed,
    TripRejoined,
    TripStarted,
    fact_of,
)
from trackway.functions import Deps, on_events
from trackway.functions.settings import PositionsBy
from trackway.storage.port import Store, StoredPosition

TRIP_FACTS = (
    TripStarted,
    TripProgressed,
    TripDelayed,
    TripDeviated,
    TripRejoined,
    TripFinished,
    TripCancelled,
)


class Pile(Struct):
    """What one tenant's share of a batch has to store, so that each kind is written at once."""

    routes: list[RoutePlanned] = []
    trip_events: list[Event] = []
    positions: list[StoredPosition] = []

    def add(self, event: Event, now: datetime) -> None:
        """Sort an event in. Raises InvalidEvent for one that nothing here keeps, or that is of no plausible time."""
        fact = fact_of(event)
        check_time(fact, now)
        if isinstance(fact, PositionRecorded):
            self.positions.append(StoredPosition(source=event.source, event_id=event.id, position=fact))
        elif isinstance(fact, TRIP_FACTS):
            self.trip_events.append(event)
        elif isinstance(fact, RoutePlanned):
            self.routes.append(fact)
        elif not isinstance(fact, SimulationAdvanced):  # which is internal, and no fact about the fleet
            raise InvalidEvent(f"events of type {event.type} are not kept yet", "type")

    async def store(self, store: Store, tenant: str, positions_by: PositionsBy) -> None:
        """Write it. Routes come first and positions last, so that what is seen of a trip is never without it. Of
        positions that Kafka Connect stores only the vehicles are made known."""
        for route in self.routes:
            await store.add_route(tenant, route)
        if self.trip_events:
            await store.apply_trip_events(tenant, self.trip_events)
        if self.positions and positions_by == "connect":
            await store.know_vehicles(tenant, [stored.position for stored in self.positions])
        elif self.positions:
            await store.append_positions(tenant, self.positions)


@on_events
async def persist(events: Sequence[Event], deps: Deps) -> Iterable[Event]:
    """Store a batch; one that holds an unreadable event is refused whole, and comes again event by event."""
    piles: dict[str, Pile] = defaultdict(Pile)
    now = deps.clock.now()
    for event in events:
        piles[event.tenant].add(event, now)
    for tenant, pile in piles.items():
        await pile.store(deps.store, tenant, deps.settings.positions_by)
    return ()
