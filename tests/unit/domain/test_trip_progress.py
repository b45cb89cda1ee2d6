"""What a tracker tells of a trip from its positions: way, arrival, delay, leaving the route, the end."""

from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from tests.unit.domain.roads import NOON, place, reported, route_of, trip_on
from trackway.domain.motion import Drive, due_positions
from trackway.domain.progress import ProgressFact, Tracker, fact_id, fact_time
from trackway.domain.trip import Trip
from trackway.events import (
    PositionRecorded,
    RoutePlanned,
    TripDelayed,
    TripDeviated,
    TripFinished,
    TripProgressed,
    TripRejoined,
)

AVENUE = route_of([(500 * n, 0) for n in range(11)], limits=12.5)
"""5 km straight east, some 410 s of driving."""


def follow(tracker: Tracker, positions: list[PositionRecorded]) -> list[ProgressFact]:
    return [fact for position in positions for fact in tracker.advance(position)]


def drive_of(trip: Trip, route: RoutePlanned) -> list[PositionRecorded]:
    return due_positions(trip, route, None, NOON + timedelta(days=1))


def kinds(facts: list[ProgressFact]) -> list[str]:
    return [type(fact).__name__ for fact in facts if not isinstance(fact, TripProgressed)]


def progress_of(facts: list[ProgressFact]) -> list[TripProgressed]:
    return [fact for fact in facts if isinstance(fact, TripProgressed)]


