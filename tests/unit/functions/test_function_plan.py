"""plan makes routes of stops and of lines in several forms, once however often it is asked, and names what is wrong."""

from typing import Any

import msgspec
import pytest

from tests.unit.functions.fakes import TENANT, World, ask, headers_of, told
from trackway.events import RoutePlanned, decode
from trackway.functions import Answered, Deps, Function
from trackway.streets.edges import Document
from trackway.streets.graph import Streets

POINTS = [{"lat": -34.9, "lng": -56.16}, {"lat": -34.901, "lng": -56.16}, {"lat": -34.901, "lng": -56.161}]
LINE = {"type": "LineString", "coordinates": [[-56.16, -34.9], [-56.16, -34.901, 12.5], [-56.161, -34.901]]}
GPX = b"""<?xml version="1.0"?><gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">
<trk><name>Morning</name><trkseg><trkpt lat="-34.9" lon="-56.16"/><trkpt lat="-34.901" lon="-56.16"/></trkseg>
<trkseg><trkpt lat="-34.901" lon="-56.161"/></trkseg></trk></gpx>"""


def planner(world: World, streets: Streets | None = None) -> Function:
    function = world.function("plan")
    function.deps = Deps(world.settings, store=world.store, clock=world.clock, sink=world.sink, streets=streets)
    return function


def crossing() -> Streets:
    """Two streets that cross: Norte goes north, Este goes east."""
    document = {
        "nodes": [[-34.90, -56.16], [-34.89, -56.16], [-34.90, -56.15], [-34.91, -56.16]],
        "edges": [
            {"from": a, "to": b, "class": "residential", "maxspeed": None, "oneway": 0, "name": name,
             "path": [places[0], places[1]], "length": length}
            for a, b, name, places, length in [
                (0, 1, "Norte", [[-34.90, -56.16], [-34.89, -56.16]], 1111.95),
                (0, 2, "Este", [[-34.90, -56.16], [-34.90, -56.15]], 911.97),
                (3, 0, "Norte", [[-34.91, -56.16], [-34.90, -56.16]], 1111.95),
            ]
        ],
        "signals": [],
        "places": [],
    }  # fmt: skip
    return Streets(msgspec.convert(document, Document))


async def plan(world: World, body: Any, query: str = "", streets: Streets | None = None, **headers: str) -> Answered:
    return await ask(planner(world, streets), "POST", f"/v1/routes{query}", body, **headers)


async def test_a_drawn_line_becomes_a_route() -> None:
    world = World()
    answered = await plan(world, {"name": "Corner", "points": POINTS})
    assert answered.status == 201
    route = msgspec.json.decode(answered.body, type=RoutePlanned)
    assert headers_of(answered)["location"] == f"/v1/routes/{route.route_id}"
    assert route.name == "Corner"
    assert route.length == pytest.approx(202, abs=2)
    assert await world.store.route(TENANT, route.route_id) == route
    (event,) = world.sink.events
    assert (event.id, event.subject) == (route.route_id, route.route_id)
    assert decode(event, RoutePlanned) == route


async def test_stops_are_connected_over_the_streets() -> None:
    world = World()
    stops = [{"lat": -34.895, "lng": -56.1601, "name": "Shop"}, {"lat": -34.9001, "lng": -56.155, "dwell": 30}]
    answered = await plan(world, {"stops": stops}, streets=crossing())
    assert answered.status == 201
    route = msgspec.json.decode(answered.body, type=RoutePlanned)
    assert route.length == pytest.approx(556 + 456, abs=10)  # by the crossing, not through the houses
    assert route.name.startswith("Shop")
    assert any((point.lat, point.lng) == pytest.approx((-34.9, -56.16)) for point in route.path)


async def test_the_same_content_is_the_same_route_and_stays_as_it_was() -> None:
    world = World()
    first = await plan(world, {"name": "Corner", "points": POINTS})
    world.clock.moment = world.clock.moment.replace(hour=18)
    assert (await plan(world, {"name": "Corner", "points": POINTS})).body == first.body
    assert len(set(world.sink.ids)) == 1


