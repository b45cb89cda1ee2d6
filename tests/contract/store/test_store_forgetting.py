"""What a store promises of trips that are looked up by their end, and forgotten when they were archived."""

import pytest
from msgspec.structs import replace

from tests.contract.store.facts import T, at, cancelled, finished, position, progressed, started, trip
from trackway.archive.trips import read_trip
from trackway.events import Event
from trackway.storage.port import Store, StoredPosition, TripHistory


async def history_of(store: Store, trip_id: str = "t1") -> TripHistory:
    history = await read_trip(store, T, trip_id)
    assert history is not None
    return history


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
    history = await history_of(store)
    assert await store.forget_trip(T, history)
    assert await store.trip(T, "t1") is None
    assert (await store.trip_events(T, "t1"), await store.positions(T, "t1")) == ([], [])
    assert await store.earliest_end(T) is None
    assert await store.append_positions(T, others) == 0, "what belongs to others stays"
    assert [each.position.recorded_at for each in await store.vehicles(T)] == [at(30), at(15)]
    assert (await store.plan_trip(T, trip("t9", "v9"), "key-1")).trip_id == "t9", "its key is free"
    assert await store.forget_trip(T, history), "it is forgotten already"


async def test_an_open_trip_is_not_forgotten(store: Store) -> None:
    await store.apply_trip_events(T, [started()])
    await store.append_positions(T, [position(1)])
    assert not await store.forget_trip(T, await history_of(store))
    view = await store.trip(T, "t1")
    assert view is not None
    assert view.position == position(1).position


@pytest.mark.parametrize(
    ("positions", "facts"),
    [
        ([position(15, id="late")], []),
        ([position(12, id="of the same moment and place")], []),
        ([position(20 + 3599)], []),
        ([], [started("t1", when=9, vehicle_name="Another van")]),
        ([], [progressed(19, 70)]),
        ([], [cancelled(when=18)]),
    ],
    ids=["a position", "a twin", "one past the end", "another start", "a later progress", "an earlier end"],
)
async def test_a_trip_that_more_has_become_known_of_is_not_forgotten(
    store: Store, positions: list[StoredPosition], facts: list[Event]
) -> None:
    await store.apply_trip_events(T, [started(when=10), progressed(15, 50), finished(when=20)])
    await store.append_positions(T, [position(12), position(14)])
    history = await history_of(store)
    await store.append_positions(T, positions)
    await store.apply_trip_events(T, [fact_again(fact, number) for number, fact in enumerate(facts)])
    now = await history_of(store)
    assert not await store.forget_trip(T, history)
    assert await history_of(store) == now, "nothing of it is lost"
    assert await store.forget_trip(T, now)


async def test_a_trip_is_forgotten_whose_positions_have_expired_since(store: Store) -> None:
    await store.apply_trip_events(T, [started(when=10), finished(when=20)])
    await store.append_positions(T, [position(12), position(14)])
    history = await history_of(store)
    more = replace(history, positions=[*history.positions, position(16).position])
    assert await store.forget_trip(T, more)
    assert await store.vehicles(T) == []


def fact_again(event: Event, number: int) -> Event:
    """Under an id of its own."""
    return replace(event, id=f"{event.id}:{number}")


async def test_positions_of_no_trip_are_found_by_their_time(store: Store) -> None:
    assert await store.earliest_position(T) is None
    await store.apply_trip_events(T, [started(when=10), finished(when=20)])
    await store.plan_trip(T, trip("open", "v2", started_at=at(50)))
    await store.append_positions(T, [position(second, trip_id=None) for second in (5, 12, 25, 30)])
    await store.append_positions(T, [position(25, id="named"), position(6, trip_id="unknown")])
    await store.append_positions(T, [position(second, "v2", trip_id=None) for second in (40, 60)])
    assert await store.earliest_position(T) == at(5)
    assert await store.reported_between(T, at(26), at(50)) == ["v1", "v2"]
    assert await store.reported_between(T, at(30), at(40)) == ["v1"], "from the first, until before the second"
    loose = await store.loose_positions(T, "v1", at(5), at(30))
    assert [each.recorded_at for each in loose] == [at(5), at(6), at(25)]
    assert [each.recorded_at for each in await store.loose_positions(T, "v2", at(0), at(99))] == [at(40)]
    assert await store.loose_positions(T, "v3", at(0), at(99)) == []
    assert await store.reported_between("other", at(0), at(99)) == []


async def test_positions_of_no_trip_are_forgotten_as_they_are_said(store: Store) -> None:
    await store.append_positions(T, [position(second, trip_id=None) for second in (5, 6, 7)])
    await store.append_positions(T, [position(6, trip_id=None, id="a twin"), position(6, "v2", trip_id=None)])
    loose = await store.loose_positions(T, "v1", at(5), at(7))
    assert len(loose) == 3
    await store.append_positions(T, [position(5.5, trip_id=None), position(6, trip_id=None, speed=3.0, id="late")])
    await store.apply_trip_events(T, [started(when=4.5), finished(when=5.2)])
    assert await store.forget_loose_positions(T, loose) == 2, "one belongs to a trip by now"
    left = await store.loose_positions(T, "v1", at(0), at(9))
    assert [each.recorded_at for each in left] == [at(5.5), at(6), at(7)]
    assert [each.recorded_at for each in await store.positions(T, "t1")] == [at(5)]
    assert await store.forget_loose_positions(T, loose) == 0
    assert await store.forget_loose_positions(T, []) == 0
    assert await store.forget_loose_positions(T, left) == 3
    assert {each.vehicle_id: each.position.recorded_at for each in await store.vehicles(T)} == {
        "v1": at(5),
        "v2": at(6),
    }
