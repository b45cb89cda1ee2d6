"""What a store promises of trips: planning them, their life, asking for them."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.contract.store.facts import NOON, T, at, cancelled, fact, finished, progressed, started, trip
from trackway.domain.lifecycle import TripStatus
from trackway.domain.motion import shard_of
from trackway.events import SHARDS, InvalidEvent, SimulationAdvanced, TripDelayed
from trackway.storage.port import Conflict, Store


class TestPlanning:
    async def test_a_planned_trip_comes_back_as_it_was(self, store: Store) -> None:
        assert await store.plan_trip(T, trip()) == trip()
        view = await store.trip(T, "t1")
        assert view is not None
        assert (view.trip, view.progress, view.position) == (trip(), None, None)

    async def test_a_vehicle_drives_one_trip_at_a_time(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        with pytest.raises(Conflict, match="t1"):
            await store.plan_trip(T, trip("t2"))
        assert await store.trip(T, "t2") is None
        await store.apply_trip_events(T, [cancelled()])
        assert (await store.plan_trip(T, trip("t2"))).trip_id == "t2"

    async def test_a_key_used_again_gives_the_trip_of_then(self, store: Store) -> None:
        await store.plan_trip(T, trip(), "key-1")
        assert await store.plan_trip(T, trip("t9", "v9"), "key-1") == trip()
        assert await store.trip(T, "t9") is None
        await store.apply_trip_events(T, [cancelled()])
        assert (await store.plan_trip(T, trip("t9", "v9"), "key-1")).status is TripStatus.CANCELLED

    async def test_a_key_of_a_refused_trip_is_free(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        with pytest.raises(Conflict):
            await store.plan_trip(T, trip("t2"), "key-2")
        assert (await store.plan_trip(T, trip("t3", "v3"), "key-2")).trip_id == "t3"

    async def test_the_same_trip_planned_again_is_kept_once(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        assert await store.plan_trip(T, trip(seed=99)) == trip()

    async def test_a_plan_that_was_never_started_gives_its_vehicle_back(self, store: Store) -> None:
        await store.plan_trip(T, trip(), "key-1")
        with pytest.raises(Conflict, match="t1"):
            await store.plan_trip(T, trip("t2", planned_at=at(9)))
        await store.plan_trip(T, trip("t2", planned_at=at(10)))
        view = await store.trip(T, "t1")
        assert view is not None
        ended = view.trip.status, view.trip.ended_at, view.trip.reason
        assert ended == (TripStatus.CANCELLED, at(10), "never started")
        assert (await store.plan_trip(T, trip("t9", "v9"), "key-1")).status is TripStatus.CANCELLED

    async def test_a_late_start_does_not_open_a_trip_that_was_given_up(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        await store.plan_trip(T, trip("t2", planned_at=at(60)))
        await store.apply_trip_events(T, [started(when=1)])
        view = await store.trip(T, "t1")
        assert view is not None
        assert (view.trip.status, view.trip.ended_at) == (TripStatus.CANCELLED, at(60))
        assert [each.trip.trip_id for each in await store.open_trips(T)] == ["t2"]

    async def test_a_trip_that_started_keeps_its_vehicle(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        await store.apply_trip_events(T, [started()])
        with pytest.raises(Conflict, match="t1"):
            await store.plan_trip(T, trip("t2", planned_at=at(3600)))
        assert await store.trip(T, "t2") is None

    @pytest.mark.parametrize("edge", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
    async def test_a_moment_at_the_calendars_edge_can_be_read_again(self, store: Store, edge: str) -> None:
        await store.plan_trip(T, trip(promised_at=datetime.fromisoformat(edge)))
        assert len(await store.trips(T)) == 1


class TestLife:
    async def test_a_start_puts_it_underway(self, store: Store) -> None:
        await store.plan_trip(T, trip())
        await store.apply_trip_events(T, [started(when=2)])
        view = await store.trip(T, "t1")
        assert view is not None
        assert view.trip == trip(status=TripStatus.UNDERWAY, started_at=at(2))

    async def test_a_start_that_is_not_known_creates_the_trip(self, store: Store) -> None:
        await store.apply_trip_events(T, [started()])
        view = await store.trip(T, "t1")
        assert view is not None
        assert view.trip == trip(status=TripStatus.UNDERWAY, planned_at=at(1))

    async def test_an_end_holds_when_its_start_comes_late(self, store: Store) -> None:
        await store.apply_trip_events(T, [finished()])
        assert await store.trip(T, "t1") is None
        await store.apply_trip_events(T, [started()])
        view = await store.trip(T, "t1")
        assert view is not None
        assert (view.trip.status, view.trip.ended_at) == (TripStatus.FINISHED, at(500))
        assert await store.open_trips(T) == []

    async def test_an_end_holds_when_the_trip_is_planned_late(self, store: Store) -> None:
        await store.apply_trip_events(T, [cancelled(reason="no driver")])
        assert (await store.plan_trip(T, trip())).status is TripStatus.CANCELLED

    @pytest.mark.parametrize("known", [True, False])
    async def test_of_two_ends_the_first_counts_whichever_comes_first(self, store: Store, known: bool) -> None:
        for trip_id, ends in (
            ("a", [finished("a", 500), cancelled("a", 100)]),
            ("b", [cancelled("b", 100), finished("b", 500)]),
        ):
            if known:
                await store.plan_trip(T, trip(trip_id, f"v-{trip_id}"))
            for end in ends:
                await store.apply_trip_events(T, [end])
            await store.apply_trip_events(T, [started(trip_id, f"v-{trip_id}")])
            view = await store.trip(T, trip_id)
            assert view is not None
            end = view.trip.status, view.trip.ended_at, view.trip.reason
            assert end == (TripStatus.CANCELLED, at(100), "closed")

    async def test_repeats_change_nothing(self, store: Store) -> None:
        events = [started(), progressed(10, 50), finished()]
        await store.apply_trip_events(T, events)
        before = await store.trip(T, "t1"), await store.trip_events(T, "t1")
        await store.apply_trip_events(T, events)
        assert (await store.trip(T, "t1"), await store.trip_events(T, "t1")) == before

    async def test_the_newest_progress_counts(self, store: Store) -> None:
        await store.apply_trip_events(T, [started(), progressed(20, 200), progressed(10, 100)])
        view = await store.trip(T, "t1")
        assert view is not None
        assert view.progress is not None
        assert (view.progress.driven, view.progress.recorded_at, view.progress.delay) == (200, at(20), -3.5)

    async def test_progress_may_come_before_its_trip(self, store: Store) -> None:
        await store.apply_trip_events(T, [progressed(20, 200)])
        await store.apply_trip_events(T, [started()])
        view = await store.trip(T, "t1")
        assert view is not None
        assert view.progress is not None

    async def test_the_timeline_holds_each_fact_once_newest_first(self, store: Store) -> None:
        delayed = fact(
            TripDelayed(trip_id="t1", vehicle_id="v1", recorded_at=at(60), arrival_at=at(999), delay=399), time=at(60)
        )
        events = [finished(), started(), delayed, progressed(60, 300), delayed]
        await store.apply_trip_events(T, events)
        assert await store.trip_events(T, "t1") == [finished(), delayed, started()]
        assert await store.trip_events(T, "t1", limit=1) == [finished()]
        assert await store.trip_events(T, "t2") == []

    async def test_an_event_without_time_goes_by_what_it_tells_of(self, store: Store) -> None:
        timeless = replace(started(), time=None)
        await store.apply_trip_events(T, [timeless, cancelled(when=0.5)])
        assert await store.trip_events(T, "t1") == [timeless, cancelled(when=0.5)]

    async def test_a_bad_event_keeps_the_whole_batch_out(self, store: Store) -> None:
        bad = replace(finished(), data=b'{"trip_id": "t1"}')
        with pytest.raises(InvalidEvent, match="vehicle_id"):
            await store.apply_trip_events(T, [started(), bad])
        assert await store.trip(T, "t1") is None

    async def test_an_event_about_no_trip_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidEvent, match="no trip"):
            await store.apply_trip_events(T, [fact(SimulationAdvanced(shard=1, until=NOON))])


class TestAsking:
    async def three(self, store: Store) -> None:
        await store.plan_trip(T, trip("a", "v1", planned_at=at(10)))
        await store.plan_trip(T, trip("b", "v2", planned_at=at(10), started_at=at(30)))
        await store.plan_trip(T, trip("c", "v3", planned_at=at(20)))
        await store.apply_trip_events(T, [started("b", "v2", 30), cancelled("c", 40)])

    async def ids(self, store: Store, **arguments: object) -> list[str]:
        return [view.trip.trip_id for view in await store.trips(T, **arguments)]

    async def test_trips_come_newest_first_and_in_pages(self, store: Store) -> None:
        await self.three(store)
        assert await self.ids(store) == ["c", "b", "a"]
        assert await self.ids(store, limit=2) == ["c", "b"]
        assert await self.ids(store, before=(at(10), "b")) == ["a"]
        assert await self.ids(store, before=(at(20), "c"), limit=1) == ["b"]

    async def test_trips_by_status_and_vehicle(self, store: Store) -> None:
        await self.three(store)
        assert await self.ids(store, status=TripStatus.UNDERWAY) == ["b"]
        assert await self.ids(store, vehicle_id="v1") == ["a"]
        assert await self.ids(store, vehicle_id="v1", status=TripStatus.CANCELLED) == []

    async def test_open_trips(self, store: Store) -> None:
        await self.three(store)
        assert [view.trip.trip_id for view in await store.open_trips(T)] == ["a", "b"]
        assert [view.trip.trip_id for view in await store.open_trips(T, ["v2", "v3", "v2"])] == ["b"]
        assert await store.open_trips(T, []) == []

    async def test_ended_trips_last_ended_first(self, store: Store) -> None:
        await self.three(store)
        await store.apply_trip_events(T, [finished("b", 300)])

        async def ended(since: float, limit: int = 9) -> list[str]:
            return [view.trip.trip_id for view in await store.trips_ended_since(T, at(since), limit)]

        assert await ended(0) == ["b", "c"]
        assert await ended(40) == ["b", "c"]
        assert await ended(41) == ["b"]
        assert await ended(0, limit=1) == ["b"]

    async def test_counts(self, store: Store) -> None:
        await self.three(store)
        counts = await store.trip_counts(T, at(40))
        assert (counts.planned, counts.underway, counts.finished, counts.cancelled) == (1, 1, 0, 1)
        assert (await store.trip_counts(T, at(41))).cancelled == 0

    async def test_simulated_trips_of_a_shard(self, store: Store) -> None:
        vehicles = [f"v{number}" for number in range(12)]
        for vehicle in vehicles:
            await store.plan_trip(T, trip(f"t-{vehicle}", vehicle))
        await store.plan_trip(T, trip("real", "device-1", simulated=False))
        await store.apply_trip_events(T, [finished("t-v3")])
        found = {shard: await store.simulated_trips(T, shard) for shard in range(SHARDS)}
        assert all(shard_of(each.vehicle_id) == shard for shard, trips in found.items() for each in trips)
        names = sorted(each.vehicle_id for trips in found.values() for each in trips)
        assert names == sorted(set(vehicles) - {"v3"})
