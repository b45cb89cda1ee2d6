"""simulate tells every position of every trip, in one chain a shard, and gets over crashes, repeats and late starts."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.unit.functions.fakes import NOON, TENANT, World, deliver, headers_of, route, started, trip, wrap
from trackway.domain.lifecycle import TripStatus
from trackway.domain.motion import arrives_at, due_positions, shard_of
from trackway.domain.trip import Trip
from trackway.events import (
    Event,
    PositionRecorded,
    SimulationAdvanced,
    TripCancelled,
    decode,
    from_http,
    from_milliseconds,
)
from trackway.functions import Answered, Function

SHARD = shard_of("van-1")


async def world_with_route() -> World:
    world = World()
    await world.store.add_route(TENANT, route())
    return world


def reply(answered: Answered) -> Event | None:
    """The event in an answer, if it has one."""
    assert answered.status in {200, 204}, answered.body
    return from_http(headers_of(answered), answered.body)[0] if answered.status == 200 else None


def ids_of(*trips: Trip) -> set[str]:
    """The ids of all the positions that these trips have."""
    end = NOON + timedelta(days=1)
    return {f"{each.trip_id}:{position.seq}" for each in trips for position in due_positions(each, route(), None, end)}


async def run(world: World, function: Function, event: Event | None, slices: int = 100) -> Event | None:
    """Be the broker: deliver each reply, until there is none or ``slices`` were driven."""
    for _ in range(slices):
        if event is None:
            return None
        event = reply(await deliver(function, event))
    return event


def advanced(until: datetime = NOON, shard: int = SHARD) -> Event:
    return wrap(SimulationAdvanced(shard=shard, until=until), "some", f"shard-{shard}", f"shard-{shard}")


async def test_a_trip_is_driven_from_its_start_to_its_end_with_each_position_once() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    wake = reply(await deliver(function, started(trip())))
    assert wake is not None
    assert decode(wake, SimulationAdvanced).shard == SHARD
    assert await run(world, function, wake) is None
    assert len(world.sink.ids) == len(set(world.sink.ids))
    assert set(world.sink.ids) == ids_of(trip())
    assert world.clock.now() >= arrives_at(trip(), route())
    shard = await world.store.shard(TENANT, SHARD)
    assert shard.claim is None


async def test_each_tick_is_one_batch_told_when_it_is_due() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    same_shard = [f"van-{number}" for number in range(100) if shard_of(f"van-{number}") == SHARD][:5]
    trips = [trip(f"trip-{vehicle}", vehicle) for vehicle in same_shard]
    wakes = [reply(await deliver(function, started(each))) for each in trips]
    late: list[float] = []

    async def look() -> None:
        late.extend(
            (world.clock.now() - decode(event, PositionRecorded).recorded_at).total_seconds()
            for batch in world.sink.batches[-1:]
            for event in batch
        )

    world.clock.on_sleep = look
    await run(world, function, wakes[-1])
    assert max(late) <= 1.0  # each was told before the clock went on to the next tick
    assert {len(batch) for batch in world.sink.batches[:20]} == {5}
    assert set(world.sink.ids) == ids_of(*trips)


async def test_a_position_carries_what_routes_and_filters_it() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    await run(world, function, reply(await deliver(function, started(trip()))), 1)
    event = world.sink.events[0]
    assert (event.id, event.subject, event.partitionkey) == ("trip-1:0", "van-1", "van-1")
    assert event.time == decode(event, PositionRecorded).recorded_at


async def test_a_slice_ends_after_ten_seconds_and_passes_the_shard_on() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    wake = reply(await deliver(function, started(trip())))
    following = await run(world, function, wake, 1)
    assert following is not None
    driven = world.clock.now() - NOON
    assert timedelta(seconds=10) <= driven < timedelta(seconds=11.1)
    assert decode(following, SimulationAdvanced).until == world.clock.now()
    assert following.id == f"shard-{SHARD}:{round(world.clock.now().timestamp() * 1000)}"


async def test_a_process_that_was_told_to_stop_passes_the_shard_on_at_once() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    wake = reply(await deliver(function, started(trip())))

    async def stop() -> None:
        function.deps.draining = True

    world.clock.on_sleep = stop
    following = await run(world, function, wake, 1)
    assert following is not None
    assert world.clock.now() - NOON < timedelta(seconds=2)
    world.clock.on_sleep = None
    assert await run(world, world.function("simulate"), following) is None
    assert set(world.sink.ids) == ids_of(trip())


async def test_even_a_stop_in_the_first_moment_keeps_the_chain() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    wake = reply(await deliver(function, started(trip())))
    function.deps.draining = True
    seen = set[str]()
    for _ in range(3):
        assert wake is not None
        seen.add(wake.id)
        wake = reply(await deliver(function, wake))
    assert len(seen) == 3
    assert await run(world, world.function("simulate"), wake) is None
    assert set(world.sink.ids) == ids_of(trip())


async def test_a_trip_that_starts_while_its_shard_is_driven_loses_no_position_and_wakes_nobody() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    same_shard = next(f"van-{number}" for number in range(2, 100) if shard_of(f"van-{number}") == SHARD)
    wake = reply(await deliver(function, started(trip())))
    answers: list[Event | None] = []
    second = trip("trip-2", same_shard, started_at=NOON + timedelta(seconds=3))

    async def start_late() -> None:
        # Its start was 4 seconds on the way, and the shard was driven past it meanwhile.
        if not answers and world.clock.now() >= NOON + timedelta(seconds=7):
            answers.append(reply(await deliver(world.function("simulate"), started(second))))

    world.clock.on_sleep = start_late
    await run(world, function, wake)
    assert answers == [None]
    assert set(world.sink.ids) == ids_of(trip(), second)


async def test_a_start_between_two_slices_wakes_nobody_and_is_driven_by_the_next() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    second = trip("trip-2", "van-1", started_at=NOON + timedelta(seconds=12))
    following = await run(world, function, reply(await deliver(function, started(trip()))), 1)
    world.clock.moment += timedelta(seconds=2)
    assert reply(await deliver(function, started(second))) is None
    await run(world, function, following)
    assert set(world.sink.ids) == ids_of(trip(), second)


async def test_a_start_in_the_moment_of_falling_asleep_is_not_missed() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    second = trip("trip-2", "van-1")
    original, raced = world.store.simulated_trips, list[Event | None]()

    async def with_race(tenant: str, shard: int) -> list[Trip]:
        found = await original(tenant, shard)
        if not raced and world.clock.now() > arrives_at(trip(), route()) - timedelta(seconds=1):
            # The driver has read who there is; before it writes that it leaves, another trip starts.
            raced.append(None)
            raced[0] = reply(await deliver(world.function("simulate"), started(second)))
        return found

    world.store.simulated_trips = with_race
    await run(world, function, reply(await deliver(function, started(trip()))))
    assert raced == [None]
    assert set(world.sink.ids) == ids_of(trip(), second)


async def test_a_driver_that_was_killed_is_replaced_and_no_position_is_missing() -> None:
    world = await world_with_route()
    wake = reply(await deliver(world.function("simulate"), started(trip())))
    assert wake is not None

    class Killed(BaseException):
        pass

    async def kill() -> None:
        if world.clock.now() > NOON + timedelta(seconds=5):
            raise Killed

    world.clock.on_sleep = kill
    with pytest.raises(Killed):
        await deliver(world.function("simulate"), wake)
    world.clock.on_sleep = None
    # The broker delivers the same event again; until the dead one's claim has run out, nobody knows that it is dead.
    function = world.function("simulate")
    assert (await deliver(function, wake)).status == 503
    world.clock.moment += timedelta(seconds=4)
    assert await run(world, function, wake) is None
    assert set(world.sink.ids) == ids_of(trip())
    assert len(world.sink.ids) == len(set(world.sink.ids))


async def test_a_crash_between_telling_and_writing_it_down_tells_the_same_again() -> None:
    world = await world_with_route()
    wake = reply(await deliver(world.function("simulate"), started(trip())))
    assert wake is not None
    original = world.store.update_shard

    async def fail(*_: object) -> None:
        raise ConnectionResetError

    world.clock.moment += timedelta(seconds=3)
    world.store.update_shard = fail
    assert (await deliver(world.function("simulate"), wake)).status == 500
    told_before = list(world.sink.ids)
    assert told_before
    world.store.update_shard = original
    assert await run(world, world.function("simulate"), wake) is None
    assert world.sink.ids[: 2 * len(told_before)] == told_before * 2
    assert set(world.sink.ids) == ids_of(trip())


async def test_of_two_deliveries_of_one_event_one_drives_and_the_other_comes_again() -> None:
    world = await world_with_route()
    wake = reply(await deliver(world.function("simulate"), started(trip())))
    assert wake is not None
    one, other = await asyncio.gather(
        deliver(world.function("simulate"), wake), deliver(world.function("simulate"), wake)
    )
    assert sorted([one.status, other.status]) == [200, 503]
    following = reply(one if one.status == 200 else other)
    assert following is not None
    # The one that comes again finds that its successor drives: it is done.
    after_next = await run(world, world.function("simulate"), following, 1)
    assert reply(await deliver(world.function("simulate"), wake)) is None
    assert await run(world, world.function("simulate"), after_next) is None
    assert set(world.sink.ids) == ids_of(trip())


async def test_when_the_answer_of_a_slice_is_lost_the_repeat_carries_on() -> None:
    world = await world_with_route()
    wake = reply(await deliver(world.function("simulate"), started(trip())))
    assert wake is not None
    assert reply(await deliver(world.function("simulate"), wake)) is not None  # which nobody receives
    world.clock.moment += timedelta(seconds=4)
    assert await run(world, world.function("simulate"), wake) is None
    assert set(world.sink.ids) == ids_of(trip())


async def test_starts_at_once_on_a_sleeping_shard_end_as_one_chain() -> None:
    world = await world_with_route()
    same_shard = [f"van-{number}" for number in range(200) if shard_of(f"van-{number}") == SHARD][:10]
    trips = [trip(f"trip-{vehicle}", vehicle) for vehicle in same_shard]
    answers = await asyncio.gather(*(deliver(world.function("simulate"), started(each)) for each in trips))
    pending = [event for event in map(reply, answers) if event is not None]
    assert pending
    for _ in range(100):  # the broker: whatever is refused comes again, whatever is replied is delivered
        outcomes = await asyncio.gather(*(deliver(world.function("simulate"), event) for event in pending))
        again = [event for event, outcome in zip(pending, outcomes, strict=True) if outcome.status == 503]
        pending = again + [event for event in (reply(o) for o in outcomes if o.status != 503) if event is not None]
        if not pending:
            break
    assert pending == []
    assert set(world.sink.ids) == ids_of(*trips)
    assert (await world.store.shard(TENANT, SHARD)).claim is None


async def test_a_shard_that_is_overdue_catches_up_in_steps() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    following = await run(world, function, reply(await deliver(function, started(trip()))), 1)
    before = len(world.sink.ids)
    world.clock.moment += timedelta(hours=1)
    assert await run(world, function, following) is None
    assert set(world.sink.ids) == ids_of(trip())
    assert len(world.sink.ids) == len(set(world.sink.ids))
    assert all(len(batch) <= 30 for batch in world.sink.batches)
    assert len(world.sink.ids) > before


async def test_a_stop_while_catching_up_keeps_the_chain() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    following = await run(world, function, reply(await deliver(function, started(trip()))), 1)
    world.clock.moment += timedelta(hours=1)
    function.deps.draining = True
    following = await run(world, function, following, 1)
    assert following is not None
    assert await run(world, world.function("simulate"), following) is None
    assert set(world.sink.ids) == ids_of(trip())


async def test_a_shard_that_slept_long_does_not_count_through_the_night() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    await run(world, function, reply(await deliver(function, started(trip()))))
    world.clock.moment += timedelta(days=3)
    batches = len(world.sink.batches)
    second = trip("trip-2", "van-1", started_at=world.clock.now())
    following = await run(world, function, reply(await deliver(function, started(second))), 1)
    assert len(world.sink.batches) - batches in {10, 11, 12}
    await run(world, function, following)
    expected = {f"trip-2:{p.seq}" for p in due_positions(second, route(), None, world.clock.now() + timedelta(days=1))}
    assert {event_id for event_id in world.sink.ids if event_id.startswith("trip-2")} == expected


async def test_a_start_that_comes_again_after_the_chain_has_died_wakes_the_shard() -> None:
    world = await world_with_route()
    wake = reply(await deliver(world.function("simulate"), started(trip())))
    assert wake is not None
    await run(world, world.function("simulate"), wake, 1)  # the reply goes to the dead letters
    world.clock.moment += timedelta(minutes=5)
    second = trip("trip-2", "van-1", started_at=world.clock.now())
    again = reply(await deliver(world.function("simulate"), started(second)))
    assert again is not None
    assert await run(world, world.function("simulate"), again) is None
    assert ids_of(trip()) <= set(world.sink.ids)


async def test_a_clock_that_is_ahead_elsewhere_does_not_stop_the_chain() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    ahead = trip(started_at=NOON + timedelta(seconds=45))
    assert await run(world, function, reply(await deliver(function, started(ahead)))) is None
    assert set(world.sink.ids) == ids_of(ahead)


async def test_a_cancelled_trip_is_driven_no_further() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    following = await run(world, function, reply(await deliver(function, started(trip()))), 1)
    cancelled = TripCancelled(trip_id="trip-1", vehicle_id="van-1", cancelled_at=world.clock.now())
    await world.store.apply_trip_events(TENANT, [wrap(cancelled, "trip-1:cancelled", "trip-1", "van-1")])
    count = len(world.sink.ids)
    assert await run(world, function, following) is None
    assert len(world.sink.ids) == count


async def test_a_trip_whose_start_never_reached_the_broker_is_not_driven() -> None:
    world = await world_with_route()
    await world.store.plan_trip(TENANT, trip("planned", "van-1"))
    assert reply(await deliver(world.function("simulate"), advanced())) is None
    assert world.sink.events == []


async def test_a_trip_is_underway_before_it_is_driven_even_if_persist_is_behind() -> None:
    world = await world_with_route()
    await deliver(world.function("simulate"), started(trip()))
    view = await world.store.trip(TENANT, "trip-1")
    assert view is not None
    assert view.trip.status is TripStatus.UNDERWAY


async def test_a_trip_of_a_real_vehicle_is_nothing_to_simulate() -> None:
    world = await world_with_route()
    assert reply(await deliver(world.function("simulate"), started(trip(simulated=False)))) is None
    assert (await world.store.shard(TENANT, SHARD)).wanted == 0


async def test_while_the_broker_is_away_the_slice_fails_and_is_driven_again() -> None:
    world = await world_with_route()
    function = world.function("simulate")
    wake = reply(await deliver(function, started(trip())))
    assert wake is not None
    world.sink.is_away()
    assert (await deliver(function, wake)).status == 503
    world.sink.is_back()
    world.clock.moment += timedelta(seconds=5)
    assert await run(world, function, wake) is None
    assert set(world.sink.ids) == ids_of(trip())


async def test_an_advance_of_a_shard_where_nobody_drives_is_the_end_of_the_chain() -> None:
    world = World()
    assert reply(await deliver(world.function("simulate"), advanced(from_milliseconds(0)))) is None


async def test_other_types_are_refused() -> None:
    position = PositionRecorded(vehicle_id="van-1", lat=0, lng=0, recorded_at=NOON)
    assert (await deliver(World().function("simulate"), wrap(position, "1", "van-1", "van-1"))).status == 400