@pytest.mark.parametrize(
    ("body", "media_type", "name"),
    [
        (GPX, "application/gpx+xml", "Morning"),
        (msgspec.json.encode(LINE), "application/geo+json", None),
        (
            msgspec.json.encode({"type": "Feature", "geometry": LINE, "properties": {"name": "Feature"}}),
            "application/geo+json",
            "Feature",
        ),
    ],
)
async def test_a_line_from_a_file_is_the_line_that_was_drawn(body: bytes, media_type: str, name: str | None) -> None:
    drawn = told(await plan(World(), {"name": "n", "points": POINTS}))
    route = told(await plan(World(), body, content_type=media_type))
    assert route["path"] == drawn["path"]
    assert name is None or route["name"] == name
    assert told(await plan(World(), body, "?name=Mine", content_type=media_type))["name"] == "Mine"


@pytest.mark.parametrize("heading", [b"", b"lat,lng,name\r\n", b"\xef\xbb\xbfLatitude,Longitude,Name\n"])
async def test_a_table_is_a_list_of_stops(heading: bytes) -> None:
    body = heading + b'-34.895,-56.1601,"Shop, big"\r\n\r\n-34.9001, -56.155\r\n'
    answered = await plan(World(), body, "?name=Tour", streets=crossing(), content_type="text/csv")
    assert answered.status == 201
    assert told(answered)["name"] == "Tour"
    assert told(answered)["stops"][0]["name"] == "Shop, big"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "stops"),
        ({"stops": POINTS, "points": POINTS}, "stops"),
        ({"points": POINTS[:1]}, "points"),
        ({"points": [POINTS[0], {"lat": 91, "lng": 0}]}, "points[1].lat"),
        ({"points": [POINTS[0], {"lat": 1}]}, "points[1].lng"),
        ({"points": [POINTS[0], POINTS[0]]}, "points"),
        ({"stops": [{"lat": -34.9, "lng": -56.16}, {"lat": -33, "lng": -56.16}]}, "stops[1]"),
        ({"stops": [{"lat": -34.9, "lng": -56.16}, {"lat": -34.9, "lng": -56.155, "dwell": -1}]}, "stops[1].dwell"),
        ({"points": POINTS, "name": ""}, "name"),
        ({"points": POINTS, "nmae": "x"}, "nmae"),
    ],
)
async def test_what_makes_no_route_is_refused_with_its_field(body: Any, field: str) -> None:
    world = World()
    answered = await plan(world, body, streets=crossing())
    assert (answered.status, told(answered).get("field")) == (400, field)
    assert world.sink.events == []


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<gpx", "application/gpx+xml"),
        (b"", "application/gpx+xml"),
        (b"\xff\xfe", "application/gpx+xml"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><gpx>&a;</gpx>', "application/gpx+xml"),
        (GPX.replace(b"-34.901", b"nowhere"), "application/gpx+xml"),
        (GPX.replace(b"-34.901", b"-134.901"), "application/gpx+xml"),
        (b'<gpx version="1.1"></gpx>', "application/gpx+xml"),
        (b"{}", "application/geo+json"),
        (b"[]", "application/geo+json"),
        (b'{"type":"Point","coordinates":[1,2]}', "application/geo+json"),
        (b'{"type":"LineString","coordinates":[[1],[2]]}', "application/geo+json"),
        (b'{"type":"LineString","coordinates":[["1","2"],[2,3]]}', "application/geo+json"),
        (b'{"type":"LineString","coordinates":[[500,2],[2,3]]}', "application/geo+json"),
        (b"-34.9\n-34.8", "text/csv"),
        (b"a,b\nc,d", "text/csv"),
        (b"", "text/csv"),
        (b'-34.9,"-56', "text/csv"),
        (b"\x00", "text/csv"),
        (b"-34.9," + b"5" * 200_000, "text/csv"),
    ],
)
async def test_a_bad_file_is_refused(body: bytes, media_type: str) -> None:
    world = World()
    answered = await plan(world, body, streets=crossing(), content_type=media_type)
    assert answered.status == 400, answered.body
    assert world.sink.events == []


async def test_without_a_map_only_lines_can_be_planned() -> None:
    assert (await plan(World(), {"points": POINTS})).status == 201
    assert (await plan(World(), {"stops": POINTS})).status == 503
