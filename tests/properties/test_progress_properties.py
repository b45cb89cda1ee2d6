"""What holds of progress and of the life cycle, in whatever order and however often facts come."""

from datetime import datetime, timedelta
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.strategies import routes, seeds, speeds
from tests.unit.domain.roads import NOON, route_of, trip_on
from trackway.domain.lifecycle import LifecycleFact, TripStatus
from trackway.domain.motion import due_positions
from trackway.domain.progress import ProgressFact, Tracker, fact_id
from trackway.domain.trip import Trip, after
from trackway.events import (
    PositionRecorded,
    RoutePlanned,
    TripCancelled,
    TripDelayed,
    TripDeviated,
    TripFinished,
    TripProgressed,
    TripRejoined,
    TripStarted,
)

TRIP = trip_on(route_of([(0, 0), (100, 0)]), status=TripStatus.PLANNED)


def drive_of(trip: Trip, route: RoutePlanned) -> list[PositionRecorded]:
    return due_positions(trip, route, None, NOON + timedelta(days=1))


def facts_of(trip: Trip, route: RoutePlanned, positions: list[PositionRecorded]) -> list[ProgressFact]:
    tracker = Tracker(trip, route)
    return [fact for position in positions for fact in tracker.advance(position)]


@settings(deadline=None)
@given(routes(), seeds, speeds, st.randoms(use_true_random=False))
def test_in_any_order_and_number_positions_come_to_the_same_end(
    route: RoutePlanned, seed: int, speed: float, random: object
) -> None:
    trip = trip_on(route, seed=seed, speed=speed)
    positions = drive_of(trip, route)
    shuffled = positions + positions[::3]
    random.shuffle(shuffled)
    expected, found = facts_of(trip, route, positions), facts_of(trip, route, shuffled)
    finish = {fact for fact in expected if isinstance(fact, TripFinished)}
    assert len(finish) == 1
    # Shuffled, the vehicle may be seen first at the end itself; in order it is seen within 5 m of it, seconds before.
    (late,) = {fact for fact in found if isinstance(fact, TripFinished)}
    (early,) = finish
    assert timedelta() <= late.finished_at - early.finished_at <= timedelta(seconds=6)
    last = max((fact for fact in found if isinstance(fact, TripProgressed)), key=lambda fact: fact.recorded_at)
    assert (last.fraction, last.remaining, last.off_route) == (1.0, 0.0, None)


@settings(deadline=None)
@given(routes(), seeds, speeds, st.integers(0, 400))
def test_a_restart_anywhere_changes_nothing(route: RoutePlanned, seed: int, speed: float, cut: int) -> None:
    trip = trip_on(route, seed=seed, speed=speed, promised_at=NOON + timedelta(seconds=30))
    positions = drive_of(trip, route)
    expected = facts_of(trip, route, positions)
    first = facts_of(trip, route, positions[:cut])
    kept = [fact for fact in first if isinstance(fact, TripProgressed)]
    alerts = [fact for fact in first if isinstance(fact, TripDelayed | TripDeviated | TripRejoined)]
    resumed = Tracker(trip, route, kept[-1] if kept else None, alerts)
    # What came after the newest progress comes again, as from a broker that was not answered.
    rest = [position for position in positions if not kept or position.recorded_at >= kept[-1].recorded_at]
    told = first + [fact for position in rest for fact in resumed.advance(position)]
    assert {fact_id(fact) for fact in told} == {fact_id(fact) for fact in expected}


@settings(deadline=None)
@given(routes(), seeds)
def test_the_way_only_grows_and_times_are_in_order(route: RoutePlanned, seed: int) -> None:
    trip = trip_on(route, seed=seed)
    told = [fact for fact in facts_of(trip, route, drive_of(trip, route)) if isinstance(fact, TripProgressed)]
    driven = [fact.driven for fact in told]
    assert driven == sorted(driven)
    for fact in told:
        assert 0 <= fact.fraction <= 1
        assert fact.recorded_at <= fact.arrival_earliest_at <= fact.arrival_at <= fact.arrival_latest_at


def moments() -> st.SearchStrategy[datetime]:
    return st.integers(0, 5).map(lambda seconds: NOON + timedelta(seconds=seconds))


lifecycle_facts = st.one_of(
    st.just(
        TripStarted(
            trip_id="t1",
            vehicle_id="sim-1",
            vehicle_name="Van 1",
            route_id="r1",
            started_at=NOON,
            promised_at=NOON + timedelta(hours=1),
            simulated=True,
        )
    ),
    moments().map(lambda when: TripFinished(trip_id="t1", vehicle_id="sim-1", finished_at=when)),
    st.builds(
        lambda when, reason: TripCancelled(trip_id="t1", vehicle_id="sim-1", cancelled_at=when, reason=reason),
        moments(),
        st.sampled_from([None, "rain", "sun"]),
    ),
)


@given(st.lists(lifecycle_facts, max_size=6).flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_any_order_of_facts_makes_the_same_trip(orders: tuple[list[LifecycleFact], list[LifecycleFact]]) -> None:
    one, other = (reduce(after, facts, TRIP) for facts in orders)
    assert one == other


@given(st.lists(lifecycle_facts, max_size=6))
def test_repeats_make_no_difference(facts: list[LifecycleFact]) -> None:
    once = reduce(after, facts, TRIP)
    assert reduce(after, facts, once) == once
    assert reduce(after, [fact for fact in facts for _ in range(2)], TRIP) == once


@given(st.lists(lifecycle_facts, min_size=1, max_size=6))
def test_a_trip_that_is_over_stays_over(facts: list[LifecycleFact]) -> None:
    trip = TRIP
    for fact in facts:
        moved = after(trip, fact)
        assert trip.is_open or not moved.is_open
        trip = moved
