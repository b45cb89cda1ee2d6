"""Positions in SQLite: appended in batches, each once, with the newest of every vehicle beside them."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from trackway.domain.trip import GRACE, Trip
from trackway.events import PositionRecorded
from trackway.storage.port import StoredPosition, Vehicle
from trackway.storage.sqlite.rows import micros, moment, moment_or_none

_MEASURES = "recorded_us, lat, lng, received_us, heading, speed, accuracy, altitude"
_MOST_KEYS = 100_000
_FOREVER = 2**63 - 1

OPEN = "status IN ('planned', 'underway')"
"""The condition of a trip that is not over, in SQL."""


class Keys:
    """The integer keys of names already met, so that a batch does not ask for each. Lives in the store's thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], int] = {}

    def vehicle(self, db: sqlite3.Connection, tenant: str, vehicle_id: str) -> int:
        """The key of a vehicle, made if it has none."""
        return self._key(db, "vehicle", tenant, vehicle_id)

    def trip(self, db: sqlite3.Connection, tenant: str, trip_id: str) -> int:
        """The key of a trip that positions name, whether the trip is known or not."""
        return self._key(db, "trip", tenant, trip_id)

    def forget(self) -> None:
        """A transaction was rolled back: keys that it made are gone."""
        self._known.clear()

    def _key(self, db: sqlite3.Connection, kind: str, tenant: str, name: str) -> int:
        word = kind, tenant, name
        key = self._known.get(word)
        if key is None:
            if len(self._known) >= _MOST_KEYS:
                self._known.clear()
            key = self._known[word] = _find(db, kind, tenant, name) or _make(db, kind, tenant, name)
        return key


_FIND = {
    "vehicle": "SELECT vehicle_key FROM vehicle WHERE tenant = ? AND vehicle_id = ?",
    "trip": "SELECT trip_key FROM trip_name WHERE tenant = ? AND trip_id = ?",
}
_MAKE = {
    "vehicle": "INSERT INTO vehicle (tenant, vehicle_id) VALUES (?, ?) RETURNING vehicle_key",
    "trip": "INSERT INTO trip_name (tenant, trip_id) VALUES (?, ?) RETURNING trip_key",
}


def _find(db: sqlite3.Connection, kind: str, tenant: str, name: str) -> int | None:
    row = db.execute(_FIND[kind], (tenant, name)).fetchone()
    return None if row is None else row[0]


def _make(db: sqlite3.Connection, kind: str, tenant: str, name: str) -> int:
    return db.execute(_MAKE[kind], (tenant, name)).fetchone()[0]


