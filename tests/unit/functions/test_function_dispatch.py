"""dispatch starts and cancels trips, once however often it is asked, and also when it breaks off between two lines."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.functions.fakes import NOON, TENANT, World, ask, headers_of, route, started, told, trip, wrap
from trackway.domain.lifecycle import TripStatus
from trackway.events import TripCancelled, TripFinished, TripStarted, decode
from trackway.functions import Answered


async def world_with_route() -> World:
    world = World()
    await world.store.add_route(TENANT, route())
    return world


async def start(world: World, key: str | None = None, **body: Any) -> Answered:
    headers = {"idempotency_key": key} if key else {}
    return await ask(world.function("dispatch"), "POST", "/v1/trips", {"route_id": "route-1", **body}, **headers)


async def test_a_trip_is_started() -> None:
    world = await world_with_route()
    answered = await start(world, vehicle_id="van-1", vehicle_name="Ana", speed=10, seed=3)
    assert answered.status == 201
    answer = told(answered)
    assert headers_of(answered)["location"] == f"/v1/trips/{answer['trip_id']}"
    assert answer["status"] == "underway"
    (event,) = world.sink.events
    fact = decode(event, TripStarted)
    assert event.id == f"{fact.trip_id}:started"
    assert event.subject == fact.trip_id == answer["trip_id"]
    assert event.partitionkey == fact.vehicle_id == "van-1"
    assert (fact.vehicle_name, fact.speed, fact.seed, fact.simulated, fact.started_at) == ("Ana", 10, 3, True, NOON)
    assert fact.promised_at > NOON
    view = await world.store.trip(TENANT, fact.trip_id)
    assert view is not None
    assert view.trip.status is TripStatus.PLANNED  # until persist hears of the start


async def test_a_vehicle_is_made_up_where_none_is_named() -> None:
    world = await world_with_route()
    vehicles = {told(await start(world))["vehicle_id"] for _ in range(3)}
    assert len(vehicles) == 3
    assert all(vehicle.startswith("sim-") for vehicle in vehicles)


async def test_a_made_up_vehicle_is_never_one_that_is_underway() -> None:
    usual = told(await start(await world_with_route(), key="k"))["vehicle_id"]
    world = await world_with_route()
    await world.store.plan_trip(TENANT, trip(vehicle_id=usual))
    answered = await start(world, key="k")
    assert answered.status == 201
    assert told(answered)["vehicle_id"] != usual


async def test_a_default_promise_allows_for_the_time_lapse() -> None:
    world = await world_with_route()
    slow = decode((await _started(world, speed=1.0)), TripStarted)
    fast = decode((await _started(world, speed=10.0)), TripStarted)
    assert (slow.promised_at - NOON) == pytest.approx((fast.promised_at - NOON) * 10, abs=timedelta(seconds=1))
    assert (slow.promised_at - NOON).total_seconds() > route().expected_duration


async def _started(world: World, **body: Any) -> Any:
    await start(world, **body)
    return world.sink.events[-1]


async def test_a_retry_with_the_same_key_is_the_same_trip() -> None:
    world = await world_with_route()
    first = told(await start(world, key="k"))
    world.clock.moment += timedelta(seconds=30)
    assert told(await start(world, key="k")) == first
    assert len(set(world.sink.ids)) == 1
    assert world.sink.events[0] == world.sink.events[1]


async def test_another_trip_under_the_same_key_is_refused() -> None:
    world = await world_with_route()
    await world.store.add_route(TENANT, route("route-2"))
    await start(world, key="k")
    assert (await start(world, key="k", route_id="route-2")).status == 422
    assert (await start(world, key="k", vehicle_id="van-9")).status == 422


async def test_a_client_that_retries_after_a_break_between_plan_and_broker_gets_its_trip() -> None:
    world = await world_with_route()
    world.sink.is_away()
    assert (await start(world, key="k", vehicle_id="van-1")).status == 503
    world.sink.is_back()
    answered = await start(world, key="k", vehicle_id="van-1")
    assert answered.status == 201
    assert world.sink.ids == [f"{told(answered)['trip_id']}:started"]


async def test_a_busy_vehicle_is_a_conflict_that_names_the_trip() -> None:
    world = await world_with_route()
    first = told(await start(world, vehicle_id="van-1"))
    answered = await start(world, vehicle_id="van-1")
    assert answered.status == 409
    assert first["trip_id"] in told(answered)["detail"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"route_id": "none"}, 404, "route_id"),
        ({"route_id": "../x"}, 400, "route_id"),
        ({"route_id": "route-1", "speed": 0}, 400, "speed"),
        ({"route_id": "route-1", "speed": 101}, 400, "speed"),
        ({"route_id": "route-1", "vehicle_id": "a b"}, 400, "vehicle_id"),
        ({"route_id": "route-1", "promised_at": "2026-03-01T11:00:00Z"}, 400, "promised_at"),
        ({"route_id": "route-1", "promised_at": "2026-03-01T13:00:00"}, 400, "promised_at"),
        ({"route_id": "route-1", "vehicel_id": "van-1"}, 400, "vehicel_id"),
        ({}, 400, "route_id"),
    ],
)
async def test_bad_requests_name_the_field(body: Any, status: int, field: str) -> None:
    world = await world_with_route()
    answered = await ask(world.function("dispatch"), "POST", "/v1/trips", body)
    assert (answered.status, told(answered)["field"]) == (status, field)
    assert world.sink.events == []


async def cancel(world: World, trip_id: str, body: Any = None) -> Answered:
    return await ask(world.function("dispatch"), "POST", f"/v1/trips/{trip_id}/cancel", body)


@pytest.mark.parametrize("is_started", [False, True])
async def test_an_open_trip_is_cancelled(is_started: bool) -> None:
    world = await world_with_route()
    await world.store.plan_trip(TENANT, trip())
    if is_started:
        await world.store.apply_trip_events(TENANT, [started(trip())])
    answered = await cancel(world, "trip-1", {"reason": "flat tyre"})
    assert answered.status == 200
    assert (told(answered)["status"], told(answered)["reason"]) == ("cancelled", "flat tyre")
    (event,) = world.sink.events
    fact = decode(event, TripCancelled)
    assert (event.id, fact.cancelled_at, fact.reason) == ("trip-1:cancelled", NOON, "flat tyre")


@pytest.mark.parametrize(
    "end",
    [
        TripFinished(trip_id="trip-1", vehicle_id="van-1", finished_at=NOON),
        TripCancelled(trip_id="trip-1", vehicle_id="van-1", cancelled_at=NOON),
    ],
)
async def test_a_trip_that_is_over_cannot_be_cancelled(end: TripFinished | TripCancelled) -> None:
    world = await world_with_route()
    await world.store.plan_trip(TENANT, trip())
    await world.store.apply_trip_events(TENANT, [wrap(end, "end", "trip-1", "van-1")])
    assert (await cancel(world, "trip-1")).status == 409
    assert world.sink.events == []


async def test_an_unknown_trip_cannot_be_cancelled() -> None:
    assert (await cancel(await world_with_route(), "trip-9")).status == 404


@pytest.mark.parametrize("speed", [1e-10, 1e-300, 0.009])
async def test_a_speed_that_leads_out_of_the_calendar_is_refused(speed: float) -> None:
    answered = await start(await world_with_route(), vehicle_id="van-1", speed=speed)
    assert (answered.status, told(answered)["field"]) == (400, "speed")


async def test_the_slowest_trip_is_started() -> None:
    assert (await start(await world_with_route(), vehicle_id="van-1", speed=0.01)).status == 201


async def test_a_vehicle_whose_start_failed_is_free_again_without_a_key() -> None:
    world = await world_with_route()
    world.sink.is_away()
    assert (await start(world, vehicle_id="van-1")).status == 503
    world.sink.is_back()
    world.clock.moment += timedelta(seconds=5)
    assert (await start(world, vehicle_id="van-1")).status == 409  # the first may still be on its way
    world.clock.moment += timedelta(seconds=6)
    assert (await start(world, vehicle_id="van-1")).status == 201


async def test_the_key_of_a_trip_that_was_replaced_starts_nothing() -> None:
    world = await world_with_route()
    world.sink.is_away()
    assert (await start(world, key="k", vehicle_id="van-1")).status == 503
    world.sink.is_back()
    world.clock.moment += timedelta(seconds=11)
    assert (await start(world, vehicle_id="van-1")).status == 201
    count = len(world.sink.events)
    assert (await start(world, key="k", vehicle_id="van-1")).status == 409
    assert len(world.sink.events) == count
