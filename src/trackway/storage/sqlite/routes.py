"""Routes in SQLite: the whole as JSON, with a summary beside it for lists."""

import sqlite3

import msgspec

from trackway.events import RoutePlanned
from trackway.storage.facts import summary_of
from trackway.storage.port import RouteSummary

_route = msgspec.json.Decoder(RoutePlanned)
_summary = msgspec.json.Decoder(RouteSummary)


def add_route(db: sqlite3.Connection, tenant: str, route: RoutePlanned) -> None:
    db.execute(
        "INSERT OR IGNORE INTO route (tenant, route_id, name, summary, data) VALUES (?, ?, ?, ?, ?)",
        (tenant, route.route_id, route.name, msgspec.json.encode(summary_of(route)), msgspec.json.encode(route)),
    )


def route(db: sqlite3.Connection, tenant: str, route_id: str) -> RoutePlanned | None:
    row = db.execute("SELECT data FROM route WHERE tenant = ? AND route_id = ?", (tenant, route_id)).fetchone()
    return None if row is None else _route.decode(row[0])


def routes(db: sqlite3.Connection, tenant: str) -> list[RouteSummary]:
    rows = db.execute("SELECT summary FROM route WHERE tenant = ? ORDER BY name, route_id", (tenant,))
    return [_summary.decode(row[0]) for row in rows]
