"""All that a SQLite store holds, page by page in the order of the keys."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from trackway.events import Event, RoutePlanned
from trackway.storage.sqlite import dead_letters, positions, simulation, trips
from trackway.storage.transfer import (
    FactRecord,
    LetterRecord,
    PositionRecord,
    Record,
    RouteRecord,
    ShardRecord,
    TripRecord,
)

Place = list[Any]
Page = tuple[list[Record], Place | None]
_route = msgspec.json.Decoder(RoutePlanned)
_event = msgspec.msgpack.Decoder(Event)


def page(db: sqlite3.Connection, kind: str, after: str | None, limit: int) -> tuple[Sequence[Record], str | None]:
    """As ``Portable.page``; a place is the JSON of the last row's key."""
    records, place = _READERS[kind](db, json.loads(after) if after else None, limit)
    return records, None if place is None else json.dumps(place)


def _routes(db: sqlite3.Connection, after: Place | None, limit: int) -> Page:
    rows = db.execute(
        "SELECT tenant, route_id, data FROM route WHERE (tenant, route_id) > (?, ?) ORDER BY 1, 2 LIMIT ?",
        (*(after or ["", ""]), limit),
    ).fetchall()
    return [RouteRecord(row[0], _route.decode(row[2])) for row in rows], _last(rows, 2)


def _trips(db: sqlite3.Connection, after: Place | None, limit: int) -> Page:
    keys = db.execute(
        "SELECT tenant, trip_id FROM (SELECT tenant, trip_id FROM trip UNION SELECT tenant, trip_id FROM trip_end"
        " UNION SELECT tenant, trip_id FROM trip_progress) WHERE (tenant, trip_id) > (?, ?) ORDER BY 1, 2 LIMIT ?",
        (*(after or ["", ""]), limit),
    ).fetchall()
    return [_trip(db, tenant, trip_id) for tenant, trip_id in keys], _last(keys, 2)


def _trip(db: sqlite3.Connection, tenant: str, trip_id: str) -> TripRecord:
    key = db.execute(
        "SELECT idempotency_key FROM idempotency WHERE tenant = ? AND trip_id = ?", (tenant, trip_id)
    ).fetchone()
    return TripRecord(
        tenant,
        trip_id,
        trips.find_trip(db, tenant, trip_id),
        trips.find_end(db, tenant, trip_id),
        key and key[0],
        trips.find_progress(db, tenant, trip_id),
    )


def _facts(db: sqlite3.Connection, after: Place | None, limit: int) -> Page:
    rows = db.execute(
        "SELECT rowid, tenant, trip_id, time_us, event FROM trip_event WHERE rowid > ? ORDER BY rowid LIMIT ?",
        (*(after or [0]), limit),
    ).fetchall()
    return [FactRecord(row[1], row[2], row[3], _event.decode(row[4])) for row in rows], _last(rows, 1)


def _positions(db: sqlite3.Connection, after: Place | None, limit: int) -> Page:
    rows = db.execute(
        "SELECT p.vehicle_key, recorded_us, event_hash, v.tenant, vehicle_id, lat, lng, received_us, heading, speed,"
        " accuracy, altitude, trip_id, seq FROM (SELECT * FROM position"
        " WHERE (vehicle_key, recorded_us, event_hash) > (?, ?, ?) ORDER BY 1, 2, 3 LIMIT ?) AS p"
        " JOIN vehicle AS v USING (vehicle_key) LEFT JOIN trip_name USING (trip_key) ORDER BY 1, 2, 3",
        (*(after or [-1, 0, 0]), limit),
    ).fetchall()
    return [_position(row) for row in rows], _last(rows, 3)


def _position(row: tuple[Any, ...]) -> PositionRecord:
    _, recorded_us, event_hash, tenant, vehicle_id, *measures = row
    return PositionRecord(tenant, event_hash, positions.Row(recorded_us, event_hash, *measures).of(vehicle_id))


def _shards(db: sqlite3.Connection, after: Place | None, limit: int) -> Page:
    rows = db.execute(
        "SELECT tenant, shard FROM shard WHERE (tenant, shard) > (?, ?) ORDER BY 1, 2 LIMIT ?",
        (*(after or ["", -1]), limit),
    ).fetchall()
    return [ShardRecord(tenant, simulation.shard(db, tenant, number)) for tenant, number in rows], _last(rows, 2)


def _letters(db: sqlite3.Connection, after: Place | None, limit: int) -> Page:
    rows = db.execute(
        "SELECT tenant, letter_id FROM dead_letter WHERE (tenant, letter_id) > (?, ?) ORDER BY 1, 2 LIMIT ?",
        (*(after or ["", ""]), limit),
    ).fetchall()
    found = ((tenant, dead_letters.dead_letter(db, tenant, letter_id)) for tenant, letter_id in rows)
    return [LetterRecord(tenant, letter) for tenant, letter in found if letter is not None], _last(rows, 2)


def _last(rows: Sequence[tuple[Any, ...]], width: int) -> Place | None:
    return list(rows[-1][:width]) if rows else None


_READERS: dict[str, Callable[[sqlite3.Connection, Place | None, int], Page]] = {
    "route": _routes,
    "trip": _trips,
    "fact": _facts,
    "position": _positions,
    "shard": _shards,
    "letter": _letters,
}
