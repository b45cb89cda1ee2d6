"""From the domain's records to those of the live protocol."""

from datetime import datetime

from msgspec import Struct

from realtime_gateway.protocol import LiveTrip, LiveVehicle
from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import PositionRecorded, RoutePlanned, TripProgressed, milliseconds
from trackway.storage.port import RouteSummary


class RouteNames(Struct, frozen=True):
    """What a person calls a route and its two ends."""

    name: str
    from_name: str = ""
    to_name: str = ""


def names_of(route: RoutePlanned | RouteSummary) -> RouteNames:
    """The names of a route; an end without one is the empty text."""
    if isinstance(route, RouteSummary):
        return RouteNames(route.name, route.from_name or "", route.to_name or "")
    return RouteNames(route.name, route.stops[0].name or "", route.stops[-1].name or "")


def live_vehicle(position: PositionRecorded, name: str, trip_id: str | None) -> LiveVehicle:
    """The vehicle as its newest position tells it."""
    return LiveVehicle(
        vehicle_id=position.vehicle_id,
        name=name,
        trip_id=trip_id,
        lat=position.lat,
        lng=position.lng,
        heading=position.heading,
        speed=position.speed,
        recorded_ms=milliseconds(position.recorded_at),
    )


def live_trip(trip: Trip, progress: TripProgressed | None, names: RouteNames) -> LiveTrip:
    """The trip with its newest progress. One that is over has no arrival to expect any more, and if it was finished it
    has come all the way, as late as it ended."""
    finished = trip.status is TripStatus.FINISHED
    expected = progress if trip.is_open else None
    return LiveTrip(
        trip_id=trip.trip_id,
        vehicle_id=trip.vehicle_id,
        vehicle_name=trip.vehicle_name,
        route_id=trip.route_id,
        route_name=names.name,
        from_name=names.from_name,
        to_name=names.to_name,
        status=trip.status,
        simulated=trip.simulated,
        started_ms=None if trip.status is TripStatus.PLANNED else milliseconds(trip.started_at),
        ended_ms=_optional(trip.ended_at),
        promised_ms=milliseconds(trip.promised_at),
        fraction=1.0 if finished else progress.fraction if progress else 0.0,
        remaining=0.0 if finished else progress.remaining if progress else None,
        arrival_ms=_optional(expected and expected.arrival_at),
        arrival_earliest_ms=_optional(expected and expected.arrival_earliest_at),
        arrival_latest_ms=_optional(expected and expected.arrival_latest_at),
        delay=_delay(trip, progress),
        off_route=expected.off_route if expected else None,
    )


def _delay(trip: Trip, progress: TripProgressed | None) -> float | None:
    if trip.status is TripStatus.FINISHED and trip.ended_at is not None:
        return (trip.ended_at - trip.promised_at).total_seconds()
    return progress.delay if progress else None


def _optional(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds(moment)
