"""persist stores every fact, each once, whatever comes with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from tests.unit.functions.fakes import NOON, TENANT, World, deliver, route, started, told, trip, wrap
from trackway.domain.lifecycle import TripStatus
from trackway.events import (
    Event,
    GeofenceEntered,
    PositionRecorded,
    SimulationAdvanced,
    TripFinished,
    event_of,
)


def position(number: int, tenant: str = TENANT) -> Event:
    fact = PositionRecorded(
        vehicle_id="van-1",
        lat=-34.9 + number / 1000,
        lng=-56.16,
        recorded_at=NOON + timedelta(seconds=number),
        trip_id="trip-1",
        seq=number,
    )
    return event_of(
        fact, id=f"trip-1:{number}", source="/test", subject="van-1", partitionkey="van-1", time=NOON, tenant=tenant
    )


def finished() -> Event:
    fact = TripFinished(trip_id="trip-1", vehicle_id="van-1", finished_at=NOON + timedelta(minutes=5))
    return wrap(fact, "trip-1:finished", "trip-1", "van-1")


async def test_positions_that_connect_stores_are_left_to_it() -> None:
    world = World()
    world.settings = replace(world.settings, positions_by="connect")
    known: list[str] = []

    async def know_vehicles(tenant: str, positions: Sequence[PositionRecorded]) -> None:
        known.extend(f"{tenant}/{position.vehicle_id}" for position in positions)

    world.store.know_vehicles = know_vehicles
    answered = await deliver(world.function("persist"), position(1), started(trip()), position(0), finished())
    assert answered.status == 204
    view = await world.store.trip(TENANT, "trip-1")
    assert view is not None
    assert view.trip.status is TripStatus.FINISHED, "all else is stored"
    assert await world.store.positions(TENANT, "trip-1") == []
    assert known == [f"{TENANT}/van-1"] * 2


async def test_a_batch_of_everything_is_stored() -> None:
    world = World()
    planned = wrap(route(), "route-1", "route-1", "route-1")
    answered = await deliver(
        world.function("persist"), position(1), finished(), started(trip()), planned, position(0), position(1)
    )
    assert (answered.status, answered.body) == (204, b"")
    view = await world.store.trip(TENANT, "trip-1")
    assert view is not None
    assert view.trip.status is TripStatus.FINISHED
    assert [stored.seq for stored in await world.store.positions(TENANT, "trip-1")] == [0, 1]
    assert await world.store.route(TENANT, "route-1") == route()
    assert world.sink.events == []


async def test_a_repeated_delivery_changes_nothing() -> None:
    world = World()
    function = world.function("persist")
    for _ in range(2):
        assert (await deliver(function, started(trip()), position(0), position(1))).status == 204
    assert len(await world.store.positions(TENANT, "trip-1")) == 2
    assert len(await world.store.trip_events(TENANT, "trip-1")) == 1


async def test_tenants_of_one_batch_are_kept_apart() -> None:
    world = World()
    await deliver(world.function("persist"), position(0), position(1, tenant="other"))
    assert [vehicle.position.seq for vehicle in await world.store.vehicles(TENANT)] == [0]
    assert [vehicle.position.seq for vehicle in await world.store.vehicles("other")] == [1]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (Event(id="1", source="/x", type="com.example.unknown", data=b"{}"), "type"),
        (Event(id="1", source="/x", type="dev.trackway.position.recorded.v1", data=b'{"vehicle_id":"v"}'), "lat"),
        (Event(id="1", source="/x", type="dev.trackway.position.recorded.v1", data=b"{"), "data"),
    ],
)
async def test_what_cannot_be_understood_goes_to_the_dead_letters_with_its_field(event: Event, field: str) -> None:
    answered = await deliver(World().function("persist"), event)
    assert answered.status == 400
    assert told(answered)["field"] == field


async def test_a_batch_with_a_bad_event_is_refused_whole() -> None:
    world = World()
    bad = Event(id="1", source="/x", type="com.example.unknown", data=b"{}")
    assert (await deliver(world.function("persist"), position(0), bad)).status == 400
    assert await world.store.vehicles(TENANT) == []


async def test_what_is_not_kept_yet_is_refused_rather_than_lost() -> None:
    fence = GeofenceEntered(
        geofence_id="f", geofence_name="F", vehicle_id="van-1", recorded_at=NOON, lat=-34.9, lng=-56.16
    )
    assert (await deliver(World().function("persist"), wrap(fence, "1", "f", "van-1"))).status == 400


async def test_the_inner_life_of_the_simulation_is_not_stored() -> None:
    advanced = wrap(SimulationAdvanced(shard=1, until=NOON), "1", "shard-1", "shard-1")
    assert (await deliver(World().function("persist"), advanced)).status == 204


@pytest.mark.parametrize("when", ["2150-01-01T00:00:00Z", "2026-03-01T12:10:01Z", "1999-12-31T00:00:00+14:00"])
async def test_what_is_of_no_plausible_time_is_refused(when: str) -> None:
    world = World()
    moment = datetime.fromisoformat(when)
    fact = PositionRecorded(vehicle_id="van-1", lat=1, lng=1, recorded_at=moment)
    for event in (wrap(fact, "p", "van-1", "van-1"), started(trip(started_at=moment))):
        answered = await deliver(world.function("persist"), event)
        assert (answered.status, told(answered)["field"]) in [(400, "recorded_at"), (400, "started_at")]
    assert await world.store.vehicles(TENANT) == []
    assert await world.store.trips(TENANT) == []


async def test_a_route_that_no_calendar_holds_is_refused() -> None:
    world = World()
    usual = route()
    waits = replace(usual, stops=(replace(usual.stops[0], dwell=1e12), usual.stops[1]))
    far = replace(usual, path=(*usual.path[:-1], replace(usual.path[-1], distance=1e200)))
    for bad in (waits, far):
        assert (await deliver(world.function("persist"), wrap(bad, "r", "route-1", "route-1"))).status == 400
    assert await world.store.routes(TENANT) == []
