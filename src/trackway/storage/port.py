"""What is asked of a store, in the domain's words; ``sqlite``, ``mongo`` and ``memory`` answer, held to one suite.

Every call names the tenant, so that it cannot be forgotten, and writes come in batches. Repeating a write changes
nothing: events arrive more than once and in any order (docs/protocol.md). A store that cannot be reached raises
StoreUnavailable, which the function host answers with 503 so that the broker retries.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import Event, PositionRecorded, RoutePlanned, TripProgressed

__all__ = [
    "Conflict",
    "DeadLetter",
    "RouteSummary",
    "SchemaTooNew",
    "Shard",
    "Store",
    "StoreUnavailable",
    "StoredPosition",
    "Trip",
    "TripCounts",
    "TripHistory",
    "TripStatus",
    "TripView",
    "Vehicle",
    "VehicleNear",
]


class StoreUnavailable(Exception):
    """The store cannot be reached or is busy beyond its patience; try again."""


class SchemaTooNew(RuntimeError):
    """The store was written by a newer Trackway than this one; says both numbers."""


class Conflict(Exception):
    """Somebody else changed the record first, or the record's state forbids the change; says which."""


class StoredPosition(Struct, frozen=True, kw_only=True):
    """A position with the event that brought it; an event, told by (source, event_id), is stored once. An event's
    content never changes, so a repeat has the same vehicle and ``recorded_at``."""

    source: str
    event_id: str
    position: PositionRecorded


class TripView(Struct, frozen=True, kw_only=True):
    """A trip with what is known of it now: the newest progress, and the newest position: its vehicle's while the trip
    is open (also one from before the trip), and the last that belongs to the trip (``Trip.holds``) when it is over."""

    trip: Trip
    progress: TripProgressed | None = None
    position: PositionRecorded | None = None


class TripHistory(Struct, frozen=True):
    """All that is known of a trip that is over: its newest progress, its timeline (newest first) and its positions by
    time."""

    trip: Trip
    progress: TripProgressed | None
    events: list[Event]
    positions: list[PositionRecorded]

    def has_all_of(self, other: "TripHistory") -> bool:
        """Whether the other one says nothing that is not said here."""
        same = self.trip == other.trip and other.progress in (None, self.progress)
        events = {event.key for event in other.events} <= {event.key for event in self.events}
        return same and events and Counter(other.positions) <= Counter(self.positions)


class Vehicle(Struct, frozen=True, kw_only=True):
    """A vehicle, its newest position, and the open trip it is on, if any. Its name is what its newest trip calls it, or
    its id where no trip is known."""

    vehicle_id: str
    name: str
    position: PositionRecorded
    trip_id: str | None = None


class VehicleNear(Struct, frozen=True, kw_only=True):
    """A vehicle whose newest position is ``distance`` metres from the place that was asked for."""

    vehicle: Vehicle
    distance: float


class RouteSummary(Struct, frozen=True, kw_only=True):
    """A route without its path. ``bounds`` is (south, west, north, east)."""

    route_id: str
    name: str
    length: float
    expected_duration: float
    from_name: str | None
    to_name: str | None
    planned_at: datetime
    bounds: tuple[float, float, float, float]


