"""Vehicles near a place: the store's answer and the live view's, put together."""

import random
from collections.abc import Sequence

import pytest

from realtime_gateway.nearest import nearest
from realtime_gateway.protocol import LiveVehicle
from tests.unit.gateway.facts import at, position
from tests.unit.gateway.serving import TENANT, serving
from trackway.domain.geometry import METRES_PER_DEGREE, distance
from trackway.events import milliseconds
from trackway.storage.memory import InMemoryStore
from trackway.storage.port import StoredPosition, VehicleNear


def seen(vehicle_id: str, second: float, metres: float) -> StoredPosition:
    place = position(vehicle_id, second=second, lat=metres / METRES_PER_DEGREE, lng=0)
    return StoredPosition(source="/test", event_id=f"{vehicle_id}:{second}", position=place)


def live(stored: StoredPosition) -> LiveVehicle:
    at = stored.position
    return LiveVehicle(
        vehicle_id=at.vehicle_id, name=at.vehicle_id, trip_id=None, lat=at.lat, lng=at.lng, heading=None, speed=None,
        recorded_ms=milliseconds(at.recorded_at),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
async def test_it_is_as_if_the_newest_of_both_were_measured(seed: int) -> None:
    chance = random.Random(seed)
    store, moved = InMemoryStore(), dict[str, LiveVehicle]()
    metres: dict[str, float] = {}
    for number in range(60):
        name = f"v{number}"
        metres[name] = chance.uniform(0, 2000)
        await store.append_positions(TENANT, [seen(name, 1, metres[name])])
        if chance.random() < 0.5:
            metres[name] = chance.uniform(0, 2000)
            moved[name] = live(seen(name, 2, metres[name]))
        elif chance.random() < 0.5:
            moved[name] = live(seen(name, 1, metres[name]))
    asked: list[int] = []

    async def ask(limit: int) -> Sequence[VehicleNear]:
        asked.append(limit)
        return await store.vehicles_near(TENANT, 0, 0, 1000, limit)

    limit = chance.choice((1, 5, 20, 60))
    found = await nearest(ask, moved, 0, 0, 1000, limit)
    expected = sorted((away, name) for name, away in metres.items() if away <= 1000)[:limit]
    assert [each.vehicle.vehicle_id for each in found] == [name for _, name in expected]
    assert [each.distance for each in found] == pytest.approx([away for away, _ in expected])
    assert asked[0] == limit


async def test_over_http_they_come_with_their_distance() -> None:
    store = InMemoryStore()
    await store.append_positions(TENANT, [seen("near", 1, 100), seen("far", 1, 900), seen("farther", 1, 1100)])
    async with serving(store) as here:
        await here.feed(position("far", second=9, lat=50 / METRES_PER_DEGREE, lng=0))
        answer = await here.http.get("/v1/vehicles/nearest", params={"near": "0,0,1"})
        vehicles = answer.json()["vehicles"]
        assert [(each["vehicle"]["vehicle_id"], round(each["distance"])) for each in vehicles] == [
            ("far", 50), ("near", 100),
        ]  # fmt: skip
        assert vehicles[0]["vehicle"]["recorded_ms"] == milliseconds(at(9))
        assert distance(0, 0, vehicles[0]["vehicle"]["lat"], 0) == pytest.approx(50)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "near"),
        ({"near": "1,2"}, "near"),
        ({"near": "0,200,1"}, "near"),
        ({"near": "0,0,1", "limit": "0"}, "limit"),
    ],
)
async def test_a_wrong_question_is_refused_naming_the_parameter(parameters: dict[str, str], field: str) -> None:
    async with serving() as here:
        answer = await here.http.get("/v1/vehicles/nearest", params=parameters)
        assert (answer.status_code, answer.json()["field"]) == (400, field)
