"""ingest takes positions as devices send them, all or none, and tells what is wrong with them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.functions.fakes import NOON, World, ask, told
from trackway.events import PositionRecorded, decode
from trackway.functions import Answered

FORM = "application/x-www-form-urlencoded"


async def report(world: World, body: Any) -> Answered:
    return await ask(world.function("ingest"), "POST", "/v1/ingest", body)


def only(world: World) -> PositionRecorded:
    (event,) = world.sink.events
    return decode(event, PositionRecorded)


async def test_a_position_as_json() -> None:
    world = World()
    answered = await report(
        world,
        {"id": "phone-1", "lat": -34.9, "lng": -56.16, "recorded_at": "2026-03-01T08:59:00-03:00", "speed": 3.5,
         "heading": 90, "accuracy": 4, "altitude": 20, "battery": 80},
    )  # fmt: skip
    assert (answered.status, told(answered)) == (200, {"accepted": 1})
    assert only(world) == PositionRecorded(
        vehicle_id="phone-1",
        lat=-34.9,
        lng=-56.16,
        recorded_at=NOON - timedelta(minutes=1),
        received_at=NOON,
        speed=3.5,
        heading=90,
        accuracy=4,
        altitude=20,
    )
    (event,) = world.sink.events
    assert (event.subject, event.partitionkey, event.source) == ("phone-1", "phone-1", "/trackway/functions/ingest")


async def test_without_a_time_it_was_recorded_now() -> None:
    world = World()
    await report(world, {"id": "phone-1", "lat": -34.9, "lng": -56.16})
    assert only(world).recorded_at == NOON


async def test_an_array_is_taken_whole() -> None:
    world = World()
    fixes = [{"id": "phone-1", "lat": -34.9 + number / 100, "lng": -56.16} for number in range(3)]
    assert told(await report(world, fixes)) == {"accepted": 3}
    assert len(set(world.sink.ids)) == 3
    assert told(await report(World(), [])) == {"accepted": 0}


async def test_or_not_at_all() -> None:
    world = World()
    answered = await report(world, [{"id": "a", "lat": 1, "lng": 1}, {"id": "a", "lat": 91, "lng": 1}])
    assert (answered.status, told(answered)["field"]) == (400, "[1].lat")
    late = (NOON + timedelta(days=1)).isoformat()
    answered = await report(
        world, [{"id": "a", "lat": 1, "lng": 1}, {"id": "a", "lat": 1, "lng": 1, "recorded_at": late}]
    )
    assert (answered.status, told(answered)["field"]) == (400, "[1].recorded_at")
    assert world.sink.events == []


async def test_a_repeated_report_has_the_same_id_and_another_place_or_time_has_not() -> None:
    world = World()
    base = {"id": "a", "lat": 1, "lng": 1, "recorded_at": "2026-03-01T12:00:00Z"}
    later = {**base, "recorded_at": "2026-03-01T12:00:01Z"}
    for fix in (
        base,
        {**base, "recorded_at": "2026-03-01T09:00:00-03:00"},
        later,
        {**base, "lat": 2},
        {**base, "id": "b"},
    ):
        await report(world, fix)
    first, again, *others = world.sink.ids
    assert first == again
    assert len({first, *others}) == 4


async def test_nothing_is_accepted_while_the_broker_is_away() -> None:
    world = World()
    world.sink.is_away()
    assert (await report(world, {"id": "a", "lat": 1, "lng": 1})).status == 503


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id": "a", "lat": 90.1, "lng": 1}, "lat"),
        ({"id": "a", "lat": 1, "lng": -180.5}, "lng"),
        ({"id": "a", "lat": "1", "lng": 1}, "lat"),
        ({"id": "a", "lng": 1}, "lat"),
        ({"lat": 1, "lng": 1}, "id"),
        ({"id": "a b", "lat": 1, "lng": 1}, "id"),
        ({"id": "a", "lat": 1, "lng": 1, "recorded_at": "yesterday"}, "recorded_at"),
        ({"id": "a", "lat": 1, "lng": 1, "recorded_at": "2026-03-01T12:00:00"}, "recorded_at"),
        ({"id": "a", "lat": 1, "lng": 1, "recorded_at": "1970-01-01T00:00:00Z"}, "recorded_at"),
        ({"id": "a", "lat": 1, "lng": 1, "recorded_at": "2100-01-01T00:00:00Z"}, "recorded_at"),
        ({"id": "a", "lat": 1, "lng": 1, "recorded_at": "0001-01-01T00:00:00+14:00"}, "recorded_at"),
        ({"id": "a", "lat": 1, "lng": 1, "recorded_at": "9999-12-31T23:59:59-14:00"}, "recorded_at"),
        ({"id": "a", "lat": 1, "lng": 1, "speed": -1}, "speed"),
        ({"id": "a", "lat": 1, "lng": 1, "heading": 361}, "heading"),
    ],
)
async def test_bad_positions_name_the_field(body: Any, field: str) -> None:
    world = World()
    answered = await report(world, body)
    assert (answered.status, told(answered).get("field")) == (400, field)
    assert world.sink.events == []


async def osmand(world: World, query: str, **more: Any) -> Answered:
    return await ask(world.function("ingest"), more.pop("method", "GET"), f"/v1/ingest/osmand?{query}", **more)


async def test_a_position_as_osmand_sends_it() -> None:
    world = World()
    query = "id=123456&lat=-34.9&lon=-56.16&timestamp=1772366340&speed=10&bearing=270.5&altitude=-3&accuracy=5&batt=80"
    assert (await osmand(world, query)).status == 200
    position = only(world)
    assert position.recorded_at == datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
    assert position.speed == pytest.approx(5.144)
    assert (position.vehicle_id, position.heading, position.altitude, position.accuracy) == ("123456", 270.5, -3, 5)


async def test_a_form_is_read_as_the_query_is() -> None:
    world = World()
    body = b"id=a&lat=1&lon=2&timestamp=2026-03-01T11%3A59%3A00Z"
    assert (await ask(world.function("ingest"), "POST", "/v1/ingest/osmand", body, content_type=FORM)).status == 200
    assert (only(world).lat, only(world).lng) == (1, 2)


@pytest.mark.parametrize(
    "timestamp",
    [
        "1772366340",
        "1772366340000",
        "1772366340.0",
        "2026-03-01T11:59:00Z",
        "2026-03-01T08:59:00-03:00",
        "2026-03-01 11:59:00",
    ],
)
async def test_every_way_to_write_a_time(timestamp: str) -> None:
    world = World()
    assert (await osmand(world, f"id=a&lat=1&lon=2&timestamp={timestamp}")).status == 200
    assert only(world).recorded_at == datetime(2026, 3, 1, 11, 59, tzinfo=UTC)


async def test_what_a_phone_does_not_know_it_says_by_a_negative_number() -> None:
    world = World()
    assert (await osmand(world, "id=a&lat=1&lon=2&speed=-1&bearing=-1&accuracy=-1")).status == 200
    assert (only(world).speed, only(world).heading, only(world).accuracy) == (None, None, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lat=1&lon=2", "id"),
        ("id=a&lon=2", "lat"),
        ("id=a&lat=&lon=2", "lat"),
        ("id=a&lat=nan&lon=2", "lat"),
        ("id=a&lat=1&lon=200", "lon"),
        ("id=a&lat=1&lon=2&speed=nan", "speed"),
        ("id=a&lat=1&lon=2&bearing=fast", "bearing"),
        ("id=a&lat=1&lon=2&timestamp=soon", "timestamp"),
        ("id=a&lat=1&lon=2&timestamp=nan", "timestamp"),
        ("id=a&lat=1&lon=2&timestamp=1e300", "timestamp"),
        ("id=a&lat=1&lon=2&timestamp=-1", "timestamp"),
        ("id=a&lat=1&lon=2&timestamp=4102444800", "timestamp"),
        ("id=a&lat=1&lon=2&timestamp=0001-01-01T00:00:00%2B14:00", "timestamp"),
        ("id=a&lat=1&lon=2&timestamp=9999-12-31T23:59:59-14:00", "timestamp"),
    ],
)
async def test_bad_queries_name_the_field(query: str, field: str) -> None:
    world = World()
    answered = await osmand(world, query)
    assert (answered.status, told(answered).get("field")) == (400, field)
    assert world.sink.events == []
