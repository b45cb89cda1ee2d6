"""The street network as a graph: the street nearest to a place, and the fastest way between places."""

import gc
from collections import defaultdict
from collections.abc import Iterable
from math import cos, inf, radians
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import msgspec

from trackway.domain.geometry import METRES_PER_DEGREE, distance
from trackway.streets.edges import CELL, Document, Edge, cell_of, nearest_on, piece_of, ring_of

FARTHEST = 1000.0
"""Metres from a place to a street, at most."""

_NAMED_WITHIN = 400.0  # metres from a place to the street that it is named after
_QUARTER_WITHIN = 2000.0  # and to the middle of the quarter
_REACH = 300.0  # metres: an edge this long or shorter is found by where it begins
_JUNCTION = 2.0  # seconds that a junction costs, so that a way with fewer turns is preferred
_SIGNAL = 8.0  # and one with traffic lights


class OffTheMap(ValueError):
    """A place that is farther than 1 km from every street of the map."""


class NoWay(ValueError):
    """No way leads over the streets from one place to another."""


class MapMissing(RuntimeError):
    """The street data cannot be read; says which file, and what makes it."""


class Snap(NamedTuple):
    """The place on a street nearest to one asked for: number of the edge, metres along its path, the place there, and
    metres from the one asked for."""

    edge: int
    along: float
    lat: float
    lng: float
    offset: float


class WayPoint(NamedTuple):
    """A vertex of a way, and the free speed (m/s) of the street from it to the next."""

    lat: float
    lng: float
    speed: float


class _Approach(NamedTuple):
    """A junction next to a place on an edge: its node, seconds to drive between, and the places driven through."""

    node: int
    seconds: float
    points: list[WayPoint]


class _Graph(Protocol):
    """What is used of igraph's Graph, which carries no types."""

    def distances(self, source: list[int], target: list[int], weights: str) -> list[list[float]]: ...

    def get_shortest_path(self, v: int, to: int, weights: str, output: str) -> list[int]: ...


