"""What a store promises of vehicles near a place."""

import random
from collections.abc import Mapping

import pytest

from tests.contract.store.facts import T, at, finished, position, started, trip
from tests.contract.store.test_store_forgetting import history_of
from trackway.domain.geometry import METRES_PER_DEGREE, distance
from trackway.storage.port import Store, StoredPosition

HERE = (-34.9, -56.16)


def north(metres: float) -> dict[str, float]:
    """The place so far north of here."""
    return {"lat": HERE[0] + metres / METRES_PER_DEGREE, "lng": HERE[1]}


def seen(when: float, vehicle_id: str, place: Mapping[str, float], trip_id: str | None = None) -> StoredPosition:
    stored = position(when, vehicle_id, trip_id)
    return StoredPosition(
        source=stored.source,
        event_id=stored.event_id,
        position=type(stored.position)(
            vehicle_id=vehicle_id, recorded_at=at(when), trip_id=trip_id, lat=place["lat"], lng=place["lng"]
        ),
    )


async def near(store: Store, radius: float, limit: int = 100, place: tuple[float, float] = HERE) -> list[str]:
    return [each.vehicle.vehicle_id for each in await store.vehicles_near(T, *place, radius, limit)]


class TestVehiclesNear:
    async def test_the_nearest_come_first_with_their_distance(self, store: Store) -> None:
        await store.append_positions(T, [seen(1, "far", north(900)), seen(1, "near", north(30))])
        await store.append_positions(T, [seen(2, "farther", north(1500)), seen(2, "farthest", north(2500))])
        found = await store.vehicles_near(T, *HERE, 2000, 10)
        assert [(each.vehicle.vehicle_id, round(each.distance)) for each in found] == [
            ("near", 30), ("far", 900), ("farther", 1500),
        ]  # fmt: skip
        assert await near(store, 2000, limit=2) == ["near", "far"]

    async def test_they_are_shown_as_among_all_vehicles(self, store: Store) -> None:
        await store.plan_trip(T, trip(vehicle_name="Red van"))
        await store.append_positions(T, [seen(1, "v1", north(10)), seen(1, "v2", north(20))])
        assert [each.vehicle for each in await store.vehicles_near(T, *HERE, 100, 10)] == await store.vehicles(T)

    async def test_only_where_a_vehicle_is_now_counts(self, store: Store) -> None:
        for number, metres in enumerate((0, 400, 800, 1200)):
            await store.append_positions(T, [seen(number, "v1", north(metres)), seen(number, "v2", north(-metres))])
        await store.append_positions(T, [seen(2.5, "v1", north(10))])  # late
        assert await near(store, 300) == []
        await store.append_positions(T, [seen(9, "v2", north(200))])
        assert await near(store, 300) == ["v2"]
        assert sorted(await near(store, 1201)) == ["v1", "v2"]

    async def test_of_the_own_tenant_only(self, store: Store) -> None:
        await store.append_positions("other", [seen(1, "v1", north(1))])
        assert await near(store, 1e6) == []

    async def test_a_position_at_the_other_end_of_the_day_and_the_world(self, store: Store) -> None:
        await store.append_positions(T, [seen(1, "east", {"lat": 0, "lng": 179.999})])
        await store.append_positions(T, [seen(1, "pole", {"lat": 90, "lng": 0})])
        await store.append_positions(T, [seen(1, "v1", north(0))])
        assert await near(store, 1000, place=(0, -179.999)) == ["east"]
        assert await near(store, 1000, place=(89.9999, 120)) == ["pole"]
        assert len(await near(store, 20_000_000)) == 3

    async def test_a_vehicle_that_was_made_known_is_found_once_its_positions_are_there(self, store: Store) -> None:
        """As when somebody else writes them into the store, before or after."""
        first, second = seen(1, "v1", north(5000)), seen(2, "v1", north(10))
        await store.know_vehicles(T, [])
        await store.know_vehicles(T, [second.position, first.position])
        assert (await near(store, 100), await store.vehicles(T)) == ([], [])
        await store.append_positions(T, [first, second])
        await store.know_vehicles(T, [first.position])
        assert (await near(store, 100), len(await store.vehicles(T))) == (["v1"], 1)

    async def test_when_a_trip_is_forgotten_what_is_left_counts(self, store: Store) -> None:
        await store.apply_trip_events(T, [started(when=10), finished(when=20)])
        await store.append_positions(T, [seen(5, "v1", north(0)), seen(15, "v1", north(9000), "t1")])
        assert await near(store, 100) == []
        assert await store.forget_trip(T, await history_of(store))
        assert await near(store, 100) == ["v1"]
        await store.append_positions(T, [seen(12, "v1", north(5000))])
        assert (await near(store, 100), await near(store, 5001)) == ([], ["v1"])

    async def test_when_nothing_is_left_a_vehicle_is_nowhere(self, store: Store) -> None:
        await store.apply_trip_events(T, [started(when=10), finished(when=20)])
        await store.append_positions(T, [seen(15, "v1", north(0), "t1")])
        assert await store.forget_trip(T, await history_of(store))
        assert await near(store, 1e6) == []
        await store.append_positions(T, [seen(11, "v1", north(0))])
        assert await near(store, 100) == ["v1"]

    @pytest.mark.parametrize("seed", range(3))
    async def test_whatever_way_they_go_it_is_as_if_all_were_measured(self, store: Store, seed: int) -> None:
        chance = random.Random(seed)
        newest: dict[str, StoredPosition] = {}
        for step in range(12):
            batch: list[StoredPosition] = []
            for vehicle_id in chance.sample([f"v{number:02}" for number in range(130)], 80):
                when = step * 20 + chance.uniform(-30, 30)
                reach = chance.choice((20, 450, 3000))
                last = newest[vehicle_id].position if vehicle_id in newest else None
                lat, lng = (last.lat, last.lng) if last else (HERE[0], HERE[1])
                moved = reach / METRES_PER_DEGREE
                place = {"lat": lat + chance.uniform(-moved, moved), "lng": lng + chance.uniform(-moved, moved)}
                batch.append(seen(when, vehicle_id, place))
                if last is None or last.recorded_at < at(when):
                    newest[vehicle_id] = batch[-1]
            await store.append_positions(T, batch)
            if step % 4 == 3:
                radius, limit = chance.choice((300, 1500, 8000)), chance.choice((3, 40, 200))
                away = {name: distance(*HERE, each.position.lat, each.position.lng) for name, each in newest.items()}
                expected = sorted((metres, name) for name, metres in away.items() if metres <= radius)[:limit]
                assert await near(store, radius, limit) == [name for _, name in expected]


class TestOfTwoProcesses:
    async def test_what_one_remembers_of_a_place_is_not_good_for_long(self, two: tuple[Store, Store]) -> None:
        one, other = two
        await one.append_positions(T, [seen(0, "v1", north(0))])
        await other.append_positions(T, [seen(30, "v1", north(9000))])
        assert await near(one, 100) == []
        await one.append_positions(T, [seen(61, "v1", north(5))])
        assert await near(one, 100) == await near(other, 100) == ["v1"]

    async def test_the_later_place_stays_whoever_tells_first(self, two: tuple[Store, Store]) -> None:
        one, other = two
        await one.append_positions(T, [seen(30, "v1", north(9000))])
        await other.append_positions(T, [seen(1, "v1", north(0))])
        assert (await near(one, 100), await near(one, 9001)) == ([], ["v1"])
