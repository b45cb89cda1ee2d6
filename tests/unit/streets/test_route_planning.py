"""Routes from stops and from drawn lines, and those that the product ships with."""

import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.domain.roads import NOON, place
from tests.unit.streets.towns import NODES, streets, town
from trackway.domain.geometry import distance
from trackway.domain.motion import Drive
from trackway.events import DEFAULT_TENANT, fact_of
from trackway.events.event import event_of
from trackway.storage.memory import InMemoryStore
from trackway.streets import seeding
from trackway.streets.graph import MapMissing
from trackway.streets.planning import Place, UnusableRoute, route_from_points, route_from_stops
from trackway.streets.seeding import seed_routes

TOWN = streets()


def stop(east: float, north: float, name: str | None = None, dwell: float = 0.0) -> Place:
    lat, lng = place(east, north)
    return Place(lat=lat, lng=lng, name=name, dwell=dwell)


THREE = [stop(100, 5, "Bakery"), stop(395, 150, "School", 40), stop(300, 310)]


class TestStops:
    def test_the_route_goes_through_them_in_order(self) -> None:
        route = route_from_stops(TOWN, [THREE[0], stop(405, 150, "School", 40), stop(400, -20)], planned_at=NOON)
        assert [(round(s.distance), s.dwell) for s in route.stops] == [(0, 0), (450, 40), (600, 0)]
        assert route.length == route.path[-1].distance == pytest.approx(600, abs=1)
        for halt in route.stops:
            assert any((p.lat, p.lng, p.distance) == (halt.lat, halt.lng, halt.distance) for p in route.path)

    def test_it_begins_and_ends_on_the_street_next_to_its_ends(self) -> None:
        route = route_from_stops(TOWN, THREE, planned_at=NOON)
        assert (route.path[0].lat, route.path[0].lng) == pytest.approx(place(100, 0))
        assert (route.path[-1].lat, route.path[-1].lng) == pytest.approx(place(300, 300))

    def test_distances_and_speeds_fit_the_path(self) -> None:
        route = route_from_stops(TOWN, THREE, planned_at=NOON)
        for a, b in pairwise(route.path):
            assert b.distance - a.distance == pytest.approx(distance(a.lat, a.lng, b.lat, b.lng), abs=0.02)
        assert route.path[0].speed_limit == pytest.approx(50 / 3.6, abs=0.01)

    def test_it_is_as_long_as_it_takes_to_drive(self) -> None:
        route = route_from_stops(TOWN, THREE, planned_at=NOON)
        assert route.expected_duration == pytest.approx(Drive(route).duration, abs=0.05)
        hurried = route_from_stops(TOWN, [THREE[0], replace(THREE[1], dwell=0), THREE[2]], planned_at=NOON)
        assert route.expected_duration == pytest.approx(hurried.expected_duration + 40, abs=15)

    def test_names_come_from_what_is_near(self) -> None:
        route = route_from_stops(TOWN, THREE, planned_at=NOON)
        assert [halt.name for halt in route.stops] == ["Bakery", "School", "Norte"]
        assert route.name == "Bakery → Norte"
        assert route_from_stops(TOWN, THREE, name="Morning", planned_at=NOON).name == "Morning"

    def test_the_same_plan_has_the_same_id_and_another_another(self) -> None:
        route = route_from_stops(TOWN, THREE, planned_at=NOON)
        again = route_from_stops(TOWN, THREE, planned_at=NOON + timedelta(days=1))
        assert again == replace(route, planned_at=again.planned_at)
        assert route_from_stops(TOWN, THREE[::-1], planned_at=NOON).route_id != route.route_id
        assert route_from_stops(TOWN, THREE, planned_at=NOON, route_id="mine").route_id == "mine"

    def test_it_is_a_valid_fact(self) -> None:
        route = route_from_stops(TOWN, THREE, planned_at=NOON)
        event = event_of(route, id="e", source="/t", subject="r", partitionkey="r", time=NOON)
        assert fact_of(event) == route

    @pytest.mark.parametrize(
        ("stops", "field", "words"),
        [
            ([], "stops", "2 to 100 stops, not 0"),
            (THREE[:1], "stops", "2 to 100 stops, not 1"),
            ([*THREE, stop(9000, 0)], "stops[3]", "1000 m from every street"),
            ([stop(0, 9000), *THREE], "stops[0]", "1000 m from every street"),
            ([THREE[0], Place(lat=91, lng=0)], "stops[1].lat", "lat 91 is out of range"),
            ([THREE[0], Place(lat=0, lng=float("nan"))], "stops[1].lng", "lng nan is out of range"),
            ([THREE[0], THREE[0]], "stops", "0 m long"),
        ],
    )
    def test_what_makes_no_route_is_blamed(self, stops: list[Place], field: str, words: str) -> None:
        with pytest.raises(UnusableRoute, match=words) as caught:
            route_from_stops(TOWN, stops, planned_at=NOON)
        assert caught.value.field == field