class Streets:
    """A street network that can be asked for streets, names and ways. Immutable."""

    def __init__(self, document: Document) -> None:
        self._edges = document.edges
        self._places = document.places
        # An edge lies in the cell of its first vertex. The few that reach far from there are looked at every time.
        self._cells: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._long: list[int] = []
        for number, edge in enumerate(self._edges):
            lat, lng = edge.path[0]
            (self._long if edge.length > _REACH else self._cells[int(lat // CELL), int(lng // CELL)]).append(number)
        self._arcs: list[tuple[Edge, bool]] = []
        self._graph = self._build(len(document.nodes), frozenset(document.signals))

    @classmethod
    def load(cls, path: Path | str) -> "Streets":
        """Read the street file that the map's build writes (``build/map/streets.json``). Raises MapMissing. A city
        takes about half a second and 60 MB: load it once, when it is first needed, and keep it."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise MapMissing(f"no street data at {path} ({error.strerror}); `make run` makes them") from error
        # Nothing of the hundred thousands of objects made here is garbage; looking for some is a third of the time.
        collects = gc.isenabled()
        gc.disable()
        try:
            return cls(msgspec.json.decode(content, type=Document))
        except (msgspec.DecodeError, IndexError) as error:
            raise MapMissing(f"the street data at {path} cannot be read: {error}") from error
        finally:
            gc.freeze()
            if collects:
                gc.enable()

    def snap(self, lat: float, lng: float) -> Snap:
        """The place on a street nearest to (lat, lng). Raises OffTheMap when none is within 1 km."""
        best = self._nearest(lat, lng, FARTHEST, named=False)
        if best is None:
            raise OffTheMap(f"({lat:.5f}, {lng:.5f}) is more than {FARTHEST:.0f} m from every street of the map")
        return best

    def name_near(self, lat: float, lng: float) -> str | None:
        """The name of the street nearest to the place, else of the quarter; None when nothing near has a name."""
        street = self._nearest(lat, lng, _NAMED_WITHIN, named=True)
        if street is not None:
            return self._edges[street.edge].name
        quarters = [(distance(lat, lng, place.lat, place.lng), place.name) for place in self._places]
        metres, name = min(quarters, default=(inf, None))
        return name if metres <= _QUARTER_WITHIN else None

    def way(self, start: tuple[float, float], end: tuple[float, float]) -> list[WayPoint]:
        """The fastest way between two places (lat, lng), from the very place on the street nearest to the first to that
        of the second; a single point if these are one. Raises OffTheMap, NoWay."""
        first, last = self.snap(*start), self.snap(*end)
        direct = self._along_one_edge(first, last)
        if direct is not None:
            return direct
        leaving = [self._approach(first, forward, leaving=True) for forward in self._directions(first)]
        reaching = [self._approach(last, forward, leaving=False) for forward in self._directions(last)]
        between = self._seconds({a.node for a in leaving}, {b.node for b in reaching})
        pairs = [(a.seconds + between[a.node, b.node] + b.seconds, a, b) for a in leaving for b in reaching]
        seconds, begin, finish = min(pairs, key=lambda pair: pair[0])
        if seconds == inf:
            raise NoWay(f"no way leads over the streets from {_text(start)} to {_text(end)}")
        middle = (point for arc in self._arcs_between(begin.node, finish.node) for point in _whole(*arc))
        return _without_repeats([*begin.points, *middle, *finish.points])

    def _build(self, nodes: int, signals: frozenset[int]) -> _Graph:
        """A directed graph with an arc for each direction that an edge may be driven in."""
        # Takes a while to load, and who only names this module's errors does not need it. It has no types: see _Graph.
        from igraph import Graph  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

        ends: list[tuple[int, int]] = []
        seconds: list[float] = []
        for edge in self._edges:
            if not (0 <= edge.start < nodes and 0 <= edge.end < nodes):
                raise IndexError("an edge leads to a node that is not there")
            drive = edge.length / edge.speed
            for forward, source, target in ((True, edge.start, edge.end), (False, edge.end, edge.start)):
                if edge.is_open(forward=forward):
                    self._arcs.append((edge, forward))
                    ends.append((source, target))
                    seconds.append(drive + (_SIGNAL if target in signals else _JUNCTION))
        return cast("_Graph", Graph(n=nodes, edges=ends, directed=True, edge_attrs={"seconds": seconds}))

    def _seconds(self, sources: set[int], targets: set[int]) -> dict[tuple[int, int], float]:
        """How long the fastest way takes between each two junctions; infinite where there is none."""
        rows = self._graph.distances(list(sources), list(targets), weights="seconds")
        return {
            (source, target): seconds
            for source, row in zip(sources, rows, strict=True)
            for target, seconds in zip(targets, row, strict=True)
        }

    def _arcs_between(self, source: int, target: int) -> list[tuple[Edge, bool]]:
        if source == target:
            return []
        arcs = self._graph.get_shortest_path(source, target, weights="seconds", output="epath")
        return [self._arcs[arc] for arc in arcs]

    def _nearest(self, lat: float, lng: float, within: float, *, named: bool) -> Snap | None:
        best: Snap | None = None
        side = CELL * METRES_PER_DEGREE * max(0.01, cos(radians(lat)))
        numbers: Iterable[int] = self._long
        for ring in range(int((within + _REACH) / side) + 2):
            best = self._nearer(numbers, lat, lng, best, within, named=named)
            # Whatever begins in this ring or beyond is at least so far away as the rings inside it are wide, less its
            # own reach.
            if best is not None and best.offset <= (ring - 1) * side - _REACH:
                break
            numbers = (n for cell in ring_of(cell_of(lat, lng), ring) for n in self._cells.get(cell, ()))
        return self._nearer(numbers, lat, lng, best, within, named=named)

    def _nearer(
        self, numbers: Iterable[int], lat: float, lng: float, best: Snap | None, within: float, *, named: bool
    ) -> Snap | None:
        """The nearest place on these edges within ``within`` metres, if it is nearer than ``best``, else ``best``."""
        for number in numbers:
            edge = self._edges[number]
            limit = within if best is None else best.offset
            if (named and not edge.name) or distance(lat, lng, *edge.path[0]) - edge.length > limit:
                continue
            near = nearest_on(edge, lat, lng)
            if near.offset <= within and (best is None or near.offset < best.offset):
                best = Snap(number, *near)
        return best

    def _directions(self, snap: Snap) -> list[bool]:
        return [forward for forward in (True, False) if self._edges[snap.edge].is_open(forward=forward)]

    def _along_one_edge(self, first: Snap, last: Snap) -> list[WayPoint] | None:
        edge = self._edges[first.edge]
        if first.edge != last.edge or not edge.is_open(forward=first.along <= last.along):
            return None
        return _without_repeats(_way_points(edge, piece_of(edge, first.along, last.along)))

    def _approach(self, snap: Snap, forward: bool, *, leaving: bool) -> _Approach:
        """From the place to the junction ahead of it (leaving), or to the place from the junction behind it."""
        edge = self._edges[snap.edge]
        to_end = forward is leaving
        far = None if to_end else 0.0
        piece = piece_of(edge, snap.along, far) if leaving else piece_of(edge, far, snap.along)
        metres = max(0.0, edge.length - snap.along) if to_end else snap.along
        return _Approach(edge.end if to_end else edge.start, metres / edge.speed, _way_points(edge, piece))


def _whole(edge: Edge, forward: bool) -> list[WayPoint]:
    return _way_points(edge, edge.path if forward else edge.path[::-1])


def _way_points(edge: Edge, points: Iterable[tuple[float, float]]) -> list[WayPoint]:
    return [WayPoint(lat, lng, edge.speed) for lat, lng in points]


def _without_repeats(points: list[WayPoint]) -> list[WayPoint]:
    """Where two pieces join, the vertex stands twice: the second one knows the speed from there on."""
    kept: list[WayPoint] = []
    for point in points:
        if kept and distance(kept[-1].lat, kept[-1].lng, point.lat, point.lng) < 0.01:
            kept[-1] = point
        else:
            kept.append(point)
    return kept


def _text(place: tuple[float, float]) -> str:
    return f"({place[0]:.5f}, {place[1]:.5f})"
