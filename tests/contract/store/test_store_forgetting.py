"""What a store promises of trips that are looked up by their end, and forgotten when they were archived."""

from tests.contract.store.facts import T, at, cancelled, finished, position, progressed, started, trip
from trackway.storage.port import Store


async def test_trips_of_a_time_come_by_their_end(store: Store) -> None:
    for number, ends in enumerate((300, 100, 200)):
        await store.apply_trip_events(T, [started(f"t{number}", f"v{number}"), finished(f"t{number}", ends)])
    await store.plan_trip(T, trip("open", "v9"))
    found = await store.trips_ended_between(T, at(100), at(300))
    assert [(each.trip_id, each.ended_at) for each in found] == [("t1", at(100)), ("t2", at(200))]
    assert await store.trips_ended_between("other", at(0), at(999)) == []


async def test_the_earliest_end(store: Store) -> None:
    assert await store.earliest_end(T) is None
    await store.plan_trip(T, trip("open", "v9"))
    assert await store.earliest_end(T) is None
    await store.apply_trip_events(T, [started(), finished(when=300)])
    await store.apply_trip_events(T, [started("t2", "v2"), cancelled("t2", 200)])
    assert await store.earliest_end(T) == at(200)


async def test_a_forgotten_trip_leaves_nothing_of_its_own(store: Store) -> None:
    await store.plan_trip(T, trip(started_at=at(10)), "key-1")
    await store.apply_trip_events(T, [started(when=10), progressed(15, 50), finished(when=20)])
    own = [position(12), position(15, trip_id=None), position(25)]
    others = [position(5, trip_id=None), position(30, trip_id="t2"), position(15, "v2", id="of another vehicle")]
    await store.append_positions(T, [*own, *others])
    assert len(await store.positions(T, "t1")) == 3
    await store.forget_trip(T, "t1")
    assert await store.trip(T, "t1") is None
    assert (await store.trip_events(T, "t1"), await store.positions(T, "t1")) == ([], [])
    assert await store.earliest_end(T) is None
    assert await store.append_positions(T, others) == 0, "what belongs to others stays"
    assert [each.position.recorded_at for each in await store.vehicles(T)] == [at(30), at(15)]
    assert (await store.plan_trip(T, trip("t9", "v9"), "key-1")).trip_id == "t9", "its key is free"
    await store.forget_trip(T, "t1")


async def test_an_open_trip_is_not_forgotten(store: Store) -> None:
    await store.apply_trip_events(T, [started()])
    await store.append_positions(T, [position(1)])
    await store.forget_trip(T, "t1")
    view = await store.trip(T, "t1")
    assert view is not None
    assert view.position == position(1).position