def append_positions(db: sqlite3.Connection, keys: Keys, tenant: str, positions: Sequence[StoredPosition]) -> int:
    rows: list[tuple[Any, ...]] = []
    for stored in positions:
        each = stored.position
        rows.append(
            (
                keys.vehicle(db, tenant, each.vehicle_id),
                micros(each.recorded_at),
                _hash(stored),
                each.lat,
                each.lng,
                micros(each.received_at),
                each.heading,
                each.speed,
                each.accuracy,
                each.altitude,
                None if each.trip_id is None else keys.trip(db, tenant, each.trip_id),
                each.seq,
            )
        )
    rows.sort(key=_place)
    return db.executemany("INSERT OR IGNORE INTO position VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows).rowcount


def _place(row: tuple[Any, ...]) -> tuple[int, int]:
    return row[0], row[1]


def _hash(stored: StoredPosition) -> int:
    digest = blake2b(f"{stored.source}\n{stored.event_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def positions(
    db: sqlite3.Connection, tenant: str, trip: Trip, after: datetime | None, limit: int
) -> list[PositionRecorded]:
    return _of_trip(db, tenant, trip, after, "ASC", limit)


def last_position(db: sqlite3.Connection, tenant: str, trip: Trip) -> PositionRecorded | None:
    """Of an open trip where its vehicle is now, of an ended one the last position that belongs to it."""
    if not trip.is_open:
        found = _of_trip(db, tenant, trip, None, "DESC", 1)
        return found[0] if found else None
    vehicle_key = _find(db, "vehicle", tenant, trip.vehicle_id)
    return None if vehicle_key is None else _newest(db, vehicle_key, trip.vehicle_id)


def _newest(db: sqlite3.Connection, vehicle_key: int, vehicle_id: str) -> PositionRecorded | None:
    row = db.execute(
        f"SELECT {_MEASURES}, trip_id, seq, ? FROM position AS p LEFT JOIN trip_name AS t USING (trip_key)"  # noqa: S608
        " WHERE vehicle_key = ? ORDER BY recorded_us DESC, event_hash DESC LIMIT 1",
        (vehicle_id, vehicle_key),
    ).fetchone()
    return None if row is None else _of_row(row)


def _of_trip(
    db: sqlite3.Connection, tenant: str, trip: Trip, after: datetime | None, order: str, limit: int
) -> list[PositionRecorded]:
    vehicle_key = _find(db, "vehicle", tenant, trip.vehicle_id)
    if vehicle_key is None:
        return []
    begin = trip.started_at - GRACE
    if after is not None:
        begin = max(begin, after + timedelta(microseconds=1))
    # Trip.holds, in SQL.
    rows = db.execute(
        f"SELECT {_MEASURES}, CASE WHEN trip_key IS NULL THEN NULL ELSE :trip_id END, seq, :vehicle_id FROM position"  # noqa: S608
        " WHERE vehicle_key = :vehicle_key AND recorded_us BETWEEN :begin AND :end"
        " AND (trip_key = :trip_key OR (trip_key IS NULL AND recorded_us BETWEEN :started AND :ended))"
        f" ORDER BY recorded_us {order}, event_hash LIMIT :limit",
        {
            "trip_id": trip.trip_id,
            "vehicle_id": trip.vehicle_id,
            "vehicle_key": vehicle_key,
            "trip_key": _find(db, "trip", tenant, trip.trip_id),
            "begin": micros(begin),
            "end": _FOREVER if trip.ended_at is None else micros(trip.ended_at + GRACE),
            "started": micros(trip.started_at),
            "ended": _FOREVER if trip.ended_at is None else micros(trip.ended_at),
            "limit": limit,
        },
    )
    return [_of_row(row) for row in rows]


def vehicles(db: sqlite3.Connection, tenant: str) -> list[Vehicle]:
    own = "FROM trip AS t WHERE t.tenant = v.tenant AND t.vehicle_id = v.vehicle_id"
    name = f"SELECT vehicle_name {own} ORDER BY planned_us DESC, trip_id DESC LIMIT 1"
    on = f"SELECT trip_id {own} AND {OPEN} ORDER BY started_us DESC, trip_id DESC LIMIT 1"
    rows = db.execute(
        f"SELECT vehicle_key, vehicle_id, ({name}), ({on}) FROM vehicle AS v WHERE tenant = ? ORDER BY vehicle_id",  # noqa: S608
        (tenant,),
    ).fetchall()
    found = ((row, _newest(db, row[0], row[1])) for row in rows)
    return [
        Vehicle(vehicle_id=vehicle_id, name=name or vehicle_id, position=newest, trip_id=trip_id)
        for (_, vehicle_id, name, trip_id), newest in found
        if newest is not None
    ]


def _of_row(row: Iterable[Any]) -> PositionRecorded:
    recorded, lat, lng, received, heading, speed, accuracy, altitude, trip_id, seq, vehicle_id = row
    return PositionRecorded(
        vehicle_id=vehicle_id,
        lat=lat,
        lng=lng,
        recorded_at=moment(recorded),
        received_at=moment_or_none(received),
        heading=heading,
        speed=speed,
        accuracy=accuracy,
        altitude=altitude,
        trip_id=trip_id,
        seq=seq,
    )
