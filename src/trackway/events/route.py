"""What can happen to a route: it is planned, and from then on it never changes."""

from typing import Annotated

from msgspec import Meta, Struct

from trackway.events.fields import Distance, Duration, Identifier, Latitude, Longitude, Moment, Name


class RoutePoint(Struct, frozen=True, array_like=True):
    """A vertex of a route's path: place, distance from the start along the path (m), and the street's free speed (m/s)
    from here to the next point. Travels as an array, since a path has hundreds."""

    lat: Latitude
    lng: Longitude
    distance: Distance
    speed_limit: Annotated[float, Meta(ge=0.1, le=100)]


class RouteStop(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place along the route where the vehicle halts for ``dwell`` seconds; ``distance`` is metres from the start."""

    lat: Latitude
    lng: Longitude
    distance: Distance
    dwell: Duration = 0.0
    name: Name | None = None


class RoutePlanned(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A path that trips can be driven along. The first and the last stop are its ends."""

    route_id: Identifier
    name: Name
    planned_at: Moment
    path: Annotated[tuple[RoutePoint, ...], Meta(min_length=2)]
    stops: Annotated[tuple[RouteStop, ...], Meta(min_length=2)]
    length: Distance
    expected_duration: Duration
