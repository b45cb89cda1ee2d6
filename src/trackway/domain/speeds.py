"""How fast a route can be driven, vertex by vertex: limits, slower in turns, halts, and a driver who brakes in time."""

from itertools import pairwise
from math import radians, sqrt, tan
from random import Random

from msgspec import Struct

from trackway.domain.geometry import bearing, turn
from trackway.events import RoutePlanned, RoutePoint

LATERAL = 2.5
"""m/s² in turns that passengers and parcels bear."""

_TANGENT = 12.0  # metres before a corner from which a driver cuts it, at most
_GENTLE = 10.0  # degrees of a turn that nobody slows down for
_CORNER = 35.0  # degrees of a turn that is likely a junction
_BETWEEN_WAITS = 150.0  # metres, at least
_WAIT_CHANCE = 0.18


class Node(Struct):
    """A place of the drive where something changes: distance from the start (m), the limit from here on (m/s), the
    speed here (m/s), and how long the vehicle halts (s)."""

    distance: float
    limit: float
    speed: float
    halt: float = 0.0


def halts_of(route: RoutePlanned, seed: int) -> dict[float, float]:
    """Where (m from the start) the vehicle halts, and for how long (s): stops, and by seed some waits at corners.

    The dwell at the last stop comes after the arrival, and does not count. Seed 0 waits nowhere.
    """
    length = route.path[-1].distance
    halts = {stop.distance: stop.dwell for stop in route.stops if stop.dwell and 0 <= stop.distance < length - 1}
    if not seed:
        return halts
    random = Random(f"{route.route_id}:{seed}:waits")  # noqa: S311 - a simulation must be repeatable
    last = 0.0
    for before, point, following in zip(route.path, route.path[1:], route.path[2:], strict=False):
        if point.distance - last < _BETWEEN_WAITS or length - point.distance < _BETWEEN_WAITS:
            continue
        if not _is_junction(before, point, following):
            continue
        last = point.distance
        if random.random() < _WAIT_CHANCE and point.distance not in halts:
            halts[point.distance] = round(random.uniform(3, 20), 1)
    return halts


def _is_junction(before: RoutePoint, point: RoutePoint, following: RoutePoint) -> bool:
    return before.speed_limit != point.speed_limit or _angle(before, point, following) >= _CORNER


def _angle(before: RoutePoint, point: RoutePoint, following: RoutePoint) -> float:
    into = bearing(before.lat, before.lng, point.lat, point.lng)
    return turn(into, bearing(point.lat, point.lng, following.lat, following.lng))


def speed_plan(
    route: RoutePlanned, halts: dict[float, float], seed: int, *, acceleration: float, braking: float
) -> list[Node]:
    """The nodes of a drive, in order, each at the highest speed that limits, turns, halts and the way to brake and to
    accelerate (m/s²) allow. It begins and ends standing. By seed, drivers keep 85 to 100 % of the limits; of seed 0
    all."""
    share = Random(f"{seed}:driver").uniform(0.85, 1.0) if seed else 1.0  # noqa: S311 - a simulation must be repeatable
    nodes = _with_halts(_vertices(route, share), halts)
    nodes[0].speed = nodes[-1].speed = 0.0
    for node, following in zip(reversed(nodes[:-1]), reversed(nodes), strict=False):
        way = following.distance - node.distance
        node.speed = min(node.speed, sqrt(following.speed**2 + 2 * braking * way))
    for node, following in pairwise(nodes):
        way = following.distance - node.distance
        following.speed = min(following.speed, sqrt(node.speed**2 + 2 * acceleration * way))
    return nodes


def _vertices(route: RoutePlanned, share: float) -> list[Node]:
    points = _apart(route.path)
    nodes = [Node(points[0].distance, points[0].speed_limit * share, 0.0)]
    for before, point, following in zip(points, points[1:], points[2:], strict=False):
        limit = point.speed_limit * share
        slowest = min(before.speed_limit * share, limit, _turning_speed(before, point, following))
        nodes.append(Node(point.distance, limit, slowest))
    if len(points) > 1:
        nodes.append(Node(points[-1].distance, points[-1].speed_limit * share, 0.0))
    return nodes


def _apart(path: tuple[RoutePoint, ...]) -> list[RoutePoint]:
    """The path without points that are no farther along than the one before."""
    points = [path[0]]
    for point in path[1:]:
        if point.distance > points[-1].distance + 1e-6:
            points.append(point)
    return points


def _turning_speed(before: RoutePoint, point: RoutePoint, following: RoutePoint) -> float:
    angle = _angle(before, point, following)
    if angle < _GENTLE:
        return float("inf")
    tangent = min(point.distance - before.distance, following.distance - point.distance, 2 * _TANGENT) / 2
    # Radius of the circle that touches both segments at ``tangent`` metres from the corner; v²/r is the lateral pull.
    radius = tangent / tan(radians(min(angle, 170.0) / 2))
    return max(1.5, sqrt(LATERAL * radius))


def _with_halts(vertices: list[Node], halts: dict[float, float]) -> list[Node]:
    nodes: list[Node] = []
    waiting = sorted(halts.items())
    for node, following in zip(vertices, [*vertices[1:], None], strict=True):
        nodes.append(node)
        until = following.distance if following else float("inf")
        while waiting and waiting[0][0] < until - 1e-6:
            distance, seconds = waiting.pop(0)
            if distance > node.distance + 1e-6:
                nodes.append(Node(distance, node.limit, 0.0, seconds))
            else:
                node.speed, node.halt = 0.0, node.halt + seconds
    return nodes
