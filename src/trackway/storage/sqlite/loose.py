"""Positions in SQLite that belong to no trip; those that wait beside the table were merged before."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from trackway.domain.trip import GRACE
from trackway.events import PositionRecorded
from trackway.storage.loose import span_of, those_of, without_those_of
from trackway.storage.moments import micros, moment
from trackway.storage.sqlite.keys import find_key
from trackway.storage.sqlite.positions import MEASURES, Row
from trackway.storage.sqlite.trips import trips_of_time

Key = tuple[int, int, int]


def earliest_position(db: sqlite3.Connection, tenant: str) -> datetime | None:
    first = "SELECT min(recorded_us) FROM position AS p WHERE p.vehicle_key = v.vehicle_key"
    (earliest,) = db.execute(f"SELECT min(({first})) FROM vehicle AS v WHERE tenant = ?", (tenant,)).fetchone()  # noqa: S608
    return None if earliest is None else moment(earliest)


def reported_between(db: sqlite3.Connection, tenant: str, begin: datetime, end: datetime) -> list[str]:
    rows = db.execute(
        "SELECT vehicle_id FROM vehicle AS v WHERE tenant = ? AND EXISTS (SELECT 1 FROM position AS p"
        " WHERE p.vehicle_key = v.vehicle_key AND recorded_us >= ? AND recorded_us < ?) ORDER BY vehicle_id",
        (tenant, micros(begin), micros(end)),
    )
    return [vehicle_id for (vehicle_id,) in rows]


def loose_positions(
    db: sqlite3.Connection, tenant: str, vehicle_id: str, begin: datetime, end: datetime
) -> list[PositionRecorded]:
    return [position for _, position in _loose(db, tenant, vehicle_id, begin, end)]


def forget_loose_positions(db: sqlite3.Connection, tenant: str, positions: Sequence[PositionRecorded]) -> int:
    forgotten = those_of(positions, _loose(db, tenant, *span_of(positions)))
    db.executemany("DELETE FROM position WHERE vehicle_key = ? AND recorded_us = ? AND event_hash = ?", forgotten)
    return len(forgotten)


def _loose(
    db: sqlite3.Connection, tenant: str, vehicle_id: str, begin: datetime, end: datetime
) -> list[tuple[Key, PositionRecorded]]:
    vehicle_key = find_key(db, "vehicle", tenant, vehicle_id)
    if vehicle_key is None:
        return []
    found = db.execute(
        f"SELECT {MEASURES}, trip_id, seq FROM position LEFT JOIN trip_name USING (trip_key)"  # noqa: S608
        " WHERE vehicle_key = ? AND recorded_us >= ? AND recorded_us < ? ORDER BY recorded_us, event_hash",
        (vehicle_key, micros(begin), micros(end)),
    )
    rows = (Row(*row) for row in found.fetchall())
    trips = trips_of_time(db, tenant, vehicle_id, begin - GRACE, end + GRACE)
    kept = (((vehicle_key, row.recorded_us, row.event_hash), row.of(vehicle_id)) for row in rows)
    return without_those_of(trips, kept)