class TestWay:
    def test_it_tells_how_far_the_vehicle_has_come(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        (progress,) = progress_of(tracker.advance(reported(100, 1250, 4)))
        assert progress.driven == pytest.approx(1250, abs=1)
        assert progress.remaining == pytest.approx(3750, abs=1)
        assert progress.fraction == pytest.approx(0.25, abs=0.001)
        assert progress.off_route is None

    def test_it_is_told_once_in_five_seconds(self) -> None:
        trip = trip_on(AVENUE)
        told = progress_of(follow(Tracker(trip, AVENUE), drive_of(trip, AVENUE)))
        buckets = [int(progress.recorded_at.timestamp() // 5) for progress in told[:-1]]
        assert buckets == list(range(buckets[0], buckets[0] + len(buckets)))

    def test_older_positions_are_passed_over(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        tracker.advance(reported(100, 1250, 0))
        assert tracker.advance(reported(90, 1100, 0)) == []
        assert tracker.advance(reported(-10, 0, 0)) == [], "before the trip began"

    def test_a_standing_vehicle_does_not_creep_back(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        jitter = [reported(100 + 6 * n, 1250 + (-1) ** n * 12, 5) for n in range(10)]
        driven = [progress.driven for progress in progress_of(follow(tracker, jitter))]
        assert driven == sorted(driven)

    def test_a_loop_does_not_jump_to_its_end(self) -> None:
        loop = route_of([(0, 0), (800, 0), (800, 800), (0, 800), (0, 0)], limits=12.5)
        trip = trip_on(loop)
        facts = follow(Tracker(trip, loop), drive_of(trip, loop))
        shares = [progress.fraction for progress in progress_of(facts)]
        assert shares[0] < 0.01
        assert shares == sorted(shares)
        assert kinds(facts) == ["TripFinished"]

    def test_a_street_driven_twice_counts_by_the_pass(self) -> None:
        there_and_back = route_of([(0, 0), (1000, 0), (1000, 15), (0, 15)], limits=12.5)
        trip = trip_on(there_and_back)
        driven = [p.driven for p in progress_of(follow(Tracker(trip, there_and_back), drive_of(trip, there_and_back)))]
        assert driven == sorted(driven)
        assert max(b - a for a, b in pairwise(driven)) < 80

    def test_a_halt_in_a_dead_end_does_not_throw_it_back(self) -> None:
        dead_end = route_of([(0, 0), (500, 0), (500, 60), (500, 0), (1000, 0)], limits=12.5, dwells={2: 30.0})
        trip = trip_on(dead_end)
        tracker, last = Tracker(trip, dead_end), 0.0
        for position in drive_of(trip, dead_end):
            for progress in progress_of(tracker.advance(position)):
                real = Drive.of(dead_end).at((position.recorded_at - NOON).total_seconds()).distance
                assert progress.driven >= last
                assert progress.driven == pytest.approx(real, abs=10)
                last = progress.driven

    def test_a_vehicle_that_turned_round_is_found_again(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        follow(tracker, [reported(100 + 10 * n, 1250 + 125 * n, 0) for n in range(5)])
        back = [reported(200 + 10 * n, 1750 - 125 * n, 0) for n in range(12)]
        assert progress_of(follow(tracker, back))[-1].driven == pytest.approx(375, abs=5)


class TestArrival:
    def test_at_the_start_it_is_as_planned(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        (progress,) = progress_of(tracker.advance(reported(0, 0, 0)))
        assert (progress.arrival_at - NOON).total_seconds() == pytest.approx(Drive.of(AVENUE).duration, abs=1)
        assert progress.arrival_earliest_at < progress.arrival_at < progress.arrival_latest_at

    def test_who_drives_half_as_fast_arrives_later_than_planned(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        (progress,) = progress_of(tracker.advance(reported(400, 2500, 0)))
        left = (progress.arrival_at - NOON).total_seconds() - 400
        assert 1.4 * Drive.of(AVENUE).duration / 2 < left < 2 * Drive.of(AVENUE).duration / 2

    def test_the_range_narrows_to_the_arrival(self) -> None:
        trip = trip_on(AVENUE)
        told = progress_of(follow(Tracker(trip, AVENUE), drive_of(trip, AVENUE)))
        widths = [(each.arrival_latest_at - each.arrival_earliest_at).total_seconds() for each in told]
        assert widths == sorted(widths, reverse=True)
        assert widths[-1] == 0

    def test_dwell_ahead_counts_and_behind_does_not(self) -> None:
        halting = route_of([(500 * n, 0) for n in range(11)], limits=12.5, dwells={6: 200.0}, route_id="halting")
        for east, extra in ((1000, 200), (4000, 0)):
            # The same pace, so that only the dwell makes the difference.
            elapsed = {route: Drive.of(route).elapsed_at(east) for route in (AVENUE, halting)}
            left = {
                route.route_id: progress_of(Tracker(trip_on(route), route).advance(reported(elapsed[route], east, 0)))[
                    0
                ].arrival_at
                - NOON
                - timedelta(seconds=elapsed[route])
                for route in (AVENUE, halting)
            }
            difference = (left["halting"] - left["r1"]).total_seconds()
            assert extra - 1 <= difference < extra + 15, "and the time to brake and to start again"

    def test_a_time_lapse_arrives_sooner(self) -> None:
        trip = trip_on(AVENUE, speed=10.0)
        (progress,) = progress_of(Tracker(trip, AVENUE).advance(reported(0, 0, 0)))
        assert (progress.arrival_at - NOON).total_seconds() == pytest.approx(Drive.of(AVENUE).duration / 10, abs=0.1)


class TestDelay:
    def late_by(self, tracker: Tracker, when: float, delay: float) -> list[ProgressFact]:
        """A position from which the tracker must expect an arrival so many seconds after the promise."""
        trip = tracker.trip
        expected = (Tracker(trip, AVENUE).advance(reported(when, 1000, 0))[-1]).arrival_at
        tracker.trip = trip_on(AVENUE, promised_at=expected - timedelta(seconds=delay))
        return tracker.advance(reported(when, 1000, 0))

    def test_it_is_told_once_until_it_was_made_up_for(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        delays = (0, 299, 301, 400, 200, 350, 119, 280, 301)
        told = [self.late_by(tracker, 100 + 10 * n, delay) for n, delay in enumerate(delays)]
        assert [kinds(facts) for facts in told] == [[], [], ["TripDelayed"], [], [], [], [], [], ["TripDelayed"]]

    def test_it_says_by_how_much(self) -> None:
        facts = self.late_by(Tracker(trip_on(AVENUE), AVENUE), 100, 333)
        (delayed,) = [fact for fact in facts if isinstance(fact, TripDelayed)]
        assert delayed.delay == pytest.approx(333, abs=0.2)


class TestLeavingTheRoute:
    def test_it_leaves_at_500_m_and_rejoins_under_300(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        offsets = (0, 450, 510, 450, 700, 310, 290, 0)
        told = [tracker.advance(reported(100 + 10 * n, 1000 + 50 * n, offset)) for n, offset in enumerate(offsets)]
        assert [kinds(facts) for facts in told] == [
            [], [], ["TripDeviated"], [], [], [], ["TripRejoined"], []
        ]  # fmt: skip
        off = [progress.off_route for facts in told for progress in progress_of(facts)]
        assert [None if each is None else round(each) for each in off] == [None, None, 510, 450, 700, 310, None, None]

    def test_the_way_does_not_shrink_while_off(self) -> None:
        tracker = Tracker(trip_on(AVENUE), AVENUE)
        positions = [reported(100 + 10 * n, 1000 + 100 * n, 600) for n in range(8)]
        assert {progress.driven for progress in progress_of(follow(tracker, positions))} == {0.0}


class TestTheEnd:
    def test_a_simulated_trip_finishes_once_at_its_end(self) -> None:
        trip = trip_on(AVENUE, seed=3)
        positions = drive_of(trip, AVENUE)
        tracker = Tracker(trip, AVENUE)
        facts = follow(tracker, positions)
        (finished,) = [fact for fact in facts if isinstance(fact, TripFinished)]
        assert timedelta() <= positions[-1].recorded_at - finished.finished_at <= timedelta(seconds=4)
        assert tracker.finished
        last = progress_of(facts)[-1]
        assert (last.fraction, last.remaining, last.arrival_at) == (1.0, 0.0, finished.finished_at)

    @pytest.mark.parametrize("speed", [1.0, 20.0, 100.0])
    def test_in_any_time_lapse(self, speed: float) -> None:
        trip = trip_on(AVENUE, speed=speed)
        assert kinds(follow(Tracker(trip, AVENUE), drive_of(trip, AVENUE)))[-1] == "TripFinished"

    @pytest.mark.parametrize(("east", "north", "finishes"), [(4975, 10, True), (4960, 0, False), (5025, 0, True)])
    def test_a_device_arrives_within_30_m(self, east: float, north: float, finishes: bool) -> None:
        tracker = Tracker(trip_on(AVENUE, simulated=False), AVENUE)
        facts = follow(tracker, [reported(300, 4800, 0), reported(320, east, north)])
        assert ("TripFinished" in kinds(facts)) is finishes

    def test_a_round_trip_does_not_finish_at_its_start(self) -> None:
        loop = route_of([(0, 0), (800, 0), (800, 800), (0, 800), (0, 0)], limits=12.5)
        tracker = Tracker(trip_on(loop, simulated=False), loop)
        assert kinds(follow(tracker, [reported(second, 0, 0) for second in range(0, 120, 7)])) == []

    def test_nothing_is_told_after_the_end(self) -> None:
        trip = trip_on(AVENUE)
        tracker = Tracker(trip, AVENUE)
        follow(tracker, drive_of(trip, AVENUE))
        assert tracker.advance(reported(9999, 5000, 0)) == []


class TestAgain:
    def test_a_position_that_comes_again_gives_the_same_facts(self) -> None:
        trip = trip_on(AVENUE)
        tracker = Tracker(trip, AVENUE)
        positions = drive_of(trip, AVENUE)
        first = follow(tracker, positions)
        assert follow(tracker, positions[-40:]) == [
            fact for fact in first if fact_time(fact) >= positions[-40].recorded_at
        ]

    @pytest.mark.parametrize("at", [1, 57, 200, 400])
    def test_a_tracker_made_from_the_newest_progress_goes_on(self, at: int) -> None:
        trip = trip_on(AVENUE, promised_at=NOON + timedelta(seconds=60))
        positions = drive_of(trip, AVENUE)
        expected = follow(Tracker(trip, AVENUE), positions)
        first = follow(Tracker(trip, AVENUE), positions[:at])
        resumed = follow(Tracker(trip, AVENUE, progress_of(first)[-1]), positions[at:])
        assert first + resumed == expected

    def test_one_that_was_off_route_comes_back_as_such(self) -> None:
        trip = trip_on(AVENUE)
        facts = Tracker(trip, AVENUE).advance(reported(100, 1000, 600))
        resumed = Tracker(trip, AVENUE, progress_of(facts)[-1])
        assert kinds(resumed.advance(reported(110, 1000, 650))) == []
        assert kinds(resumed.advance(reported(120, 1000, 10))) == ["TripRejoined"]

    def test_a_finish_that_nobody_got_is_told_again_after_a_restart(self) -> None:
        trip = trip_on(AVENUE)
        positions = drive_of(trip, AVENUE)
        last = progress_of(follow(Tracker(trip, AVENUE), positions))[-1]
        finishing = next(position for position in positions if position.recorded_at == last.recorded_at)
        assert kinds(Tracker(trip, AVENUE, last).advance(finishing)) == ["TripFinished"]


class TestIds:
    def test_they_are_those_of_the_protocol(self) -> None:
        trip = trip_on(AVENUE, promised_at=NOON)
        tracker = Tracker(trip, AVENUE)
        facts = [*tracker.advance(reported(7, 0, 800)), *tracker.advance(reported(12, 0, 0))]
        milliseconds = int(NOON.timestamp()) * 1000
        assert [fact_id(fact) for fact in facts] == [
            f"t1:deviated:{milliseconds + 7000}",
            f"t1:delayed:{milliseconds + 7000}",
            f"t1:progressed:{(milliseconds + 7000) // 5000}",
            f"t1:rejoined:{milliseconds + 12000}",
            f"t1:progressed:{(milliseconds + 12000) // 5000}",
        ]
        assert {fact_time(fact) for fact in facts[:3]} == {NOON + timedelta(seconds=7)}
        assert isinstance(facts[0], TripDeviated)
        assert isinstance(facts[3], TripRejoined)
        assert (facts[3].lat, facts[3].lng) == place(0, 0)

    def test_each_fact_of_a_trip_has_its_own(self) -> None:
        trip = trip_on(AVENUE, promised_at=NOON)
        ids = [fact_id(fact) for fact in follow(Tracker(trip, AVENUE), drive_of(trip, AVENUE))]
        assert len(set(ids)) == len(ids)
        assert ids[-2:] == ["t1:progressed:end", "t1:finished"]


@pytest.mark.parametrize(("delay", "is_told"), [(200.0, False), (100.0, True)])
def test_a_delay_that_was_told_is_told_again_only_once_it_was_made_up_for(delay: float, is_told: bool) -> None:
    promised_at = NOON - timedelta(minutes=10)
    first = Tracker(trip_on(AVENUE, promised_at=promised_at), AVENUE)
    facts = first.advance(reported(100, 1250, 0))
    (alert,) = [fact for fact in facts if isinstance(fact, TripDelayed)]
    (progress,) = progress_of(facts)
    known = replace(progress, recorded_at=progress.recorded_at + timedelta(seconds=5), delay=delay)
    restarted = Tracker(trip_on(AVENUE, promised_at=promised_at), AVENUE, known, [alert])
    assert ("TripDelayed" in kinds(restarted.advance(reported(110, 1350, 0)))) is is_told


def test_an_alert_that_is_newer_than_the_progress_counts() -> None:
    away = [reported(100 + 6 * n, 1250 + 50 * n, 600) for n in range(3)]
    first = Tracker(trip_on(AVENUE), AVENUE)
    (alert,) = [fact for fact in first.advance(away[0]) if isinstance(fact, TripDeviated)]
    assert kinds(Tracker(trip_on(AVENUE), AVENUE, None, [alert]).advance(away[1])) == []
    assert kinds(Tracker(trip_on(AVENUE), AVENUE).advance(away[1])) == ["TripDeviated"]
