"""How a simulated vehicle drives, and when it reports."""

from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from tests.unit.domain.roads import NOON, place, route_of, trip_on
from trackway.domain.geometry import distance
from trackway.domain.motion import (
    ACCELERATION,
    BRAKING,
    Drive,
    arrives_at,
    due_positions,
    first_tick,
    next_tick,
    seq_of,
    shard_of,
)
from trackway.events import SHARDS

STRAIGHT = route_of([(0, 0), (1000, 0)], limits=20.0)
CORNER = route_of([(0, 0), (500, 0), (500, 500)], limits=20.0)


class TestDrive:
    def test_a_straight_is_sped_up_cruised_and_braked(self) -> None:
        drive = Drive.of(STRAIGHT)
        up, down = 20 / ACCELERATION, 20 / BRAKING
        cruise = (drive.length - 20 * (up + down) / 2) / 20
        assert drive.duration == pytest.approx(up + cruise + down)
        assert drive.at(up / 2).speed == pytest.approx(10)
        assert drive.at(up + 1).speed == pytest.approx(20)
        assert drive.at(drive.duration - down / 2).speed == pytest.approx(10)

    def test_it_begins_and_ends_standing_at_the_ends(self) -> None:
        drive = Drive.of(STRAIGHT)
        for elapsed, end, arrived in ((-5, 0, False), (0, 0, False), (drive.duration + 99, 1000, True)):
            motion = drive.at(elapsed)
            assert motion.speed == 0
            assert motion.arrived is arrived
            assert distance(motion.lat, motion.lng, *place(end, 0)) < 0.01

    def test_a_corner_is_taken_slowly_and_turns_the_heading(self) -> None:
        drive = Drive.of(CORNER)
        at_corner = drive.elapsed_at(500)
        assert drive.at(at_corner).speed < 6
        assert drive.at(at_corner - 1).heading == pytest.approx(90, abs=0.1)
        assert drive.at(at_corner + 1).heading == pytest.approx(0, abs=0.1)

    def test_a_slower_street_is_not_entered_faster(self) -> None:
        drive = Drive.of(route_of([(0, 0), (500, 0), (1000, 0)], limits=[20.0, 8.0]))
        assert drive.at(drive.elapsed_at(500)).speed == pytest.approx(8, abs=0.01)

    def test_a_short_street_never_reaches_its_limit(self) -> None:
        drive = Drive.of(route_of([(0, 0), (30, 0)], limits=20.0))
        assert max(drive.at(second / 10).speed for second in range(200)) < 10

    def test_it_halts_at_stops(self) -> None:
        route = route_of([(0, 0), (400, 0), (800, 0)], limits=10.0, dwells={0: 7.0, 1: 30.0, 2: 50.0})
        drive = Drive.of(route)
        assert [drive.at(second).distance for second in (0, 3, 7)] == [0, 0, 0]
        arrived = drive.elapsed_at(route.stops[1].distance)
        assert [drive.at(arrived + second).speed for second in (0.01, 15, 29.9)] == [0, 0, 0]
        assert drive.at(arrived + 32).speed > 0
        without = Drive.of(route_of([(0, 0), (400, 0), (800, 0)], limits=10.0, route_id="r2"))
        assert drive.duration > without.duration + 37, "the last stop's dwell comes after the drive"

    def test_other_seeds_drive_otherwise_and_the_same_seed_the_same(self) -> None:
        town = route_of([(100 * (n // 2), 100 * ((n + 1) // 2)) for n in range(60)], limits=12.0)
        durations = {seed: Drive(town, seed).duration for seed in range(8)}
        assert len(set(durations.values())) == 8
        assert min(durations.values()) == durations[0]
        assert {seed: Drive(town, seed).duration for seed in range(8)} == durations

    def test_points_that_stand_twice_do_no_harm(self) -> None:
        doubled = route_of([(0, 0), (0, 0), (500, 0), (500, 0), (1000, 0), (1000, 0)], limits=20.0)
        assert Drive(doubled).duration == pytest.approx(Drive(STRAIGHT).duration)

    def test_a_route_of_no_length_is_driven_at_once(self) -> None:
        drive = Drive(route_of([(0, 0), (0, 0)]))
        assert drive.duration == 0
        assert drive.at(0).arrived

    def test_two_routes_of_one_id_are_not_confused(self) -> None:
        assert Drive.of(STRAIGHT).length != Drive.of(route_of([(0, 0), (70, 0)])).length


class TestTicks:
    def test_shards_are_stable(self) -> None:
        # These must never change: a vehicle would change its shard in mid-trip.
        assert [shard_of(f"sim-{number}") for number in range(6)] == [3, 5, 7, 1, 2, 4]

    def test_shards_are_spread_over_the_second(self) -> None:
        ticks = {first_tick(NOON, shard) - NOON for shard in range(SHARDS)}
        assert ticks == {timedelta(seconds=shard / SHARDS) for shard in range(SHARDS)}

    def test_a_tick_on_the_moment_is_first_but_not_next(self) -> None:
        moment = NOON + timedelta(seconds=3 / SHARDS)
        assert first_tick(moment, 3) == moment
        assert next_tick(moment, 3) == moment + timedelta(seconds=1)
        assert next_tick(moment - timedelta(microseconds=1), 3) == moment


class TestDuePositions:
    trip = trip_on(STRAIGHT, started_at=NOON + timedelta(seconds=0.3))
    later = NOON + timedelta(days=1)

    def test_they_come_once_a_second_from_the_first_tick_to_the_arrival(self) -> None:
        positions = due_positions(self.trip, STRAIGHT, None, self.later)
        assert [position.seq for position in positions] == list(range(len(positions)))
        first = first_tick(self.trip.started_at, shard_of("sim-1"))
        assert [position.recorded_at for position in positions] == [
            first + timedelta(seconds=second) for second in range(len(positions))
        ]
        assert positions[-1].recorded_at == arrives_at(self.trip, STRAIGHT)
        assert (positions[-1].lat, positions[-1].lng) == pytest.approx(place(1000, 0))
        assert positions[-1].speed == 0
        assert distance(positions[-2].lat, positions[-2].lng, *place(1000, 0)) > 0.001, "it arrives once"

    def test_slices_join_without_gap_or_overlap(self) -> None:
        whole = due_positions(self.trip, STRAIGHT, None, self.later)
        cuts = [None, *(NOON + timedelta(seconds=second * 3.7) for second in range(1, 40))]
        parts = [due_positions(self.trip, STRAIGHT, a, b) for a, b in pairwise(cuts) if b]
        assert [position for part in parts for position in part] == whole

    def test_the_edge_of_a_slice_belongs_to_it(self) -> None:
        tick = due_positions(self.trip, STRAIGHT, None, self.later)[5].recorded_at
        before = tick - timedelta(microseconds=1)
        assert [position.seq for position in due_positions(self.trip, STRAIGHT, before, tick)] == [5]
        assert due_positions(self.trip, STRAIGHT, tick, tick) == []

    def test_nothing_after_the_arrival_and_before_the_start(self) -> None:
        end = arrives_at(self.trip, STRAIGHT)
        assert due_positions(self.trip, STRAIGHT, end, self.later) == []
        assert due_positions(self.trip, STRAIGHT, None, NOON) == []

    def test_seq_tells_the_newest_position(self) -> None:
        positions = due_positions(self.trip, STRAIGHT, None, self.later)
        assert seq_of(self.trip, positions[7].recorded_at) == 7
        assert seq_of(self.trip, positions[7].recorded_at - timedelta(microseconds=1)) == 6
        assert seq_of(self.trip, NOON - timedelta(seconds=1)) < 0

    @pytest.mark.parametrize("speed", [0.5, 1.0, 3.7, 100.0])
    def test_a_time_lapse_drives_the_same_way_in_less_time(self, speed: float) -> None:
        trip = replace(self.trip, speed=speed)
        positions = due_positions(trip, STRAIGHT, None, self.later)
        drive = Drive.of(STRAIGHT)
        taken = (positions[-1].recorded_at - trip.started_at).total_seconds()
        assert drive.duration / speed <= taken < drive.duration / speed + 2
        assert (positions[-1].lat, positions[-1].lng) == pytest.approx(place(1000, 0))