class Shard(Struct, frozen=True, kw_only=True):
    """Who drives a shard of the simulated vehicles. ``wanted`` counts the wake-ups; ``driven_until`` is how far all
    vehicles have been driven; a claim (token) holds until ``claimed_until``. ``version`` is for compare-and-set."""

    shard: int
    version: int = 0
    wanted: int = 0
    claim: str | None = None
    claimed_until: datetime | None = None
    driven_until: datetime | None = None


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that nobody could handle, with why. ``letter_id`` is a hash of the event's (source, id) and
    ``destination``."""

    letter_id: str
    event: Event
    failed_at: datetime
    destination: str
    code: int | None
    reason: str


class TripCounts(Struct, frozen=True, kw_only=True):
    """How many trips are in which state; the ended ones since a given moment."""

    planned: int
    underway: int
    finished: int
    cancelled: int


class Store(Protocol):
    """Asynchronous, safe to share between the tasks of one event loop, and between processes."""

    async def close(self) -> None:
        """Release everything. The store is not used afterwards."""
        ...

    # Routes -----------------------------------------------------------------------------------------------------------

    async def add_route(self, tenant: str, route: RoutePlanned) -> None:
        """Keep a route; one with the same id that is there already stays as it is, since routes are immutable."""
        ...

    async def route(self, tenant: str, route_id: str) -> RoutePlanned | None: ...

    async def routes(self, tenant: str) -> list[RouteSummary]:
        """All routes by name."""
        ...

    # Trips ------------------------------------------------------------------------------------------------------------

    async def plan_trip(self, tenant: str, trip: Trip, idempotency_key: str | None = None) -> Trip:
        """Keep a new trip (status planned) and give it back; with an idempotency key that was used before, or a trip_id
        that is known, give that trip as it is now and keep nothing. Raises Conflict, naming the trip, when the vehicle
        has another open one; but one that was planned STARTS_WITHIN before and never started is cancelled in the same
        step (``domain.trip.given_up``), and a late start does not open it again."""
        ...

    async def apply_trip_events(self, tenant: str, events: Sequence[Event]) -> None:
        """Take in facts about trips, in whatever order they come; none of them when one cannot be read.

        trip.started, trip.finished and trip.cancelled move their trip along the life cycle table; a start whose trip is
        not known creates it, as a replay into an empty store does; an end whose trip is not known is remembered, so
        that its start, when it comes, does not open the trip again. Of trip.progressed only the newest by
        ``recorded_at`` is kept. Every other fact with a ``trip_id`` is kept for the trip's timeline, once. Raises
        InvalidEvent for an event that cannot be read or is about no trip."""
        ...

    async def trip(self, tenant: str, trip_id: str) -> TripView | None: ...

    async def trips(
        self,
        tenant: str,
        *,
        status: TripStatus | None = None,
        vehicle_id: str | None = None,
        limit: int = 100,
        before: tuple[datetime, str] | None = None,
    ) -> list[TripView]:
        """Newest first by (planned_at, trip_id), those strictly before ``before``."""
        ...

    async def open_trips(self, tenant: str, vehicle_ids: Sequence[str] | None = None) -> list[TripView]:
        """Planned and underway trips, of these vehicles or of all, by ``started_at`` (vehicle by vehicle if given)."""
        ...

    async def trips_ended_since(self, tenant: str, moment: datetime, limit: int) -> list[TripView]:
        """Finished and cancelled ones, last ended first."""
        ...

    async def trips_ended_between(self, tenant: str, begin: datetime, end: datetime) -> list[Trip]:
        """Those that ended from ``begin`` until before ``end``, by when they did."""
        ...

    async def earliest_end(self, tenant: str) -> datetime | None:
        """When the trip ended that ended first of all that are kept."""
        ...

    async def forget_trip(self, tenant: str, history: TripHistory) -> bool:
        """Forget a trip that is over, with its timeline and the positions that belong to it, if ``history`` has all of
        them; the trip itself at last, so that what is cut off can be done again. What comes meanwhile is not forgotten.
        False, and the trip is left alone, when it is open or the store knows more of it."""
        ...

    async def trip_counts(self, tenant: str, ended_since: datetime) -> TripCounts: ...

    async def trip_events(self, tenant: str, trip_id: str, limit: int = 500) -> list[Event]:
        """The trip's timeline, newest first by ``time``: its facts but positions and progress."""
        ...

    # Positions --------------------------------------------------------------------------------------------------------

    async def append_positions(self, tenant: str, positions: Sequence[StoredPosition]) -> int:
        """Store those not stored before and keep the newest per vehicle by ``recorded_at``; gives how many were new.
        Which trip a position belongs to is not decided here but when it is asked for (``Trip.holds``), since the trip
        may become known later."""
        ...

    async def know_vehicles(self, tenant: str, positions: Sequence[PositionRecorded]) -> None:
        """See that the vehicles of these positions are found when the positions are in the store, into which somebody
        else writes them (Kafka Connect). ``append_positions`` does so itself."""
        ...

    async def positions(
        self, tenant: str, trip_id: str, *, after: datetime | None = None, limit: int = 1000
    ) -> list[PositionRecorded]:
        """The positions that belong to a trip by ``recorded_at``, those strictly after ``after``; none if it is not
        known."""
        ...

    async def earliest_position(self, tenant: str) -> datetime | None:
        """When the position was recorded that is the earliest of all that are kept."""
        ...

    async def reported_between(self, tenant: str, begin: datetime, end: datetime) -> list[str]:
        """Vehicles with positions that were recorded from ``begin`` until before ``end``, by id."""
        ...

    async def loose_positions(
        self, tenant: str, vehicle_id: str, begin: datetime, end: datetime
    ) -> list[PositionRecorded]:
        """Those of a vehicle that were recorded from ``begin`` until before ``end`` and belong to no known trip, by
        time."""
        ...

    async def forget_loose_positions(self, tenant: str, positions: Sequence[PositionRecorded]) -> int:
        """Forget these positions of one vehicle, as far as they belong to no trip that is known; gives how many those
        were. What else is kept of the same time stays."""
        ...

    async def vehicles(self, tenant: str) -> list[Vehicle]:
        """Every vehicle with its newest position, by id."""
        ...

    async def vehicles_near(self, tenant: str, lat: float, lng: float, radius: float, limit: int) -> list[VehicleNear]:
        """Vehicles whose newest position is ``radius`` metres from the place or less: the ``limit`` nearest ones,
        nearest first, and by id where they are equally near."""
        ...

    # Simulation -------------------------------------------------------------------------------------------------------

    async def simulated_trips(self, tenant: str, shard: int) -> list[Trip]:
        """Open simulated trips whose vehicle falls into the shard (``domain.motion.shard_of``)."""
        ...

    async def shard(self, tenant: str, shard: int) -> Shard:
        """The shard's document; a fresh one where none is kept yet."""
        ...

    async def update_shard(self, tenant: str, shard: Shard) -> Shard:
        """Compare-and-set: keep ``shard`` if the kept version is ``shard.version``, and give it back with the next
        version. Raises Conflict otherwise."""
        ...

    # Dead letters -----------------------------------------------------------------------------------------------------

    async def add_dead_letters(self, tenant: str, letters: Sequence[DeadLetter]) -> None:
        """Keep them; a letter with the same id is replaced, since the same event failed again."""
        ...

    async def dead_letters(self, tenant: str, limit: int = 100) -> tuple[list[DeadLetter], int]:
        """(the newest first, how many there are in all)."""
        ...

    async def dead_letter(self, tenant: str, letter_id: str) -> DeadLetter | None: ...

    async def drop_dead_letter(self, tenant: str, letter_id: str) -> bool:
        """Forget one; False when there is none of that id."""
        ...