LINE: list[Place] = [stop(10 * n, 0) for n in range(50)]
"""490 m, drawn with a point every 10 m."""


class TestPoints:
    def test_the_line_is_the_route(self) -> None:
        route = route_from_points(LINE, name="Drawn", planned_at=NOON)
        assert [(point.lat, point.lng) for point in route.path] == [
            pytest.approx((point.lat, point.lng), abs=1e-6) for point in LINE
        ]
        assert route.length == pytest.approx(490, abs=0.5)
        assert {point.speed_limit for point in route.path} == {11.11}
        assert [round(halt.distance) for halt in route.stops] == [0, 490]

    def test_points_with_a_name_or_a_dwell_are_stops(self) -> None:
        line = [*LINE[:20], stop(200, 0, "Halfway"), *LINE[21:30], stop(300, 0, None, 25), *LINE[31:]]
        route = route_from_points(line, planned_at=NOON)
        assert [(round(halt.distance), halt.name, halt.dwell) for halt in route.stops][1:3] == [
            (200, "Halfway", 0),
            (300, None, 25),
        ]

    def test_ends_are_named_after_what_is_near_or_where_they_are(self) -> None:
        assert route_from_points(LINE, planned_at=NOON, streets=TOWN).name == "Sur → Calle Sin Salida"
        assert route_from_points(LINE, planned_at=NOON).name == "(-34.9000, -56.1600) → (-34.9000, -56.1546)"

    def test_a_device_that_stood_still_adds_nothing(self) -> None:
        standing = [LINE[0]] * 30 + LINE + [LINE[-1]] * 30
        still = route_from_points(standing, name="Drawn", planned_at=NOON)
        assert still.path == route_from_points(LINE, name="Drawn", planned_at=NOON).path

    @pytest.mark.parametrize(
        ("points", "field"),
        [([], "points"), (LINE[:1], "points"), (LINE[:2], "points"), ([Place(lat=0, lng=181), *LINE], "points[0].lng")],
    )
    def test_what_makes_no_route_is_blamed(self, points: list[Place], field: str) -> None:
        with pytest.raises(UnusableRoute) as caught:
            route_from_points(points, planned_at=NOON)
        assert caught.value.field == field


BRASILIA = {
    "brasilia-asa-sul-1": ((-15.82594, -47.92923), (-15.82942, -47.92765)),
    "brasilia-asa-sul-2": ((-15.82449, -47.92756), (-15.82776, -47.92621)),
    "brasilia-asa-sul-3": ((-15.82331, -47.92588), (-15.82758, -47.92532)),
}


class TestSeeding:
    @pytest.fixture
    def town_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A town on which the shipped routes' stops are moved to its corners, in turn."""
        found = seeding._seeds
        ends = [stop(*node) for node in NODES]

        def moved() -> object:
            for number, seed in enumerate(found()):
                moved = tuple(
                    replace(each, lat=ends[(number + 2 * n) % 5].lat, lng=ends[(number + 2 * n) % 5].lng)
                    for n, each in enumerate(seed.stops)
                )
                yield replace(seed, stops=moved)

        monkeypatch.setattr(seeding, "_seeds", moved)
        (tmp_path / "streets.json").write_bytes(town())
        return tmp_path / "streets.json"

    async def test_all_are_laid_in_once(self, town_file: Path) -> None:
        store = InMemoryStore()
        laid = await seed_routes(store, town_file, planned_at=NOON)
        routes = await store.routes(DEFAULT_TENANT)
        assert laid == len(routes) == 15
        assert len({route.route_id for route in routes}) == 15
        assert await seed_routes(store, town_file.parent / "gone.json") == 0, "and the map is not even read then"
        assert await store.routes(DEFAULT_TENANT) == routes

    async def test_the_course_s_routes_run_between_exactly_its_ends(self, town_file: Path) -> None:
        store = InMemoryStore()
        await seed_routes(store, town_file, planned_at=NOON)
        for route_id, (start, end) in BRASILIA.items():
            route = await store.route(DEFAULT_TENANT, route_id)
            assert route is not None
            assert ((route.path[0].lat, route.path[0].lng), (route.path[-1].lat, route.path[-1].lng)) == (start, end)
            assert 1.3 * distance(*start, *end) < route.length < 2.5 * distance(*start, *end)
            assert len(route.path) >= 10

    async def test_without_the_map_it_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(MapMissing):
            await seed_routes(InMemoryStore(), tmp_path / "gone.json")

    def test_the_shipped_montevideo_routes_lie_in_montevideo(self) -> None:
        content = json.loads((Path(seeding.__file__).parent / "routes/montevideo.json").read_text())
        assert len(content["routes"]) == 12
        for route in content["routes"]:
            assert all(-34.96 < s["lat"] < -34.81 and -56.34 < s["lng"] < -55.98 for s in route["stops"])
