"""Finding streets and ways in a town of eight streets."""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from tests.unit.domain.roads import place
from tests.unit.streets.towns import streets, town
from trackway.domain.geometry import distance
from trackway.streets.edges import Document
from trackway.streets.graph import MapMissing, NoWay, OffTheMap, Streets, WayPoint

TOWN = streets()


def corners(way: list[WayPoint]) -> list[tuple[int, int]]:
    """The way's vertices in metres east and north."""
    origin = place(0, 0)
    unit = distance(*origin, *place(1, 0)), distance(*origin, *place(0, 1))
    return [
        (
            round(distance(*origin, origin[0], point.lng) / unit[0]),
            round(distance(*origin, point.lat, origin[1]) / unit[1]),
        )
        for point in way
    ]


def length(way: list[WayPoint]) -> float:
    return sum(distance(a.lat, a.lng, b.lat, b.lng) for a, b in pairwise(way))


class TestSnap:
    def test_to_the_very_place_on_the_nearest_street(self) -> None:
        snap = TOWN.snap(*place(120, 20))
        assert (snap.lat, snap.lng) == pytest.approx(place(120, 0))
        assert snap.along == pytest.approx(120, abs=0.1)
        assert snap.offset == pytest.approx(20, abs=0.1)

    def test_from_far_off_but_within_a_kilometre(self) -> None:
        assert TOWN.snap(*place(-990, 100)).offset == pytest.approx(990, abs=1)

    @pytest.mark.parametrize("off", [(-1010, 100), (0, 50_000)])
    def test_farther_is_off_the_map(self, off: tuple[float, float]) -> None:
        with pytest.raises(OffTheMap, match="more than 1000 m from every street"):
            TOWN.snap(*place(*off))

    def test_the_nearest_counts_even_in_a_cell_farther_away(self) -> None:
        for east in range(-300, 800, 40):
            for north in range(-300, 600, 40):
                at = place(east, north)
                nearest = min(
                    distance(*at, *place(x, y))
                    for x, y in [
                        *((x, 0) for x in range(0, 701)),
                        *((x, 300) for x in range(0, 401)),
                        *((x, y) for x in (0, 200, 400) for y in range(0, 301)),
                    ]
                )
                assert TOWN.snap(*at).offset == pytest.approx(nearest, abs=1)


class TestNames:
    def test_of_the_nearest_street_that_has_one(self) -> None:
        assert TOWN.name_near(*place(100, 5)) == "Sur"
        assert TOWN.name_near(*place(201, 140)) == "Sur", "the lane has no name"

    def test_of_the_quarter_where_no_street_is_near(self) -> None:
        assert TOWN.name_near(*place(-900, 100)) == "Centro"

    def test_none_where_nothing_is(self) -> None:
        assert TOWN.name_near(*place(0, 9000)) is None


class TestWay:
    def test_the_fastest_is_taken_not_the_shortest(self) -> None:
        way = TOWN.way(place(190, 0), place(210, 300))
        assert corners(way) == [(190, 0), (0, 0), (0, 300), (200, 300), (210, 300)]

    def test_a_one_way_street_is_not_driven_against(self) -> None:
        way = TOWN.way(place(390, 300), place(10, 300))
        assert corners(way) == [(390, 300), (400, 300), (400, 0), (200, 0), (0, 0), (0, 300), (10, 300)]

    def test_along_one_street(self) -> None:
        assert corners(TOWN.way(place(20, 3), place(150, -4))) == [(20, 0), (150, 0)]
        assert corners(TOWN.way(place(150, 0), place(20, 0))) == [(150, 0), (20, 0)]

    def test_back_on_a_one_way_street_is_once_round_the_block(self) -> None:
        way = TOWN.way(place(100, 300), place(50, 300))
        assert corners(way)[:2] == [(100, 300), (200, 300)]
        assert corners(way)[-2:] == [(0, 300), (50, 300)]
        assert length(way) == pytest.approx(1350, abs=2)

    def test_into_and_out_of_a_blind_alley(self) -> None:
        assert corners(TOWN.way(place(300, 0), place(650, 0))) == [(300, 0), (400, 0), (650, 0)]
        assert corners(TOWN.way(place(650, 0), place(300, 0))) == [(650, 0), (400, 0), (300, 0)]

    def test_from_a_place_to_itself(self) -> None:
        assert corners(TOWN.way(place(50, 0), place(50, 5))) == [(50, 0)]

    def test_speeds_are_of_the_street_that_follows(self) -> None:
        way = TOWN.way(place(300, 0), place(400, 200))
        assert [round(point.speed * 3.6) for point in way] == [50, 40, 40]

    def test_the_other_direction_of_a_street_drawn_against_its_one_way(self) -> None:
        # Oneway -1: the path runs east, the traffic west.
        document = msgspec.json.decode(town((6, 1, {"oneway": -1, "class": "primary"})), type=Document)
        only = Streets(msgspec.structs.replace(document, edges=document.edges[-1:]))
        assert corners(only.way(place(450, 0), place(650, 0))) == [(450, 0), (650, 0)]
        with pytest.raises(NoWay, match="no way leads over the streets"):
            only.way(place(650, 0), place(450, 0))

    def test_the_path_of_a_bent_street_is_followed(self) -> None:
        document = msgspec.json.decode(
            town((1, 6, {"class": "trunk", "via": [place(500, -40), place(600, -40)], "length": 310.0})), type=Document
        )
        way = Streets(document).way(place(400, 0), place(700, 0))
        assert corners(way) == [(400, 0), (500, 40), (600, 40), (700, 0)], "north and south look alike here"
        assert all(point.lat <= place(0, 0)[0] for point in way)


class TestLoading:
    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "streets.json").write_bytes(town())
        assert Streets.load(tmp_path / "streets.json").name_near(*place(100, 0)) == "Sur"

    def test_none_says_what_makes_one(self, tmp_path: Path) -> None:
        with pytest.raises(MapMissing, match=r"no street data at .*make run"):
            Streets.load(tmp_path / "streets.json")

    @pytest.mark.parametrize("content", [b"", b"{", b'{"nodes": 3}', town((1, 2, {"class": "trunk", "to": 99}))])
    def test_one_that_is_broken_says_so(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "streets.json").write_bytes(content)
        with pytest.raises(MapMissing, match="cannot be read"):
            Streets.load(tmp_path / "streets.json")
