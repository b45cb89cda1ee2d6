"""Facts and records for the gateway's tests: a van that drives from west to east, and whatever else happens to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import (
    PositionRecorded,
    RoutePlanned,
    RoutePoint,
    RouteStop,
    TripCancelled,
    TripFinished,
    TripProgressed,
    TripStarted,
)
from trackway.storage.port import RouteSummary

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 14, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def position(
    vehicle: str = "van-1", second: float = 0, lat: float = -34.9, lng: float = -56.16, **more: Any
) -> PositionRecorded:
    return PositionRecorded(vehicle_id=vehicle, lat=lat, lng=lng, recorded_at=at(second), **more)


def started(trip: str = "trip-1", vehicle: str = "van-1", second: float = 0, route: str = "route-1") -> TripStarted:
    return TripStarted(
        trip_id=trip,
        vehicle_id=vehicle,
        vehicle_name=vehicle.title(),
        route_id=route,
        started_at=at(second),
        promised_at=at(second + 600),
        simulated=True,
    )


def progressed(
    trip: str = "trip-1", vehicle: str = "van-1", second: float = 60, fraction: float = 0.1, **more: Any
) -> TripProgressed:
    return TripProgressed(
        trip_id=trip,
        vehicle_id=vehicle,
        recorded_at=at(second),
        driven=1000 * fraction,
        remaining=1000 * (1 - fraction),
        fraction=fraction,
        arrival_at=at(660),
        arrival_earliest_at=at(600),
        arrival_latest_at=at(720),
        delay=60,
        **more,
    )


def finished(trip: str = "trip-1", vehicle: str = "van-1", second: float = 630) -> TripFinished:
    return TripFinished(trip_id=trip, vehicle_id=vehicle, finished_at=at(second))


def cancelled(trip: str = "trip-1", vehicle: str = "van-1", second: float = 300) -> TripCancelled:
    return TripCancelled(trip_id=trip, vehicle_id=vehicle, cancelled_at=at(second))


def trip(
    trip_id: str = "trip-1", vehicle: str = "van-1", status: TripStatus = TripStatus.UNDERWAY, **more: Any
) -> Trip:
    return Trip(
        trip_id=trip_id,
        vehicle_id=vehicle,
        vehicle_name=vehicle.title(),
        route_id="route-1",
        status=status,
        simulated=True,
        speed=1,
        seed=0,
        planned_at=at(0),
        promised_at=at(600),
        started_at=at(0),
        **more,
    )


def summary(route: str = "route-1") -> RouteSummary:
    return RouteSummary(
        route_id=route,
        name="Unión → Maroñas",
        length=1000,
        expected_duration=600,
        from_name="Unión",
        to_name=None,
        planned_at=at(0),
        bounds=(-34.9, -56.2, -34.8, -56.1),
    )


def planned(route: str = "route-1") -> RoutePlanned:
    return RoutePlanned(
        route_id=route,
        name="Unión → Maroñas",
        planned_at=at(0),
        path=(RoutePoint(-34.9, -56.2, 0, 10), RoutePoint(-34.9, -56.1, 1000, 10)),
        stops=(
            RouteStop(lat=-34.9, lng=-56.2, distance=0, name="Unión"),
            RouteStop(lat=-34.9, lng=-56.1, distance=1000),
        ),
        length=1000,
        expected_duration=600,
    )
