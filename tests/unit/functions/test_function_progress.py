"""progress follows trips by their positions, in any order, also after a restart, and tells arrival once."""

from datetime import timedelta
from random import Random

import pytest
from msgspec.structs import replace

from tests.unit.functions.fakes import NOON, TENANT, World, deliver, route, started, trip, wrap
from trackway.domain.motion import due_positions
from trackway.domain.trip import Trip
from trackway.events import (
    PREFIX,
    Event,
    PositionRecorded,
    TripCancelled,
    TripFinished,
    TripProgressed,
    decode,
    event_of,
)
from trackway.functions import Function

FINISHED = f"{PREFIX}trip.finished.v1"
PROGRESSED = f"{PREFIX}trip.progressed.v1"
DELAYED = f"{PREFIX}trip.delayed.v1"


async def world_with(*trips: Trip) -> World:
    world = World()
    await world.store.add_route(TENANT, route())
    for each in trips:
        await world.store.plan_trip(TENANT, each)
        await world.store.apply_trip_events(TENANT, [started(each)])
    return world


def positions_of(of: Trip) -> list[PositionRecorded]:
    return due_positions(of, route(), None, NOON + timedelta(days=1))


def recorded(position: PositionRecorded, tenant: str = TENANT) -> Event:
    return event_of(
        position,
        id=f"{position.vehicle_id}:{position.recorded_at.timestamp()}",
        source="/test",
        subject=position.vehicle_id,
        partitionkey=position.vehicle_id,
        time=position.recorded_at,
        tenant=tenant,
    )


def anonymous(of: Trip) -> list[PositionRecorded]:
    """What a device sends that does not know its trip."""
    return [
        PositionRecorded(vehicle_id=p.vehicle_id, lat=p.lat, lng=p.lng, recorded_at=p.recorded_at)
        for p in positions_of(of)
    ]


async def send(function: Function, positions: list[PositionRecorded], at_once: int = 10) -> None:
    for start in range(0, len(positions), at_once):
        events = [recorded(position) for position in positions[start : start + at_once]]
        assert (await deliver(function, *events, batch=True)).status == 204


def of_type(world: World, type_: str) -> list[Event]:
    return [event for event in world.sink.events if event.type == type_]


