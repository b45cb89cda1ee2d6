"""Distances, bearings and projections on the Earth, in metres and degrees WGS 84; exact enough for a city and a
country."""

from math import asin, atan2, cos, degrees, hypot, radians, sin, sqrt
from typing import NamedTuple

EARTH_RADIUS = 6_371_008.8
"""Mean radius (m), IUGG."""

METRES_PER_DEGREE = radians(1) * EARTH_RADIUS
"""Metres of one degree of latitude; of longitude, times the cosine of the latitude."""


class Projection(NamedTuple):
    """The nearest place on a segment: its share of the way from start to end (0 to 1), and how far off it is (m)."""

    share: float
    offset: float


def distance(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Great-circle distance (m), by the haversine formula."""
    phi1, phi2 = radians(lat1), radians(lat2)
    half = sin((phi2 - phi1) / 2) ** 2 + cos(phi1) * cos(phi2) * sin(radians(lng2 - lng1) / 2) ** 2
    return 2 * EARTH_RADIUS * asin(min(1.0, sqrt(half)))


def bearing(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Initial bearing of the great circle from the first place to the second, degrees clockwise from north, 0 ≤ b <
    360."""
    phi1, phi2, across = radians(lat1), radians(lat2), radians(lng2 - lng1)
    east = sin(across) * cos(phi2)
    north = cos(phi1) * sin(phi2) - sin(phi1) * cos(phi2) * cos(across)
    angle = degrees(atan2(east, north)) % 360
    return 0.0 if angle == 360.0 else angle  # -1e-15 % 360 rounds up to 360.0


def turn(heading: float, other: float) -> float:
    """The angle between two headings (degrees), 0 ≤ angle ≤ 180, either way round."""
    return abs((other - heading + 180) % 360 - 180)


def along(lat1: float, lng1: float, lat2: float, lng2: float, share: float) -> tuple[float, float]:
    """The place ``share`` (0 to 1) of the way from the first place to the second, on a straight line in degrees."""
    return lat1 + (lat2 - lat1) * share, lng1 + (lng2 - lng1) * share


def project(lat: float, lng: float, lat1: float, lng1: float, lat2: float, lng2: float) -> Projection:
    """The place nearest to (lat, lng) on the segment from the first to the second place, on a local equirectangular
    plane."""
    per_lng = METRES_PER_DEGREE * cos(radians((lat1 + lat2) / 2))
    east, north = (lng2 - lng1) * per_lng, (lat2 - lat1) * METRES_PER_DEGREE
    x, y = (lng - lng1) * per_lng, (lat - lat1) * METRES_PER_DEGREE
    squared = east * east + north * north
    share = min(1.0, max(0.0, (x * east + y * north) / squared)) if squared else 0.0
    return Projection(share, hypot(x - east * share, y - north * share))
