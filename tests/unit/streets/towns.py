"""A small town to find ways in, as the map's build writes one."""

from typing import Any

import msgspec

from tests.unit.domain.roads import place
from trackway.streets.edges import Document
from trackway.streets.graph import Streets

# (name, class, oneway, maxspeed, corners in metres east and north). A block of 400 m by 300 m:
#
#   3 ──Norte──▶ 2      Norte is one way to the east. The lane through the middle is short, but slow.
#   │            │      The blind alley Calle Sin Salida hangs on the corner 1.
#  Oeste  Lane  Este
#   │    (4─5)   │
#   0 ───Sur──── 1
NODES = [(0, 0), (400, 0), (400, 300), (0, 300), (200, 0), (200, 300), (700, 0)]
STREETS: list[tuple[int, int, dict[str, Any]]] = [
    (0, 4, {"name": "Sur", "class": "secondary"}),
    (4, 1, {"name": "Sur", "class": "secondary"}),
    (1, 2, {"name": "Este", "class": "residential", "maxspeed": 40}),
    (3, 5, {"name": "Norte", "class": "primary", "oneway": 1}),
    (5, 2, {"name": "Norte", "class": "primary", "oneway": 1}),
    (3, 0, {"name": "Oeste", "class": "residential"}),
    (4, 5, {"class": "living_street", "maxspeed": 5}),
    (1, 6, {"name": "Calle Sin Salida", "class": "service"}),
]


def town(*more: tuple[int, int, dict[str, Any]]) -> bytes:
    """The street file of the town, with more streets if wished."""
    edges: list[dict[str, Any]] = []
    for start, end, facts in (*STREETS, *more):
        path = [place(*NODES[start]), *facts.get("via", []), place(*NODES[end])]
        length = sum(abs(a - b) for a, b in zip(NODES[start], NODES[end], strict=True))
        edges.append({"from": start, "to": end, "path": path, "length": float(length), **facts})
    lat, lng = place(200, 150)
    return msgspec.json.encode(
        {
            "nodes": [place(*node) for node in NODES],
            "edges": edges,
            "signals": [2],
            "places": [{"name": "Centro", "lat": lat, "lng": lng}],
        }
    )


def streets() -> Streets:
    return Streets(msgspec.json.decode(town(), type=Document))