async def test_a_trip_is_followed_to_its_arrival() -> None:
    world = await world_with(trip())
    await send(world.function("progress"), positions_of(trip()))
    fractions = [decode(event, TripProgressed).fraction for event in of_type(world, PROGRESSED)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    (finished,) = of_type(world, FINISHED)
    assert (finished.id, finished.subject, finished.partitionkey) == ("trip-1:finished", "trip-1", "van-1")
    early = positions_of(trip())[-1].recorded_at - decode(finished, TripFinished).finished_at
    assert timedelta() <= early <= timedelta(seconds=3)  # the last metres count as there


async def test_a_position_of_an_unknown_trip_is_passed_over() -> None:
    world = await world_with()
    await send(world.function("progress"), positions_of(trip())[:20])
    assert world.sink.events == []


async def test_a_trip_that_is_stored_later_is_followed_from_then_on() -> None:
    world = await world_with()
    function = world.function("progress")
    await send(function, positions_of(trip())[:10])
    await world.store.plan_trip(TENANT, trip())
    await send(function, positions_of(trip())[10:20])
    assert of_type(world, PROGRESSED)


async def test_a_start_is_enough_where_the_store_is_behind() -> None:
    world = await world_with()
    function = world.function("progress")
    assert (await deliver(function, started(trip()))).status == 204
    await send(function, positions_of(trip()))
    assert len(of_type(world, FINISHED)) == 1


async def test_positions_in_any_order_end_in_one_arrival() -> None:
    world = await world_with(trip())
    positions = positions_of(trip())
    mixed = positions[:-5]
    Random(1).shuffle(mixed)
    await send(world.function("progress"), mixed + positions[-5:])
    assert len(of_type(world, FINISHED)) == 1


async def test_when_the_broker_was_away_the_same_facts_come_with_the_repeat() -> None:
    world = await world_with(trip())
    function = world.function("progress")
    positions = positions_of(trip())
    await send(function, positions[:-10])
    world.sink.is_away()
    last = [recorded(position) for position in positions[-10:]]
    assert (await deliver(function, *last)).status == 503
    world.sink.is_back()
    assert (await deliver(function, *last)).status == 204
    assert len(of_type(world, FINISHED)) == 1


async def test_a_process_that_starts_in_mid_trip_goes_on_from_what_is_stored() -> None:
    world = await world_with(trip())
    positions = positions_of(trip())
    await send(world.function("progress"), positions[:40])
    await world.store.apply_trip_events(TENANT, world.sink.events)
    count = len(world.sink.events)
    await send(world.function("progress"), positions[30:])
    assert len(of_type(world, FINISHED)) == 1
    fractions = [decode(event, TripProgressed).fraction for event in of_type(world, PROGRESSED)]
    assert fractions == sorted(fractions)
    assert len(world.sink.events) > count


async def test_two_processes_tell_the_same_facts_under_the_same_ids() -> None:
    one, other = await world_with(trip()), await world_with(trip())
    positions = positions_of(trip())
    await send(one.function("progress"), positions)
    await send(other.function("progress"), positions, at_once=1)
    assert set(one.sink.ids) == set(other.sink.ids)


async def test_a_device_need_not_know_its_trip() -> None:
    real = trip(simulated=False)
    world = await world_with(real)
    await send(world.function("progress"), anonymous(real))
    assert [event.subject for event in of_type(world, FINISHED)] == ["trip-1"]


async def test_a_vehicle_without_a_trip_is_only_watched_until_it_gets_one() -> None:
    world = await world_with()
    function = world.function("progress")
    real = trip(simulated=False)
    await send(function, anonymous(real)[:10])
    assert world.sink.events == []
    await world.store.plan_trip(TENANT, real)
    await deliver(function, started(real))
    await send(function, anonymous(real)[10:20])
    assert of_type(world, PROGRESSED)


async def test_a_cancelled_trip_of_a_device_is_followed_no_further() -> None:
    real = trip(simulated=False)
    world = await world_with(real)
    function = world.function("progress")
    await send(function, anonymous(real)[:20])
    cancelled = TripCancelled(trip_id="trip-1", vehicle_id="van-1", cancelled_at=NOON + timedelta(seconds=20))
    await world.store.apply_trip_events(TENANT, [wrap(cancelled, "trip-1:cancelled", "trip-1", "van-1")])
    world.clock.moment += timedelta(seconds=6)
    count = len(world.sink.events)
    await send(function, anonymous(real)[20:])
    assert len(world.sink.events) == count


async def test_a_late_start_of_a_trip_that_is_over_opens_nothing() -> None:
    world = await world_with(trip())
    function = world.function("progress")
    end = TripFinished(trip_id="trip-1", vehicle_id="van-1", finished_at=NOON + timedelta(minutes=3))
    await world.store.apply_trip_events(TENANT, [wrap(end, "trip-1:finished", "trip-1", "van-1")])
    await deliver(function, started(trip()))
    await send(function, positions_of(trip()))
    assert world.sink.events == []


async def test_tenants_do_not_see_each_others_trips() -> None:
    world = await world_with(trip())
    events = [recorded(position, "other") for position in positions_of(trip())]
    assert (await deliver(world.function("progress"), *events)).status == 204
    assert world.sink.events == []


@pytest.mark.parametrize("store_reads", [5])
async def test_the_store_is_not_asked_for_every_position(store_reads: int) -> None:
    real = trip(simulated=False)
    world = await world_with(real)
    asked, original = list[int](), world.store.open_trips

    async def count(*arguments: object) -> object:
        asked.append(1)
        return await original(*arguments)

    world.store.open_trips = count
    await send(world.function("progress"), anonymous(real), at_once=1)
    assert len(asked) < store_reads


async def test_the_store_is_not_asked_for_every_position_of_a_trip_that_is_over() -> None:
    world = await world_with(trip())
    end = TripCancelled(trip_id="trip-1", vehicle_id="van-1", cancelled_at=NOON)
    await world.store.apply_trip_events(TENANT, [wrap(end, "trip-1:cancelled", "trip-1", "van-1")])
    asked, original = list[str](), world.store.trip

    async def count(tenant: str, trip_id: str) -> object:
        asked.append(trip_id)
        return await original(tenant, trip_id)

    world.store.trip = count
    await send(world.function("progress"), positions_of(trip()), at_once=1)
    assert asked == ["trip-1"]
    assert world.sink.events == []


async def test_other_types_are_refused() -> None:
    cancelled = TripCancelled(trip_id="trip-1", vehicle_id="van-1", cancelled_at=NOON)
    assert (await deliver(World().function("progress"), wrap(cancelled, "1", "trip-1", "van-1"))).status == 400


async def test_a_position_of_the_far_future_is_refused_and_freezes_no_trip() -> None:
    world = await world_with(trip())
    function = world.function("progress")
    first, *others = positions_of(trip())
    assert (await deliver(function, recorded(replace(first, recorded_at=NOON.replace(year=2150))))).status == 400
    await send(function, others)
    assert len(of_type(world, FINISHED)) == 1


async def test_an_alert_that_was_told_is_not_told_again_after_a_restart() -> None:
    late = trip(promised_at=NOON - timedelta(minutes=15))
    world = await world_with(late)
    positions = positions_of(late)
    await send(world.function("progress"), positions[:20])
    (delayed,) = of_type(world, DELAYED)
    # persist has the alert, and not yet the progress of the same moment
    await world.store.apply_trip_events(TENANT, [delayed])
    await send(world.function("progress"), positions[20:])
    assert of_type(world, DELAYED) == [delayed]
