"""A trip, what the facts about it make of it, and which positions are its own."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from trackway.domain.lifecycle import OPEN, LifecycleFact, TripStatus, Verdict, move
from trackway.events import PositionRecorded, TripCancelled, TripFinished, TripStarted

# Positions that name a trip may be recorded a little before its start or after its end: clocks differ, and a vehicle
# does not vanish when its trip is called off.
GRACE = timedelta(hours=1)


NEVER_STARTED = "never started"
STARTS_WITHIN = timedelta(seconds=10)
"""Who plans a trip starts it at once; one that is still planned after that never reached the broker."""


class Trip(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One drive of one vehicle along one route. ``ended_at`` is when it was finished or cancelled, ``reason`` why it
    was cancelled; ``speed`` is the time-lapse factor of a simulated trip."""

    trip_id: str
    vehicle_id: str
    vehicle_name: str
    route_id: str
    status: TripStatus
    simulated: bool
    speed: float
    seed: int
    planned_at: datetime
    promised_at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Planned or underway."""
        return self.status in OPEN

    def holds(self, position: PositionRecorded) -> bool:
        """Whether the position was recorded on this trip: it names the trip (within GRACE of its time), or names none
        and its vehicle was on this trip at that moment."""
        if position.vehicle_id != self.vehicle_id:
            return False
        if position.trip_id is None:
            grace = timedelta()
        elif position.trip_id == self.trip_id:
            grace = GRACE
        else:
            return False
        began = self.started_at - grace <= position.recorded_at
        return began and (self.ended_at is None or position.recorded_at <= self.ended_at + grace)


class TripEnd(Struct, frozen=True, kw_only=True):
    """How and when a trip ended; kept by itself where the end came before the start."""

    trip_id: str
    status: TripStatus
    ended_at: datetime
    reason: str | None = None


def trip_of(started: TripStarted) -> Trip:
    """The trip as its start tells it, underway; for a start whose trip was not planned here, as in a replay."""
    return Trip(
        trip_id=started.trip_id,
        vehicle_id=started.vehicle_id,
        vehicle_name=started.vehicle_name,
        route_id=started.route_id,
        status=TripStatus.UNDERWAY,
        simulated=started.simulated,
        speed=started.speed,
        seed=started.seed,
        planned_at=started.started_at,
        promised_at=started.promised_at,
        started_at=started.started_at,
    )


def end_of(fact: TripFinished | TripCancelled) -> TripEnd:
    """The end that a fact tells of."""
    if isinstance(fact, TripFinished):
        return TripEnd(trip_id=fact.trip_id, status=TripStatus.FINISHED, ended_at=fact.finished_at)
    return TripEnd(trip_id=fact.trip_id, status=TripStatus.CANCELLED, ended_at=fact.cancelled_at, reason=fact.reason)


def first_end(one: TripEnd, other: TripEnd) -> TripEnd:
    """Of two ends of one trip the one that counts: the earlier, whichever was heard of first."""
    return min(one, other, key=_rank)


def _rank(end: TripEnd) -> tuple[datetime, bool, str]:
    # All of an end's content takes part, so that no order of arrival can make a difference.
    return end.ended_at, end.status is TripStatus.CANCELLED, end.reason or ""


def after(trip: Trip, fact: LifecycleFact) -> Trip:
    """The trip after a fact about it; the same object when the fact is late or a repeat."""
    outcome = move(trip.status, type(fact))
    if isinstance(fact, TripStarted):
        if isinstance(outcome, Verdict):
            return trip
        return replace(trip, status=outcome, started_at=fact.started_at, promised_at=fact.promised_at)
    return with_end(trip, end_of(fact))


def given_up(planned: Trip, successor: Trip) -> Trip | None:
    """The trip, cancelled as never started, if ``successor`` may have its vehicle; None if the vehicle is busy."""
    if planned.status is not TripStatus.PLANNED or successor.planned_at - planned.planned_at < STARTS_WITHIN:
        return None
    return replace(planned, status=TripStatus.CANCELLED, ended_at=successor.planned_at, reason=NEVER_STARTED)


def with_end(trip: Trip, end: TripEnd) -> Trip:
    """The trip, over; the same object when it is known to have ended before."""
    if not trip.is_open and trip.ended_at is not None:
        known = TripEnd(trip_id=trip.trip_id, status=trip.status, ended_at=trip.ended_at, reason=trip.reason)
        if first_end(known, end) is known:
            return trip
    return replace(trip, status=end.status, ended_at=end.ended_at, reason=end.reason)
