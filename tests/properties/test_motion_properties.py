"""What holds of every drive along every route, whoever drives it."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.strategies import routes, seeds, speeds
from tests.unit.domain.roads import NOON, trip_on
from trackway.domain.motion import ACCELERATION, BRAKING, Drive, arrives_at, due_positions, first_tick, next_tick
from trackway.events import SHARDS, RoutePlanned

ROUNDING = 1e-6


@given(routes(), seeds)
def test_the_vehicle_never_goes_back_and_comes_to_the_end(route: RoutePlanned, seed: int) -> None:
    drive = Drive(route, seed)
    moments = [drive.duration * share / 97 for share in range(98)]
    distances = [drive.at(moment).distance for moment in moments]
    assert distances[0] == 0
    assert all(a <= b + ROUNDING for a, b in pairwise(distances))
    assert abs(distances[-1] - route.length) < ROUNDING
    assert drive.at(drive.duration).arrived


@given(routes(), seeds)
def test_limits_are_kept(route: RoutePlanned, seed: int) -> None:
    drive = Drive(route, seed)
    for share in range(98):
        motion = drive.at(drive.duration * share / 97)
        at = max(i for i, point in enumerate(route.path) if point.distance <= motion.distance + ROUNDING)
        # On a vertex either street's limit is right.
        allowed = max(route.path[max(0, at - 1)].speed_limit, route.path[at].speed_limit)
        assert -ROUNDING <= motion.speed <= allowed + ROUNDING


@given(routes(), seeds)
def test_speed_changes_no_faster_than_a_van_can(route: RoutePlanned, seed: int) -> None:
    drive = Drive(route, seed)
    step = 0.25
    speeds = [drive.at(n * step).speed for n in range(min(2000, int(drive.duration / step) + 2))]
    for before, after in pairwise(speeds):
        assert -BRAKING * step - ROUNDING <= after - before <= ACCELERATION * step + ROUNDING


@given(routes(), seeds)
def test_place_and_speed_agree(route: RoutePlanned, seed: int) -> None:
    drive = Drive(route, seed)
    step = 0.5
    for n in range(min(1000, int(drive.duration / step))):
        a, b = drive.at(n * step), drive.at((n + 1) * step)
        # Between two moments the speed is at most what the van can add to the one it had.
        assert b.distance - a.distance <= (max(a.speed, b.speed) + ACCELERATION * step) * step + ROUNDING


@given(routes(), seeds)
def test_the_moment_of_a_place_is_when_it_is_reached(route: RoutePlanned, seed: int) -> None:
    drive = Drive(route, seed)
    for share in range(1, 50):
        metres = route.length * share / 50
        moment = drive.elapsed_at(metres)
        assert abs(drive.at(moment).distance - metres) < 1e-3
        assert drive.at(max(0.0, moment - 0.01)).distance <= metres + 1e-3


@given(routes(), seeds)
def test_the_same_drive_again_is_the_same(route: RoutePlanned, seed: int) -> None:
    one, other = Drive(route, seed), Drive(route, seed)
    assert one.duration == other.duration
    assert all(one.at(moment / 3) == other.at(moment / 3) for moment in range(100))


@settings(deadline=None)
@given(routes(), seeds, speeds, st.lists(st.floats(0, 5000), max_size=8), st.floats(0, 5))
def test_however_it_is_sliced_the_positions_are_the_same(
    route: RoutePlanned, seed: int, speed: float, cuts: list[float], begin: float
) -> None:
    trip = trip_on(route, seed=seed, speed=speed, started_at=NOON + timedelta(seconds=begin))
    end = arrives_at(trip, route) + timedelta(seconds=60)
    whole = due_positions(trip, route, None, end)
    moments = [None, *sorted(NOON + timedelta(seconds=cut) for cut in cuts), end]
    parts = [due_positions(trip, route, a, b) for a, b in pairwise(moments) if b is not None]
    seen = {position.seq: position for part in parts for position in part}
    assert list(seen.values()) == whole
    assert [position.seq for position in whole] == list(range(len(whole)))
    assert whole[-1].recorded_at == arrives_at(trip, route)


@given(st.datetimes(), st.integers(0, SHARDS - 1))
def test_ticks_are_a_second_apart(moment: object, shard: int) -> None:
    start = NOON.replace(microsecond=getattr(moment, "microsecond", 0))
    first = first_tick(start, shard)
    assert start <= first < start + timedelta(seconds=1)
    assert next_tick(first, shard) == first + timedelta(seconds=1)
    assert first_tick(first, shard) == first
