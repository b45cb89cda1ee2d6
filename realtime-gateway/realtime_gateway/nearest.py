"""Which vehicles are near a place now: what the store knows, and where it is newer, the live view."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import itemgetter

from realtime_gateway.protocol import LiveVehicle
from realtime_gateway.records import live_vehicle
from realtime_gateway.views import NearVehicle
from trackway.domain.geometry import distance
from trackway.storage.port import VehicleNear

Ask = Callable[[int], Awaitable[Sequence[VehicleNear]]]


async def nearest(
    ask: Ask, live: Mapping[str, LiveVehicle], lat: float, lng: float, radius: float, limit: int
) -> list[NearVehicle]:
    """The ``limit`` nearest vehicles within ``radius`` metres, nearest first. ``ask`` gives the store's so many
    nearest; when the live view knows better of some of them, it is asked for more."""
    asked = limit
    while True:
        stored = await ask(asked)
        found = _merged(stored, live, lat, lng, radius)[:limit]
        all_are_there = len(stored) < asked
        if all_are_there or (len(found) == limit and found[-1].distance <= stored[-1].distance):
            return found
        asked *= 2


def _merged(
    stored: Sequence[VehicleNear], live: Mapping[str, LiveVehicle], lat: float, lng: float, radius: float
) -> list[NearVehicle]:
    away: dict[str, tuple[float, LiveVehicle]] = {}
    newest: dict[str, int] = {}
    for each in stored:
        vehicle = live_vehicle(each.vehicle.position, each.vehicle.name, each.vehicle.trip_id)
        newest[vehicle.vehicle_id] = vehicle.recorded_ms
        away[vehicle.vehicle_id] = each.distance, vehicle
    for vehicle_id, vehicle in live.items():
        if vehicle.recorded_ms >= newest.get(vehicle_id, vehicle.recorded_ms):
            away[vehicle_id] = distance(lat, lng, vehicle.lat, vehicle.lng), vehicle
    pairs = sorted((pair for pair in away.values() if pair[0] <= radius), key=itemgetter(0))
    return [NearVehicle(distance=metres, vehicle=vehicle) for metres, vehicle in pairs]
