"""The life cycle's table, and what facts make of a trip."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.unit.domain.roads import NOON, reported, route_of, trip_on
from trackway.domain.lifecycle import MOVES, LifecycleFact, TripStatus, Verdict, move
from trackway.domain.trip import GRACE, Trip, after, trip_of
from trackway.events import TripCancelled, TripFinished, TripStarted

PLANNED, UNDERWAY, FINISHED, CANCELLED = TripStatus
TRIP = trip_on(route_of([(0, 0), (100, 0)]))
START = TripStarted(
    trip_id="t1",
    vehicle_id="sim-1",
    vehicle_name="Van 1",
    route_id="r1",
    started_at=NOON + timedelta(seconds=5),
    promised_at=NOON + timedelta(hours=2),
    simulated=True,
)


def end(kind: type[TripFinished] | type[TripCancelled], seconds: float) -> TripFinished | TripCancelled:
    moment = NOON + timedelta(seconds=seconds)
    if kind is TripFinished:
        return TripFinished(trip_id="t1", vehicle_id="sim-1", finished_at=moment)
    return TripCancelled(trip_id="t1", vehicle_id="sim-1", cancelled_at=moment, reason="rain")


@pytest.mark.parametrize(
    ("status", "fact", "outcome"),
    [
        (PLANNED, TripStarted, UNDERWAY),
        (PLANNED, TripCancelled, CANCELLED),
        (PLANNED, TripFinished, FINISHED),
        (UNDERWAY, TripStarted, Verdict.STAYS),
        (UNDERWAY, TripFinished, FINISHED),
        (UNDERWAY, TripCancelled, CANCELLED),
        (FINISHED, TripStarted, Verdict.STAYS),
        (FINISHED, TripFinished, Verdict.STAYS),
        (FINISHED, TripCancelled, Verdict.CONFLICT),
        (CANCELLED, TripStarted, Verdict.STAYS),
        (CANCELLED, TripFinished, Verdict.CONFLICT),
        (CANCELLED, TripCancelled, Verdict.STAYS),
    ],
)
def test_the_table(status: TripStatus, fact: type[LifecycleFact], outcome: TripStatus | Verdict) -> None:
    assert move(status, fact) is outcome


def test_the_table_knows_every_fact_in_every_status() -> None:
    assert set(MOVES) == set(TripStatus)
    assert all(set(row) == {TripStarted, TripFinished, TripCancelled} for row in MOVES.values())


def test_a_start_sets_a_planned_trip_going() -> None:
    moved = after(replace(TRIP, status=PLANNED), START)
    assert (moved.status, moved.started_at, moved.promised_at) == (UNDERWAY, START.started_at, START.promised_at)


def test_a_repeated_start_changes_nothing() -> None:
    assert after(TRIP, START) is TRIP


def test_a_finished_trip_stays_finished_when_its_start_comes_late() -> None:
    over = after(replace(TRIP, status=PLANNED), end(TripFinished, 60))
    assert after(over, START) is over


def test_an_end_says_when_and_why() -> None:
    over = after(TRIP, end(TripCancelled, 30))
    assert (over.status, over.ended_at, over.reason) == (CANCELLED, NOON + timedelta(seconds=30), "rain")


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_ends_the_earlier_counts(order: int) -> None:
    trip = TRIP
    for fact in [end(TripFinished, 60), end(TripCancelled, 30)][::order]:
        trip = after(trip, fact)
    assert (trip.status, trip.ended_at, trip.reason) == (CANCELLED, NOON + timedelta(seconds=30), "rain")


def test_a_trip_that_was_not_planned_here_is_as_its_start_says() -> None:
    trip = trip_of(START)
    assert trip.status is UNDERWAY
    assert (trip.trip_id, trip.vehicle_name, trip.planned_at) == ("t1", "Van 1", START.started_at)


class TestPositionsOfATrip:
    over: Trip = after(TRIP, end(TripFinished, 60))

    @pytest.mark.parametrize(("seconds", "held"), [(-1, False), (0, True), (60, True), (61, False)])
    def test_nameless_ones_by_their_time(self, seconds: float, held: bool) -> None:
        assert self.over.holds(reported(seconds, 0, 0)) is held

    @pytest.mark.parametrize(("seconds", "held"), [(-1, True), (61, True), (61 + GRACE.seconds, False)])
    def test_named_ones_with_some_grace(self, seconds: float, held: bool) -> None:
        assert self.over.holds(replace(reported(seconds, 0, 0), trip_id="t1")) is held

    def test_none_of_another_trip_or_vehicle(self) -> None:
        assert not TRIP.holds(replace(reported(5, 0, 0), trip_id="t2"))
        assert not TRIP.holds(replace(reported(5, 0, 0), vehicle_id="v2", trip_id="t1"))

    def test_an_open_trip_goes_on(self) -> None:
        assert TRIP.holds(reported(10**6, 0, 0))
