"""A route's path as a line that positions are matched to: forward from where the vehicle was, so that loops do not
jump."""

from bisect import bisect_right
from collections import OrderedDict
from itertools import pairwise
from math import cos, inf, radians, sqrt
from typing import NamedTuple

from trackway.domain.geometry import METRES_PER_DEGREE
from trackway.events import RoutePlanned

ON_ROUTE = 60.0
"""Metres from the line within which a position counts as on it: GPS in streets, and the width of an avenue."""

BACK = 30.0
"""Metres that a standing vehicle's positions may jitter backwards."""

_SURPRISE = 0.02  # metres of offset that one metre of way off the expected place weighs
_MOST_SURPRISE = 3000.0
_RETURN = 0.05  # metres of offset that one metre of way back weighs: vehicles turn round less often than streets do
_KEPT_LINES = 512


class Match(NamedTuple):
    """Where on the line a position is: metres from the start, and how far from the line (m)."""

    distance: float
    offset: float


class _Segment(NamedTuple):
    lat: float
    lng: float
    east: float
    north: float
    per_lng: float
    distance: float
    length: float
    inverse_square: float


class Line:
    """A route's path, prepared for matching. ``length`` is metres."""

    def __init__(self, route: RoutePlanned) -> None:
        self._segments = _segments(route)
        self._starts = [segment.distance for segment in self._segments]
        self.length = route.path[-1].distance

    @classmethod
    def of(cls, route: RoutePlanned) -> "Line":
        """The line of ``route``; the newest some hundred are kept."""
        kept = _kept.get(route.route_id)
        if kept is not None and (kept[0] is route or kept[0] == route):
            _kept.move_to_end(route.route_id)
            return kept[1]
        line = cls(route)
        _kept[route.route_id] = (route, line)
        if len(_kept) > _KEPT_LINES:
            _kept.popitem(last=False)
        return line

    def match(self, lat: float, lng: float, *, driven: float, expected: float, reach: float) -> Match:
        """Where the position is on the line, for a vehicle last seen at ``driven`` that is likely at ``expected`` now
        and can have come ``reach`` metres farther at most. Where the line passes a place twice, the passage nearer to
        what is expected counts. Only if nothing within reach is on the route, all of it is searched."""
        ahead = self._nearest(lat, lng, max(0.0, driven - BACK), driven + reach, driven, expected)
        if ahead.offset <= ON_ROUTE:
            return ahead
        return self._nearest(lat, lng, 0.0, inf, driven, expected)

    def _nearest(self, lat: float, lng: float, start: float, end: float, driven: float, expected: float) -> Match:
        index = max(0, bisect_right(self._starts, start) - 1)
        best, best_cost = Match(start, inf), inf
        for at in range(index, len(self._segments)):
            segment = self._segments[at]
            if segment.distance > end:
                break
            # Not to be beaten any more: all that is left lies so far ahead that even a closer match would cost more.
            if best_cost < min(ON_ROUTE, _SURPRISE * (segment.distance - expected)):
                break
            x, y = (lng - segment.lng) * segment.per_lng, (lat - segment.lat) * METRES_PER_DEGREE
            share = (x * segment.east + y * segment.north) * segment.inverse_square
            first = (start - segment.distance) / segment.length if segment.distance < start and segment.length else 0.0
            share = first if share < first else min(share, 1.0)
            distance = segment.distance + segment.length * share
            dx, dy = x - segment.east * share, y - segment.north * share
            offset = sqrt(dx * dx + dy * dy)
            cost = offset + _SURPRISE * min(abs(distance - expected), _MOST_SURPRISE)
            if distance < driven:
                cost += _RETURN * min(driven - distance, _MOST_SURPRISE)
            if cost < best_cost:
                best, best_cost = Match(distance, offset), cost
        return best


_kept: OrderedDict[str, tuple[RoutePlanned, Line]] = OrderedDict()


def _segments(route: RoutePlanned) -> list[_Segment]:
    segments: list[_Segment] = []
    for a, b in pairwise(route.path):
        if b.distance <= a.distance and segments:
            continue
        per_lng = METRES_PER_DEGREE * cos(radians((a.lat + b.lat) / 2))
        east, north = (b.lng - a.lng) * per_lng, (b.lat - a.lat) * METRES_PER_DEGREE
        squared = east * east + north * north
        inverse = 1 / squared if squared else 0.0
        segments.append(
            _Segment(a.lat, a.lng, east, north, per_lng, a.distance, max(0.0, b.distance - a.distance), inverse)
        )
    return segments
