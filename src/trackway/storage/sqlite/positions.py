"""Reading positions out of SQLite: from the table where they lie by vehicle and time, and from those that wait beside
it."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from trackway.domain.trip import GRACE, Trip
from trackway.events import PositionRecorded
from trackway.storage.moments import micros, moment, moment_or_none
from trackway.storage.sqlite.keys import find_key

_FOREVER = 2**63 - 1
MEASURES: Final = "recorded_us, event_hash, lat, lng, received_us, heading, speed, accuracy, altitude"
"""What both tables have of a position's own."""

_HELD: Final = (
    "vehicle_key = :vehicle_key AND recorded_us BETWEEN :begin AND :end"
    " AND (trip_key = :trip_key OR (trip_key IS NULL AND recorded_us BETWEEN :started AND :ended))"
)
"""``Trip.holds``, in SQL, with what ``_bounds`` gives."""

OPEN = "status IN ('planned', 'underway')"
"""The condition of a trip that is not over, in SQL."""


class Row(NamedTuple):
    """A position as both tables have it."""

    recorded_us: int
    event_hash: int
    lat: float
    lng: float
    received_us: int | None
    heading: float | None
    speed: float | None
    accuracy: float | None
    altitude: float | None
    trip_id: str | None
    seq: int | None

    def of(self, vehicle_id: str) -> PositionRecorded:
        return PositionRecorded(
            vehicle_id=vehicle_id,
            lat=self.lat,
            lng=self.lng,
            recorded_at=moment(self.recorded_us),
            received_at=moment_or_none(self.received_us),
            heading=self.heading,
            speed=self.speed,
            accuracy=self.accuracy,
            altitude=self.altitude,
            trip_id=self.trip_id,
            seq=self.seq,
        )


class Waiting:
    """The positions that are not merged yet, as of this transaction: read when first asked for, and then all of them,
    since they lie in the order in which they came."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._of: dict[int, list[Row]] | None = None

    def of(self, vehicle_key: int) -> list[Row]:
        """Those of a vehicle."""
        if self._of is None:
            self._of = {}
            rows = self._db.execute(
                f"SELECT vehicle_key, {MEASURES}, trip_id, seq FROM position_staged"  # noqa: S608
                " LEFT JOIN trip_name USING (trip_key)"
            )
            for key, *row in rows:
                self._of.setdefault(key, []).append(Row(*row))
        return self._of.get(vehicle_key, [])


def positions(
    db: sqlite3.Connection, tenant: str, trip: Trip, after: datetime | None, limit: int
) -> list[PositionRecorded]:
    """Those that belong to the trip, by time."""
    return _of_trip(db, Waiting(db), tenant, trip, after, "ASC", limit)


def last_positions(db: sqlite3.Connection, tenant: str, trips: Iterable[Trip]) -> list[PositionRecorded | None]:
    """Of each open trip where its vehicle is now, of each ended one the last position that belongs to it."""
    waiting = Waiting(db)
    return [_last(db, waiting, tenant, trip) for trip in trips]


def _last(db: sqlite3.Connection, waiting: Waiting, tenant: str, trip: Trip) -> PositionRecorded | None:
    if not trip.is_open:
        found = _of_trip(db, waiting, tenant, trip, None, "DESC", 1)
        return found[0] if found else None
    vehicle_key = find_key(db, "vehicle", tenant, trip.vehicle_id)
    row = None if vehicle_key is None else newest(db, waiting, vehicle_key)
    return None if row is None else row.of(trip.vehicle_id)


def newest(db: sqlite3.Connection, waiting: Waiting, vehicle_key: int) -> Row | None:
    """A vehicle's newest position."""
    row = db.execute(
        f"SELECT {MEASURES}, trip_id, seq FROM position LEFT JOIN trip_name USING (trip_key)"  # noqa: S608
        " WHERE vehicle_key = ? ORDER BY recorded_us DESC, event_hash DESC LIMIT 1",
        (vehicle_key,),
    ).fetchone()
    rows = waiting.of(vehicle_key) if row is None else [Row(*row), *waiting.of(vehicle_key)]
    return max(rows, key=_place, default=None)


def _of_trip(
    db: sqlite3.Connection,
    waiting: Waiting,
    tenant: str,
    trip: Trip,
    after: datetime | None,
    order: str,
    limit: int,
) -> list[PositionRecorded]:
    vehicle_key = find_key(db, "vehicle", tenant, trip.vehicle_id)
    if vehicle_key is None:
        return []
    begin = trip.started_at - GRACE
    if after is not None:
        begin = max(begin, after + timedelta(microseconds=1))
    merged = db.execute(
        f"SELECT {MEASURES}, CASE WHEN trip_key IS NULL THEN NULL ELSE :trip_id END, seq FROM position"  # noqa: S608
        f" WHERE {_HELD} ORDER BY recorded_us {order}, event_hash {order} LIMIT :limit",
        {**_bounds(db, tenant, trip, vehicle_key, begin), "trip_id": trip.trip_id, "limit": limit},
    )
    rows = [Row(*row) for row in merged]
    since = micros(begin)
    rows += [row for row in waiting.of(vehicle_key) if row.recorded_us >= since and trip.holds(row.of(trip.vehicle_id))]
    rows.sort(key=_place, reverse=order == "DESC")
    return [row.of(trip.vehicle_id) for row in rows[:limit]]


def forget_positions(db: sqlite3.Connection, tenant: str, trip: Trip) -> None:
    """Delete the merged ones that belong to the trip."""
    vehicle_key = find_key(db, "vehicle", tenant, trip.vehicle_id)
    if vehicle_key is not None:
        bounds = _bounds(db, tenant, trip, vehicle_key, trip.started_at - GRACE)
        db.execute(f"DELETE FROM position WHERE {_HELD}", bounds)  # noqa: S608


def _bounds(
    db: sqlite3.Connection, tenant: str, trip: Trip, vehicle_key: int, begin: datetime
) -> dict[str, int | str | None]:
    return {
        "vehicle_key": vehicle_key,
        "trip_key": find_key(db, "trip", tenant, trip.trip_id),
        "begin": micros(begin),
        "end": _FOREVER if trip.ended_at is None else micros(trip.ended_at + GRACE),
        "started": micros(trip.started_at),
        "ended": _FOREVER if trip.ended_at is None else micros(trip.ended_at),
    }


def _place(row: Row) -> tuple[int, int]:
    return row.recorded_us, row.event_hash
