"""A morning of two companies, as events: what the tests of search and of the dashboards find again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from trackway.events import (
    Event,
    GeofenceEntered,
    GeofenceExited,
    NotificationFailed,
    PositionRecorded,
    RoutePlanned,
    TripDelayed,
    TripDeviated,
    TripFinished,
    TripProgressed,
    TripRejoined,
    TripStarted,
)
from trackway.events.event import event_of
from trackway.events.route import RoutePoint, RouteStop

BEGIN = (datetime.now(UTC) - timedelta(hours=1)).replace(second=0, microsecond=0)
LONG_AGO = BEGIN - timedelta(days=90)
LAT, LNG = -34.9, -56.2
TRIP_POSITIONS, DEVICE_POSITIONS, OTHER_TENANTS, OLD = 600, 100, 50, 5
MINUTE = timedelta(minutes=1)


def trip_position(number: int) -> PositionRecorded:
    """Second by second to the east, some nine metres each."""
    at = BEGIN + timedelta(seconds=number)
    return PositionRecorded(
        vehicle_id="van-12", lat=LAT, lng=LNG + number / 1e4, recorded_at=at, speed=9.1, trip_id="t-1", seq=number
    )


def events() -> list[Event]:
    """All of it."""
    return [*facts("t-1", _trip()), *facts("moto", _device()), *facts("acme", _others(), "acme"), *facts("old", _old())]


def facts(name: str, made: Iterator[tuple[datetime, Struct]], tenant: str = "default") -> Iterator[Event]:
    """Facts as events, whose ids count."""
    for number, (time, fact) in enumerate(made):
        vehicle = getattr(fact, "vehicle_id", name)
        yield event_of(
            fact, id=f"{name}:{number}", source="/story", subject=name, partitionkey=vehicle, time=time, tenant=tenant
        )


def _trip() -> Iterator[tuple[datetime, Struct]]:
    about = {"trip_id": "t-1", "vehicle_id": "van-12"}
    stops = (RouteStop(lat=LAT, lng=LNG, distance=0, name="Mercado"), RouteStop(lat=LAT, lng=LNG + 0.06, distance=5470))
    path = (RoutePoint(LAT, LNG, 0, 13.9), RoutePoint(LAT, LNG + 0.06, 5470, 13.9))
    route = RoutePlanned(
        route_id="r-1",
        name="Ciudad Vieja › La Blanqueada",
        planned_at=BEGIN - MINUTE,
        path=path,
        stops=stops,
        length=5470,
        expected_duration=560,
    )
    yield BEGIN - MINUTE, route
    start = TripStarted(
        **about,
        vehicle_name="Caminhão 12",
        route_id="r-1",
        started_at=BEGIN,
        promised_at=BEGIN + 9 * MINUTE,
        simulated=False,
    )
    yield BEGIN, start
    for number in range(TRIP_POSITIONS):
        position = trip_position(number)
        yield position.recorded_at, position
        if number % 60 == 0:
            yield position.recorded_at, _progress(number)
    at = BEGIN + 5 * MINUTE
    place = {**about, "recorded_at": at, "lat": LAT, "lng": LNG + 0.03}
    yield at, TripDelayed(**about, recorded_at=at, arrival_at=BEGIN + 12 * MINUTE, delay=180)
    yield at, TripDeviated(**place, off_route=640)
    yield at, TripRejoined(**place)
    yield at, GeofenceEntered(**place, geofence_id="g-1", geofence_name="Zona Pocitos")
    yield at, GeofenceExited(**place, geofence_id="g-1", geofence_name="Zona Pocitos")
    yield BEGIN + 10 * MINUTE, TripFinished(**about, finished_at=BEGIN + 10 * MINUTE)
    failed = NotificationFailed(webhook_id="w", event_id="t-1:9", failed_at=BEGIN, attempts=5, reason="503")
    yield BEGIN + 11 * MINUTE, failed


def _progress(number: int) -> TripProgressed:
    arrival = BEGIN + 10 * MINUTE
    return TripProgressed(
        trip_id="t-1",
        vehicle_id="van-12",
        recorded_at=BEGIN + timedelta(seconds=number),
        driven=number * 9.1,
        remaining=5470 - number * 9.1,
        fraction=number / TRIP_POSITIONS,
        arrival_at=arrival,
        arrival_earliest_at=arrival - MINUTE,
        arrival_latest_at=arrival + MINUTE,
        delay=number / 5,
    )


def _device() -> Iterator[tuple[datetime, Struct]]:
    for number in range(DEVICE_POSITIONS):
        at = BEGIN + timedelta(seconds=number)
        yield at, PositionRecorded(vehicle_id="moto-7", lat=-34.8 + number / 1e5, lng=-56.0, recorded_at=at)


def _others() -> Iterator[tuple[datetime, Struct]]:
    for number in range(OTHER_TENANTS):
        at = BEGIN + timedelta(seconds=number)
        yield at, PositionRecorded(vehicle_id="van-12", lat=LAT, lng=LNG, recorded_at=at, trip_id="t-9", seq=number)


def _old() -> Iterator[tuple[datetime, Struct]]:
    for number in range(OLD):
        at = LONG_AGO + timedelta(seconds=number)
        yield at, PositionRecorded(vehicle_id="van-3", lat=LAT, lng=LNG, recorded_at=at, trip_id="t-0", seq=number)
