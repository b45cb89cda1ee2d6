"""Distances and bearings between places that anybody can look up, and projections on streets."""

import pytest

from tests.unit.domain.roads import place
from trackway.domain.geometry import bearing, distance, project, turn


def test_distances_are_those_of_the_atlas() -> None:
    # Montevideo to Buenos Aires; and a degree of the meridian, 111.2 km on a sphere.
    assert distance(-34.9058, -56.1913, -34.6037, -58.3816) == pytest.approx(202_900, rel=0.005)
    assert distance(0, 0, 1, 0) == pytest.approx(111_195, abs=1)


def test_the_way_over_the_date_line_is_short() -> None:
    assert distance(0, 179.9, 0, -179.9) == pytest.approx(22_239, abs=1)


@pytest.mark.parametrize(("east", "north", "heading"), [(0, 9, 0), (9, 0, 90), (0, -9, 180), (-9, 0, 270), (9, 9, 45)])
def test_bearings_run_clockwise_from_north(east: float, north: float, heading: float) -> None:
    assert bearing(*place(0, 0), *place(east, north)) == pytest.approx(heading, abs=0.01)


@pytest.mark.parametrize(("one", "other", "angle"), [(350, 10, 20), (10, 350, 20), (0, 180, 180), (90, 90, 0)])
def test_turns_go_the_short_way(one: float, other: float, angle: float) -> None:
    assert turn(one, other) == angle


@pytest.mark.parametrize(
    ("east", "north", "share", "offset"), [(50, 20, 0.5, 20), (-30, 0, 0, 30), (140, 30, 1, 50), (25, 0, 0.25, 0)]
)
def test_projection_on_a_street_of_100_m(east: float, north: float, share: float, offset: float) -> None:
    found = project(*place(east, north), *place(0, 0), *place(100, 0))
    assert found.share == pytest.approx(share, abs=1e-4)
    assert found.offset == pytest.approx(offset, abs=0.01)


def test_projection_on_a_street_of_no_length() -> None:
    assert project(*place(30, 40), *place(0, 0), *place(0, 0)).offset == pytest.approx(50, abs=0.01)
