"""What holds of distances, bearings and projections anywhere on the Earth."""

from math import cos, radians

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trackway.domain.geometry import METRES_PER_DEGREE, along, bearing, distance, project, turn

places = st.tuples(st.floats(-70, 70), st.floats(-179, 179))
near = st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000))
Place = tuple[float, float]


def moved(place: Place, by: Place) -> Place:
    lat, lng = place
    return lat + by[1] / METRES_PER_DEGREE, lng + by[0] / (METRES_PER_DEGREE * cos(radians(lat)))


@given(places, places, places)
def test_distance_is_a_distance(a: Place, b: Place, c: Place) -> None:
    assert distance(*a, *a) == 0
    assert distance(*a, *b) == pytest.approx(distance(*b, *a), abs=1e-3)
    assert distance(*a, *c) <= distance(*a, *b) + distance(*b, *c) + 1e-3


@given(places, near)
def test_near_by_the_distance_is_that_of_the_plane(place: Place, by: Place) -> None:
    assert distance(*place, *moved(place, by)) == pytest.approx((by[0] ** 2 + by[1] ** 2) ** 0.5, rel=2e-3, abs=0.01)


@given(places, near)
def test_the_way_back_has_the_opposite_bearing(place: Place, by: Place) -> None:
    other = moved(place, by)
    assume(distance(*place, *other) > 1)
    there = bearing(*place, *other)
    assert 0 <= there < 360
    assert turn(there, bearing(*other, *place)) == pytest.approx(180, abs=0.1)


@given(st.floats(0, 360), st.floats(0, 360))
def test_turns(one: float, other: float) -> None:
    assert 0 <= turn(one, other) <= 180
    assert turn(one, other) == pytest.approx(turn(other, one), abs=1e-9)


@given(places, near, near)
def test_no_place_on_the_street_is_nearer_than_the_projection(place: Place, end: Place, by: Place) -> None:
    last, at = moved(place, end), moved(place, by)
    assume(distance(*place, *last) > 1)
    share, offset = project(*at, *place, *last)
    assert 0 <= share <= 1
    shares = [share, *(n / 10 for n in range(11))]
    offsets = [distance(*at, *along(*place, *last, each)) for each in shares]
    assert offset == pytest.approx(offsets[0], rel=5e-3, abs=0.05)
    assert offsets[0] <= min(offsets) * 1.005 + 0.05


@given(places, near, st.floats(0, 1))
def test_a_place_on_the_street_is_its_own_projection(place: Place, end: Place, share: float) -> None:
    last = moved(place, end)
    assume(distance(*place, *last) > 1)
    found = project(*along(*place, *last, share), *place, *last)
    assert found.offset == pytest.approx(0, abs=0.01)
    assert found.share == pytest.approx(share, abs=1e-4)
