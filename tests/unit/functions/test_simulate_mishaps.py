"""simulate drives a shard on whatever one of its trips, the clock or a late start is like."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from tests.unit.functions.fakes import NOON, TENANT, World, deliver, headers_of, route, started, trip, wrap
from trackway.domain.motion import due_positions, shard_of
from trackway.domain.trip import Trip
from trackway.events import Event, PositionRecorded, SimulationAdvanced, TripCancelled, decode, from_http
from trackway.functions import Answered, Function

SHARD = shard_of("van-1")
FIRST, SECOND = [f"van-{number}" for number in range(100) if shard_of(f"van-{number}") == SHARD][:2]
MANIFESTS = Path(__file__).resolve().parents[3] / "knative" / "base"


async def world_with_route() -> World:
    world = World()
    await world.store.add_route(TENANT, route())
    return world


def reply(answered: Answered) -> Event | None:
    assert answered.status in {200, 204}, answered.body
    return from_http(headers_of(answered), answered.body)[0] if answered.status == 200 else None


async def run(function: Function, event: Event | None, slices: int = 100) -> Event | None:
    for _ in range(slices):
        if event is None:
            return None
        event = reply(await deliver(function, event))
    return event


def ids_of(each: Trip) -> set[str]:
    end = each.started_at + timedelta(days=1)
    return {f"{each.trip_id}:{position.seq}" for position in due_positions(each, route(), None, end)}


def told_of(world: World, trip_id: str) -> list[datetime]:
    facts = [decode(event, PositionRecorded) for event in world.sink.events]
    return [fact.recorded_at for fact in facts if fact.trip_id == trip_id]


def _bad_trips() -> list[tuple[str, Trip]]:
    return [
        ("speed", trip("bad", SECOND, speed=1e-10)),
        ("dwell", trip("bad", SECOND, route_id="dwell")),
        ("distance", trip("bad", SECOND, route_id="distance")),
    ]


@pytest.mark.parametrize(("what", "bad"), _bad_trips())
async def test_a_trip_that_cannot_be_driven_stops_no_other(what: str, bad: Trip) -> None:
    world = await world_with_route()
    usual = route()
    waits = (replace(usual.stops[0], dwell=1e12), usual.stops[1])
    far = (*usual.path[:-1], replace(usual.path[-1], distance=1e200))
    await world.store.add_route(TENANT, replace(usual, route_id="dwell", stops=waits))
    await world.store.add_route(TENANT, replace(usual, route_id="distance", path=far))
    await world.store.plan_trip(TENANT, bad)  # kept by an older Trackway, which did not refuse it
    function = world.function("simulate")
    wake = reply(await deliver(function, started(trip("good", FIRST))))
    await _put_underway(world, bad)
    assert await run(function, wake) is None
    assert {event_id for event_id in world.sink.ids if event_id.startswith("good")} == ids_of(trip("good", FIRST))


async def _put_underway(world: World, bad: Trip) -> None:
    await world.store.apply_trip_events(TENANT, [started(replace(bad, speed=1.0))])


async def test_a_trip_without_its_route_is_passed_over() -> None:
    world = World()
    function = world.function("simulate")
    wake = reply(await deliver(function, started(trip())))
    assert await run(function, wake) is None
    assert world.sink.events == []


async def test_a_clock_that_is_set_back_freezes_nobody() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    following = await run(function, reply(await deliver(function, started(trip("a", FIRST)))), 2)
    world.clock.moment -= timedelta(hours=1)
    slept = _watch_sleeps(world)
    following = await run(function, following, 1)
    assert following is not None
    assert max(slept) <= 1
    assert (await _driven_until(world)) <= world.clock.now()
    second = trip("b", SECOND, started_at=world.clock.now(), planned_at=world.clock.now())
    world.sink.events.clear()
    assert reply(await deliver(function, started(second))) is None
    assert all(moment <= world.clock.now() for moment in told_of(world, "b"))
    world.clock.moment += timedelta(hours=1)
    assert await run(function, following, 500) is None
    assert {event_id for event_id in world.sink.ids if event_id.startswith("b")} == ids_of(second)


async def test_a_start_right_after_the_clock_was_set_back_is_told_whole_and_in_time() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    following = await run(function, reply(await deliver(function, started(trip("a", FIRST)))), 2)
    world.clock.moment -= timedelta(hours=1)
    second = trip("b", SECOND, started_at=world.clock.now(), planned_at=world.clock.now())
    assert reply(await deliver(function, started(second))) is not None  # nobody knows whether the claim is alive
    assert len(told_of(world, "b")) <= 1
    world.clock.moment += timedelta(seconds=3)
    following = await run(function, following, 20)
    assert {event_id for event_id in world.sink.ids if event_id.startswith("b")} == ids_of(second)


async def test_a_clock_that_is_set_back_in_a_slice_ends_the_slice() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    wake = reply(await deliver(function, started(trip("a", FIRST))))
    slept = 0

    async def set_back() -> None:
        nonlocal slept
        slept += 1
        if slept == 3:
            world.clock.moment -= timedelta(hours=1)

    world.clock.on_sleep = set_back
    assert await run(function, wake, 1) is not None
    assert slept <= 4


async def test_a_start_of_the_far_future_is_refused_and_the_shard_is_as_it_was() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    ahead = trip("ahead", FIRST, started_at=NOON + timedelta(days=365))
    assert (await deliver(function, started(ahead))).status == 400
    # It may be in the store all the same: kept before the clock was set back.
    await world.store.apply_trip_events(TENANT, [started(ahead)])
    slept = _watch_sleeps(world)
    wake = reply(await deliver(function, started(trip("good", SECOND))))
    assert await run(function, wake, 30) is not None
    assert max(slept) <= 1
    assert (await _driven_until(world)) <= world.clock.now()
    assert set(world.sink.ids) == ids_of(trip("good", SECOND))


async def test_an_advance_that_leaves_no_room_is_refused() -> None:
    world = await world_with_route()
    last = SimulationAdvanced(shard=SHARD, until=NOON.replace(year=2195))
    assert (await deliver(world.function("simulate"), wrap(last, "1", "shard", "shard"))).status == 400


async def test_a_repeated_start_of_a_cancelled_trip_drives_it_no_further() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    await deliver(function, started(trip("a", FIRST)))
    wake = reply(await deliver(function, started(trip("b", SECOND))))
    wake = await run(function, wake, 2)
    ended = world.clock.now()
    cancelled = TripCancelled(trip_id="a", vehicle_id=FIRST, cancelled_at=ended)
    await world.store.apply_trip_events(TENANT, [wrap(cancelled, "a:cancelled", "a", FIRST)])
    await run(function, wake, 3)
    wanted = (await world.store.shard(TENANT, SHARD)).wanted
    assert reply(await deliver(function, started(trip("a", FIRST)))) is None
    assert max(told_of(world, "a")) <= ended
    assert (await world.store.shard(TENANT, SHARD)).wanted == wanted


async def test_a_late_start_of_a_trip_that_is_over_wakes_nobody() -> None:
    world = await world_with_route()
    cancelled = TripCancelled(trip_id="a", vehicle_id=FIRST, cancelled_at=NOON + timedelta(seconds=5))
    await world.store.apply_trip_events(TENANT, [wrap(cancelled, "a:cancelled", "a", FIRST)])
    assert reply(await deliver(world.function("simulate"), started(trip("a", FIRST)))) is None


@pytest.mark.parametrize("zombie", [trip("z", FIRST, route_id="nowhere"), trip("z", FIRST)])
async def test_a_trip_that_nobody_ends_does_not_make_the_shard_count_through_the_night(zombie: Trip) -> None:
    world = await world_with_route()
    function = world.function("simulate")
    assert await run(function, reply(await deliver(function, started(zombie)))) is None
    world.clock.moment += timedelta(hours=20)
    world.sink.events.clear()
    steps, update = 0, world.store.update_shard

    async def count(*arguments: object) -> object:
        nonlocal steps
        steps += not world.sink.events
        return await update(*arguments)

    world.store.update_shard = count
    good = trip("good", SECOND, started_at=world.clock.now(), planned_at=world.clock.now())
    assert await run(function, reply(await deliver(function, started(good)))) is None
    assert steps <= 3
    assert set(world.sink.ids) == ids_of(good)


def test_a_store_that_is_away_for_six_minutes_leaves_no_shard_standing() -> None:
    service, trigger = yaml.safe_load_all((MANIFESTS / "simulate.yaml").read_text())
    broker = yaml.safe_load((MANIFESTS / "broker.yaml").read_text())
    delivery = trigger["spec"]["delivery"]
    assert service["kind"] == "Service"
    assert delivery["backoffPolicy"] == "linear"
    first = float(delivery["backoffDelay"].removeprefix("PT").removesuffix("S"))
    assert sum(first * number for number in range(1, delivery["retry"] + 1)) > 360
    assert delivery["deadLetterSink"] == broker["spec"]["delivery"]["deadLetterSink"]


def test_one_instance_remembers_the_alerts_of_a_trip() -> None:
    service, *_ = yaml.safe_load_all((MANIFESTS / "progress.yaml").read_text())
    assert service["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] == "1"


def _watch_sleeps(world: World) -> list[float]:
    slept, sleep = [0.0], world.clock.sleep

    async def watched(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.wait_for(sleep(seconds), 5)

    world.clock.sleep = watched
    return slept


async def _driven_until(world: World) -> datetime:
    driven_until = (await world.store.shard(TENANT, SHARD)).driven_until
    assert driven_until is not None
    return driven_until
