"""What a store promises of positions and vehicles."""

import msgspec

from tests.contract.store.facts import T, at, cancelled, finished, position, started, trip
from trackway.storage.port import Shard, Store


class TestPositions:
    async def test_they_come_back_as_they_were_by_time(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        full = position(3, received_at=at(4), heading=271.5, speed=11.25, accuracy=4.5, altitude=-2.0, seq=2)
        assert await store.append_positions(T, [full, position(2), position(5, trip_id=None)]) == 3
        kept = await store.positions(T, "t1")
        assert kept == [position(2).position, full.position, position(5, trip_id=None).position]

    async def test_each_is_stored_once(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        assert await store.append_positions(T, [position(1), position(2), position(1)]) == 2
        assert await store.append_positions(T, [position(2), position(3)]) == 1
        assert await store.append_positions(T, []) == 0
        assert len(await store.positions(T, "t1")) == 3

    async def test_two_events_of_one_moment_are_two(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        assert await store.append_positions(T, [position(1, id="a"), position(1, id="b")]) == 2

    async def test_pages(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        await store.append_positions(T, [position(second) for second in range(1, 8)])
        page = await store.positions(T, "t1", limit=3)
        assert [each.recorded_at for each in page] == [at(1), at(2), at(3)]
        rest = await store.positions(T, "t1", after=page[-1].recorded_at)
        assert [each.recorded_at for each in rest] == [at(4), at(5), at(6), at(7)]

    async def test_they_may_come_before_their_trip(self, store: Store) -> None:
        await store.append_positions(T, [position(2), position(3, trip_id=None), position(0.5, trip_id=None)])
        assert await store.positions(T, "t1") == []
        await store.apply_trip_events(T, [started()])
        assert [each.recorded_at for each in await store.positions(T, "t1")] == [at(2), at(3)]

    async def test_nameless_ones_belong_to_the_trip_of_their_time(self, store: Store) -> None:
        await store.apply_trip_events(T, [started("t1", when=10), finished("t1", 20), started("t2", when=30)])
        seconds = (5, 10, 15, 20, 25, 30, 35)
        await store.append_positions(T, [position(second, trip_id=None) for second in seconds])
        assert [each.recorded_at for each in await store.positions(T, "t1")] == [at(10), at(15), at(20)]
        assert [each.recorded_at for each in await store.positions(T, "t2")] == [at(30), at(35)]

    async def test_named_ones_belong_to_their_trip_past_its_end(self, store: Store) -> None:
        await store.apply_trip_events(T, [started(when=10), cancelled(when=20)])
        await store.append_positions(T, [position(9), position(15), position(21), position(20 + 3601)])
        await store.append_positions(T, [position(15, trip_id="t2", id="of another trip")])
        await store.append_positions(T, [position(16, vehicle_id="v2", id="of another vehicle")])
        assert [each.recorded_at for each in await store.positions(T, "t1")] == [at(9), at(15), at(21)]

    async def test_an_open_trip_shows_where_its_vehicle_is(self, store: Store) -> None:
        await store.append_positions(T, [position(0, trip_id=None)])
        await store.plan_trip(T, trip())
        view = await store.trip(T, "t1")
        assert view is not None
        assert view.position == position(0, trip_id=None).position
        await store.append_positions(T, [position(7), position(6)])
        view = await store.trip(T, "t1")
        assert view is not None
        assert view.position == position(7).position

    async def test_an_ended_trip_shows_its_own_last_position(self, store: Store) -> None:
        await store.apply_trip_events(T, [started(), finished(when=20)])
        await store.append_positions(
            T, [position(19), position(20), position(90, trip_id=None), position(95, trip_id="t2")]
        )
        view = await store.trip(T, "t1")
        assert view is not None
        assert view.position == position(20).position


class TestLargeNumbers:
    async def test_they_come_back_as_plain_ones_that_can_be_told_on(self, store: Store) -> None:
        large = 2**53 - 1
        await store.plan_trip(T, trip(seed=large))
        await store.append_positions(T, [position(3, seq=large)])
        view = await store.trip(T, "t1")
        assert view is not None
        told = msgspec.json.decode(msgspec.json.encode(view))
        assert (told["trip"]["seed"], told["position"]["seq"]) == (large, large)
        kept = await store.update_shard(T, Shard(shard=1, wanted=large))
        assert msgspec.json.decode(msgspec.json.encode(await store.shard(T, 1))) == msgspec.to_builtins(kept)


class TestVehicles:
    async def test_the_newest_position_counts_not_the_last_to_come(self, store: Store) -> None:
        await store.append_positions(T, [position(5, "v2"), position(4, "v1"), position(9, "v2"), position(8, "v2")])
        await store.append_positions(T, [position(7, "v2")])
        found = await store.vehicles(T)
        assert [(each.vehicle_id, each.position.recorded_at) for each in found] == [("v1", at(4)), ("v2", at(9))]
        assert found[1].position == position(9, "v2").position

    async def test_a_vehicle_is_called_as_its_newest_trip_says(self, store: Store) -> None:
        await store.append_positions(T, [position(5)])
        assert [(each.name, each.trip_id) for each in await store.vehicles(T)] == [("v1", None)]
        await store.plan_trip(T, trip(vehicle_name="Old van"))
        assert [(each.name, each.trip_id) for each in await store.vehicles(T)] == [("Old van", "t1")]
        await store.apply_trip_events(T, [cancelled()])
        await store.plan_trip(T, trip("t0", vehicle_name="New van", planned_at=at(50)))
        await store.apply_trip_events(T, [cancelled("t0")])
        assert [(each.name, each.trip_id) for each in await store.vehicles(T)] == [("New van", None)]

    async def test_a_vehicle_that_never_reported_is_not_shown(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        assert await store.vehicles(T) == []
