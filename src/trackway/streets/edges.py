"""Streets from junction to junction, as the map's build writes them, and their geometry: nearest place, pieces,
cells."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec
from msgspec import Struct

from trackway.domain.geometry import along, distance, project

CELL = 0.004
"""Degrees: side of a cell of the index, some 400 m."""

SPEED_KMH: dict[str, float] = {
    "motorway": 90,
    "motorway_link": 50,
    "trunk": 80,
    "trunk_link": 45,
    "primary": 60,
    "primary_link": 40,
    "secondary": 50,
    "secondary_link": 35,
    "tertiary": 45,
    "tertiary_link": 30,
    "unclassified": 40,
    "residential": 35,
    "living_street": 15,
    "service": 15,
}
"""What is driven where no sign says otherwise, by class of street."""

_OTHER_KMH = 30.0


class Edge(Struct, frozen=True):
    """A street from node to node: its path as (lat, lng) with both ends, ``length`` (m), ``maxspeed`` (km/h).
    ``oneway`` is 1 along the path, -1 against it, 0 both ways."""

    start: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")
    highway: str = msgspec.field(name="class")
    path: tuple[tuple[float, float], ...]
    length: float
    maxspeed: float | None = None
    oneway: int = 0
    name: str | None = None

    @property
    def speed(self) -> float:
        """The free speed (m/s): as signed, else as is usual for its class."""
        return (self.maxspeed or SPEED_KMH.get(self.highway, _OTHER_KMH)) / 3.6

    def is_open(self, *, forward: bool) -> bool:
        """Whether it may be driven along its path, or against it."""
        return self.oneway in (0, 1 if forward else -1)


class Place(Struct, frozen=True):
    """A quarter or town with its name."""

    name: str
    lat: float
    lng: float


class Document(Struct, frozen=True):
    """The street file: nodes as (lat, lng), edges between them, nodes with traffic lights, named places."""

    nodes: list[tuple[float, float]]
    edges: list[Edge]
    signals: list[int] = []
    places: list[Place] = []


class Nearest(NamedTuple):
    """The place on an edge nearest to one asked for: metres along its path, the place, metres from the one asked
    for."""

    along: float
    lat: float
    lng: float
    offset: float


def nearest_on(edge: Edge, lat: float, lng: float) -> Nearest:
    """The place on an edge nearest to (lat, lng)."""
    best = Nearest(0.0, *edge.path[0], float("inf"))
    reached = 0.0
    for (lat1, lng1), (lat2, lng2) in pairwise(edge.path):
        length = distance(lat1, lng1, lat2, lng2)
        share, offset = project(lat, lng, lat1, lng1, lat2, lng2)
        if offset < best.offset:
            best = Nearest(reached + length * share, *along(lat1, lng1, lat2, lng2, share), offset)
        reached += length
    return best


def piece_of(edge: Edge, begin: float | None, end: float | None) -> list[tuple[float, float]]:
    """The path of an edge from ``begin`` to ``end`` metres along it, in driving order, so reversed if end < begin.
    None is the edge's far end."""
    marks = [0.0]
    for (lat1, lng1), (lat2, lng2) in pairwise(edge.path):
        marks.append(marks[-1] + distance(lat1, lng1, lat2, lng2))
    begin = marks[-1] if begin is None else begin
    end = marks[-1] if end is None else end
    low, high = min(begin, end), max(begin, end)
    inside = [place for mark, place in zip(marks, edge.path, strict=True) if low < mark < high]
    points = [_at(edge, marks, low), *inside, _at(edge, marks, high)]
    return points if begin <= end else points[::-1]


def _at(edge: Edge, marks: list[float], metres: float) -> tuple[float, float]:
    index = min(max(bisect_right(marks, metres) - 1, 0), len(marks) - 2)
    length = marks[index + 1] - marks[index]
    share = min(1.0, (metres - marks[index]) / length) if length else 0.0
    return along(*edge.path[index], *edge.path[index + 1], share)


def cell_of(lat: float, lng: float) -> tuple[int, int]:
    """The cell (row, column) of the index that a place lies in."""
    return int(lat // CELL), int(lng // CELL)


def ring_of(centre: tuple[int, int], ring: int) -> Iterator[tuple[int, int]]:
    """The cells ``ring`` steps around a cell; ring 0 is the cell itself."""
    row, column = centre
    for r in range(row - ring, row + ring + 1):
        step = 1 if abs(r - row) == ring else max(1, 2 * ring)
        for c in range(column - ring, column + ring + 1, step):
            yield r, c
