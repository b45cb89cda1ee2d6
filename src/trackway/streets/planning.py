"""Routes made from stops (over the streets) and from drawn lines."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import pairwise

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trackway.domain.geometry import distance
from trackway.domain.motion import Drive
from trackway.events import RoutePlanned, RoutePoint, RouteStop
from trackway.streets.graph import NoWay, OffTheMap, Streets, WayPoint

SHORTEST = 20.0
"""Metres: what is shorter is no route."""

_SAME = 0.5  # metres: points of a drawn line nearer than that are one

MOST_STOPS, MOST_POINTS = 100, 20_000


class Place(Struct, frozen=True, kw_only=True):
    """A place that a route goes through: degrees WGS 84; ``dwell`` is how long the vehicle halts there (s)."""

    lat: float
    lng: float
    name: str | None = None
    dwell: float = 0.0


class UnusableRoute(ValueError):
    """Places that make no route; ``field`` says which is to blame, as ``stops[1]`` or ``points``."""

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


def route_from_stops(
    streets: Streets,
    stops: Sequence[Place],
    *,
    name: str | None = None,
    planned_at: datetime,
    route_id: str | None = None,
) -> RoutePlanned:
    """The fastest route over the streets through the stops, in their order; it begins and ends on the streets nearest
    to its ends. Stops without a name are named after what is near, and a route without one after its ends, as "Ciudad
    Vieja → La Blanqueada". Without ``route_id`` the id is a hash of the content: planning the same again gives the same
    route.

    Raises UnusableRoute (fewer than 2 stops or too many, off the map, no way between two, too short)."""
    _check(stops, "stops", MOST_STOPS)
    path: list[WayPoint] = []
    halts: list[int] = []  # of each stop, the number of its vertex
    for index in range(len(stops) - 1):
        # A leg begins where the one before ended: that vertex stands once, with the speed of the leg that leaves it.
        halts.append(max(0, len(path) - 1))
        path[-1:] = _way(streets, stops, index)
    halts.append(len(path) - 1)
    named = [_named(stop, streets) for stop in stops]
    return _planned(path, list(zip(halts, named, strict=True)), name, planned_at, route_id, field="stops")


def route_from_points(
    points: Sequence[Place],
    *,
    name: str | None = None,
    planned_at: datetime,
    speed_kmh: float = 40.0,
    streets: Streets | None = None,
    route_id: str | None = None,
) -> RoutePlanned:
    """The route along a drawn line, driven at ``speed_kmh`` where it is straight. Its ends are its stops, as are the
    points that have a name or a dwell. With ``streets`` the ends are named after what is near; name and id are as of
    ``route_from_stops``. Raises UnusableRoute (fewer than 2 points or too many, out of range, too short)."""
    _check(points, "points", MOST_POINTS)
    path: list[WayPoint] = []
    stops: list[tuple[int, Place]] = []
    for index, point in enumerate(points):
        if not path or distance(path[-1].lat, path[-1].lng, point.lat, point.lng) >= _SAME:
            path.append(WayPoint(point.lat, point.lng, speed_kmh / 3.6))
        if index in (0, len(points) - 1):
            stops.append((len(path) - 1, _named(point, streets)))
        elif point.name or point.dwell:
            stops.append((len(path) - 1, point))
    return _planned(path, stops, name, planned_at, route_id, field="points")


def _check(places: Sequence[Place], field: str, most: int) -> None:
    if not 2 <= len(places) <= most:
        raise UnusableRoute(f"a route needs 2 to {most} {field}, not {len(places)}", field)
    for index, place in enumerate(places):
        for word, value, limit in (("lat", place.lat, 90), ("lng", place.lng, 180)):
            if not abs(value) <= limit:  # also for what is not a number
                raise UnusableRoute(f"{word} {value} is out of range", f"{field}[{index}].{word}")


def _way(streets: Streets, stops: Sequence[Place], index: int) -> list[WayPoint]:
    """The way from a stop to the next; what is wrong is blamed on the one that it is wrong with."""
    first, last = stops[index], stops[index + 1]
    for number, stop in ((index, first), (index + 1, last)):
        try:
            streets.snap(stop.lat, stop.lng)
        except OffTheMap as error:
            raise UnusableRoute(str(error), f"stops[{number}]") from error
    try:
        return streets.way((first.lat, first.lng), (last.lat, last.lng))
    except NoWay as error:
        raise UnusableRoute(str(error), f"stops[{index + 1}]") from error


def _named(place: Place, streets: Streets | None) -> Place:
    if place.name or streets is None:
        return place
    return replace(place, name=streets.name_near(place.lat, place.lng))


def _planned(
    path: Sequence[WayPoint],
    stops: Sequence[tuple[int, Place]],
    name: str | None,
    planned_at: datetime,
    route_id: str | None,
    *,
    field: str,
) -> RoutePlanned:
    points = _points(path)
    if points[-1].distance < SHORTEST:
        raise UnusableRoute(f"the route is {points[-1].distance:.0f} m long, less than {SHORTEST:.0f} m", field)
    route = RoutePlanned(
        route_id=route_id or "unnamed",
        name=(name or f"{_end_name(stops[0][1])} → {_end_name(stops[-1][1])}")[:120],
        planned_at=planned_at,
        path=points,
        stops=tuple(_stop(points[index], place) for index, place in stops),
        length=points[-1].distance,
        expected_duration=0.0,
    )
    return replace(route, route_id=route_id or _hash(route), expected_duration=round(Drive(route).duration, 1))


def _points(path: Sequence[WayPoint]) -> tuple[RoutePoint, ...]:
    reached = 0.0
    points: list[RoutePoint] = []
    for before, point in pairwise((path[0], *path)):
        reached += distance(before.lat, before.lng, point.lat, point.lng)
        points.append(RoutePoint(round(point.lat, 7), round(point.lng, 7), round(reached, 2), round(point.speed, 2)))
    return tuple(points)


def _stop(point: RoutePoint, place: Place) -> RouteStop:
    return RouteStop(lat=point.lat, lng=point.lng, distance=point.distance, dwell=place.dwell, name=place.name)


def _end_name(place: Place) -> str:
    return place.name or f"({place.lat:.4f}, {place.lng:.4f})"


def _hash(route: RoutePlanned) -> str:
    content = msgspec.json.encode((route.name, route.path, route.stops))
    return blake2b(content, digest_size=6).hexdigest()
