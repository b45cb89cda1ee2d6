"""Routes to drive on in tests, made from metres east and north of a corner in Montevideo."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import cos, radians

from msgspec.structs import replace

from trackway.domain.geometry import METRES_PER_DEGREE, distance
from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import PositionRecorded, RoutePlanned, RoutePoint, RouteStop

LAT, LNG = -34.9, -56.16
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def place(east: float, north: float) -> tuple[float, float]:
    """(lat, lng) of a place in metres east and north of the corner."""
    return LAT + north / METRES_PER_DEGREE, LNG + east / (METRES_PER_DEGREE * cos(radians(LAT)))


def route_of(
    corners: Sequence[tuple[float, float]],
    *,
    limits: Sequence[float] | float = 12.5,
    dwells: dict[int, float] | None = None,
    route_id: str = "r1",
) -> RoutePlanned:
    """A route through corners (metres east, north); ``limits`` in m/s by leg, ``dwells`` in seconds by corner."""
    places = [place(*corner) for corner in corners]
    reached = [0.0]
    for one, other in pairwise(places):
        reached.append(reached[-1] + distance(*one, *other))
    speeds = [limits] * len(places) if isinstance(limits, float) else [*limits, limits[-1]]
    path = tuple(RoutePoint(*at, metres, speed) for at, metres, speed in zip(places, reached, speeds, strict=True))
    halts = {0: 0.0, len(path) - 1: 0.0} | (dwells or {})
    stops = tuple(
        RouteStop(lat=path[index].lat, lng=path[index].lng, distance=path[index].distance, dwell=dwell)
        for index, dwell in sorted(halts.items())
    )
    return RoutePlanned(
        route_id=route_id,
        name="Here → There",
        planned_at=NOON,
        path=path,
        stops=stops,
        length=reached[-1],
        expected_duration=reached[-1] / 10,
    )


def trip_on(route: RoutePlanned, **changes: object) -> Trip:
    """A simulated trip along the route that began at noon and is promised in an hour."""
    trip = Trip(
        trip_id="t1",
        vehicle_id="sim-1",
        vehicle_name="Van 1",
        route_id=route.route_id,
        status=TripStatus.UNDERWAY,
        simulated=True,
        speed=1.0,
        seed=0,
        planned_at=NOON,
        promised_at=NOON + timedelta(hours=1),
        started_at=NOON,
    )
    return replace(trip, **changes)


def reported(seconds: float, east: float, north: float) -> PositionRecorded:
    """A device's position, seconds after noon."""
    lat, lng = place(east, north)
    return PositionRecorded(vehicle_id="sim-1", lat=lat, lng=lng, recorded_at=NOON + timedelta(seconds=seconds))
