"""Trips in SQLite: planned, moved along their life by facts, and asked for with what is known of them now."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from trackway.domain.lifecycle import TripStatus
from trackway.domain.motion import shard_of
from trackway.domain.trip import Trip, TripEnd, after, end_of, first_end, given_up, trip_of, with_end
from trackway.events import Event, PositionRecorded, TripCancelled, TripFinished, TripProgressed, TripStarted
from trackway.storage.facts import TripFact
from trackway.storage.moments import micros, moment, moment_or_none
from trackway.storage.port import Conflict, TripCounts, TripHistory, TripView
from trackway.storage.sqlite.positions import OPEN, forget_positions, last_positions, positions

_COLUMNS = (
    "trip_id, vehicle_id, vehicle_name, route_id, status, simulated, speed, seed,"
    " planned_us, promised_us, started_us, ended_us, reason"
)
ALL = 2**62
_progress = msgspec.json.Decoder(TripProgressed)
_event = msgspec.msgpack.Decoder(Event)


def plan_trip(db: sqlite3.Connection, tenant: str, trip: Trip, idempotency_key: str | None) -> Trip:
    known = _trip_of_key(db, tenant, idempotency_key) or find_trip(db, tenant, trip.trip_id)
    if known is not None:
        return known
    _free_vehicle(db, tenant, trip)
    kept = _opened(db, tenant, trip)
    if idempotency_key is not None:
        db.execute("INSERT INTO idempotency VALUES (?, ?, ?)", (tenant, idempotency_key, trip.trip_id))
    return kept


def _free_vehicle(db: sqlite3.Connection, tenant: str, successor: Trip) -> None:
    """Give up what was planned for the trip's vehicle and never started. Raises Conflict when it is busy."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM trip WHERE tenant = ? AND vehicle_id = ? AND {OPEN}",  # noqa: S608
        (tenant, successor.vehicle_id),
    ).fetchall()
    for trip in map(_of_row, rows):
        over = given_up(trip, successor)
        if over is None:
            raise Conflict(f"vehicle {trip.vehicle_id} is on trip {trip.trip_id} already")
        _save(db, tenant, over)


def apply_facts(db: sqlite3.Connection, tenant: str, facts: Sequence[TripFact]) -> None:
    for each in facts:
        fact = each.fact
        if isinstance(fact, TripProgressed):
            _keep_progress(db, tenant, fact)
            continue
        if isinstance(fact, TripStarted | TripFinished | TripCancelled):
            _move(db, tenant, fact)
        db.execute(
            "INSERT OR IGNORE INTO trip_event VALUES (?, ?, ?, ?, ?, ?)",
            (tenant, each.trip_id, micros(each.moment), *each.event.key, msgspec.msgpack.encode(each.event)),
        )


def trip_view(db: sqlite3.Connection, tenant: str, trip_id: str) -> TripView | None:
    views = _views(db, tenant, "trip_id = ?", (trip_id,), "planned_us", 1)
    return views[0] if views else None


def trips(
    db: sqlite3.Connection,
    tenant: str,
    status: TripStatus | None,
    vehicle_id: str | None,
    limit: int,
    before: tuple[datetime, str] | None,
) -> list[TripView]:
    conditions: list[str] = ["1"]
    values: list[Any] = []
    if status is not None:
        conditions.append("status = ?")
        values.append(status.value)
    if vehicle_id is not None:
        conditions.append("vehicle_id = ?")
        values.append(vehicle_id)
    if before is not None:
        conditions.append("(planned_us, trip_id) < (?, ?)")
        values.extend((micros(before[0]), before[1]))
    return _views(db, tenant, " AND ".join(conditions), values, "planned_us DESC, trip_id DESC", limit)


def open_trips(db: sqlite3.Connection, tenant: str, vehicle_ids: Sequence[str] | None) -> list[TripView]:
    if vehicle_ids is None:
        return _views(db, tenant, OPEN, (), "started_us, trip_id", -1)
    rows: list[_Found] = []
    for vehicle_id in dict.fromkeys(vehicle_ids):
        rows += _found(db, tenant, f"vehicle_id = ? AND {OPEN}", (vehicle_id,), "started_us, trip_id", -1)
    return _with_positions(db, tenant, rows)


def trips_ended_since(db: sqlite3.Connection, tenant: str, since: datetime, limit: int) -> list[TripView]:
    return _views(db, tenant, "ended_us >= ?", (micros(since),), "ended_us DESC, trip_id DESC", limit)


def trips_ended_between(db: sqlite3.Connection, tenant: str, begin: datetime, end: datetime) -> list[Trip]:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM trip WHERE tenant = ? AND ended_us >= ? AND ended_us < ?"  # noqa: S608
        " ORDER BY ended_us, trip_id",
        (tenant, micros(begin), micros(end)),
    )
    return [_of_row(row) for row in rows]


def earliest_end(db: sqlite3.Connection, tenant: str) -> datetime | None:
    row = db.execute("SELECT min(ended_us) FROM trip WHERE tenant = ? AND ended_us IS NOT NULL", (tenant,)).fetchone()
    return moment_or_none(row[0])


def trips_of_time(db: sqlite3.Connection, tenant: str, vehicle_id: str, begin: datetime, end: datetime) -> list[Trip]:
    """Those of a vehicle that had begun by ``end`` and were not over at ``begin``."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM trip WHERE tenant = ? AND vehicle_id = ? AND started_us <= ?"  # noqa: S608
        " AND (ended_us IS NULL OR ended_us >= ?)",
        (tenant, vehicle_id, micros(end), micros(begin)),
    )
    return [_of_row(row) for row in rows]


def forget_trip(db: sqlite3.Connection, tenant: str, history: TripHistory) -> bool:
    """With the positions that lie in their table: those that wait were merged before."""
    trip_id = history.trip.trip_id
    trip = find_trip(db, tenant, trip_id)
    if trip is None:
        return True
    if trip.is_open or not history.has_all_of(_history(db, tenant, trip)):
        return False
    forget_positions(db, tenant, trip)
    for table in ("trip_event", "trip_progress", "idempotency", "trip"):
        db.execute(f"DELETE FROM {table} WHERE tenant = ? AND trip_id = ?", (tenant, trip_id))  # noqa: S608
    return True


def _history(db: sqlite3.Connection, tenant: str, trip: Trip) -> TripHistory:
    progress, events = find_progress(db, tenant, trip.trip_id), trip_events(db, tenant, trip.trip_id, ALL)
    return TripHistory(trip, progress, events, positions(db, tenant, trip, None, ALL))


def trip_counts(db: sqlite3.Connection, tenant: str, ended_since: datetime) -> TripCounts:
    counts = dict.fromkeys(TripStatus, 0)
    rows = db.execute(
        f"SELECT status, count(*) FROM trip WHERE tenant = ? AND {OPEN} GROUP BY status"  # noqa: S608
        " UNION ALL SELECT status, count(*) FROM trip WHERE tenant = ? AND ended_us >= ? GROUP BY status",
        (tenant, tenant, micros(ended_since)),
    )
    counts.update({TripStatus(status): count for status, count in rows})
    return TripCounts(
        planned=counts[TripStatus.PLANNED],
        underway=counts[TripStatus.UNDERWAY],
        finished=counts[TripStatus.FINISHED],
        cancelled=counts[TripStatus.CANCELLED],
    )


def trip_events(db: sqlite3.Connection, tenant: str, trip_id: str, limit: int) -> list[Event]:
    rows = db.execute(
        "SELECT event FROM trip_event WHERE tenant = ? AND trip_id = ? ORDER BY time_us DESC, rowid DESC LIMIT ?",
        (tenant, trip_id, limit),
    )
    return [_event.decode(row[0]) for row in rows]


def trip_positions(
    db: sqlite3.Connection, tenant: str, trip_id: str, since: datetime | None, limit: int
) -> list[PositionRecorded]:
    trip = find_trip(db, tenant, trip_id)
    return [] if trip is None else positions(db, tenant, trip, since, limit)


def simulated_trips(db: sqlite3.Connection, tenant: str, shard: int) -> list[Trip]:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM trip WHERE tenant = ? AND shard = ? AND simulated"  # noqa: S608
        f" AND {OPEN} ORDER BY started_us, trip_id",
        (tenant, shard),
    )
    return [_of_row(row) for row in rows]


def _move(db: sqlite3.Connection, tenant: str, fact: TripStarted | TripFinished | TripCancelled) -> None:
    trip = find_trip(db, tenant, fact.trip_id)
    if trip is not None:
        moved = after(trip, fact)
        if moved is not trip:
            _save(db, tenant, moved)
    elif isinstance(fact, TripStarted):
        _opened(db, tenant, trip_of(fact))
    else:
        _remember_end(db, tenant, end_of(fact))


def _opened(db: sqlite3.Connection, tenant: str, trip: Trip) -> Trip:
    """Keep a trip that is new here, over already if its end is known."""
    row = db.execute(
        "DELETE FROM trip_end WHERE tenant = ? AND trip_id = ? RETURNING status, ended_us, reason",
        (tenant, trip.trip_id),
    ).fetchone()
    kept = trip if row is None else with_end(trip, _end(trip.trip_id, row))
    _save(db, tenant, kept)
    return kept


def _remember_end(db: sqlite3.Connection, tenant: str, end: TripEnd) -> None:
    known = find_end(db, tenant, end.trip_id)
    first = end if known is None else first_end(known, end)
    db.execute(
        "INSERT OR REPLACE INTO trip_end VALUES (?, ?, ?, ?, ?)",
        (tenant, end.trip_id, first.status.value, micros(first.ended_at), first.reason),
    )


def _end(trip_id: str, row: tuple[Any, ...]) -> TripEnd:
    status, ended_us, reason = row
    return TripEnd(trip_id=trip_id, status=TripStatus(status), ended_at=moment(ended_us), reason=reason)


def _keep_progress(db: sqlite3.Connection, tenant: str, progress: TripProgressed) -> None:
    db.execute(
        "INSERT INTO trip_progress VALUES (?, ?, ?, ?) ON CONFLICT (tenant, trip_id) DO UPDATE"
        " SET recorded_us = excluded.recorded_us, data = excluded.data WHERE excluded.recorded_us > recorded_us",
        (tenant, progress.trip_id, micros(progress.recorded_at), msgspec.json.encode(progress)),
    )


def find_end(db: sqlite3.Connection, tenant: str, trip_id: str) -> TripEnd | None:
    """An end that came before its trip."""
    row = db.execute(
        "SELECT status, ended_us, reason FROM trip_end WHERE tenant = ? AND trip_id = ?", (tenant, trip_id)
    ).fetchone()
    return None if row is None else _end(trip_id, row)


def find_progress(db: sqlite3.Connection, tenant: str, trip_id: str) -> TripProgressed | None:
    """The newest of a trip, known or not."""
    row = db.execute("SELECT data FROM trip_progress WHERE tenant = ? AND trip_id = ?", (tenant, trip_id)).fetchone()
    return None if row is None else _progress.decode(row[0])


def find_trip(db: sqlite3.Connection, tenant: str, trip_id: str) -> Trip | None:
    """The trip itself."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM trip WHERE tenant = ? AND trip_id = ?",  # noqa: S608
        (tenant, trip_id),
    ).fetchone()
    return None if row is None else _of_row(row)


def _trip_of_key(db: sqlite3.Connection, tenant: str, idempotency_key: str | None) -> Trip | None:
    row = db.execute(
        "SELECT trip_id FROM idempotency WHERE tenant = ? AND idempotency_key = ?", (tenant, idempotency_key)
    ).fetchone()
    return None if row is None else find_trip(db, tenant, row[0])


def _save(db: sqlite3.Connection, tenant: str, trip: Trip) -> None:
    values = (
        tenant,
        trip.trip_id,
        trip.vehicle_id,
        trip.vehicle_name,
        trip.route_id,
        trip.status.value,
        trip.simulated,
        trip.speed,
        trip.seed,
        micros(trip.planned_at),
        micros(trip.promised_at),
        micros(trip.started_at),
        micros(trip.ended_at),
        trip.reason,
        shard_of(trip.vehicle_id),
    )
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT OR REPLACE INTO trip (tenant, {_COLUMNS}, shard) VALUES ({marks})", values)  # noqa: S608


def _of_row(row: Iterable[Any]) -> Trip:
    trip_id, vehicle_id, vehicle_name, route_id, status, simulated, speed, seed, planned, promised, started, *end = row
    ended, reason = end
    return Trip(
        trip_id=trip_id,
        vehicle_id=vehicle_id,
        vehicle_name=vehicle_name,
        route_id=route_id,
        status=TripStatus(status),
        simulated=bool(simulated),
        speed=speed,
        seed=seed,
        planned_at=moment(planned),
        promised_at=moment(promised),
        started_at=moment(started),
        ended_at=moment_or_none(ended),
        reason=reason,
    )


_Found = tuple[Trip, TripProgressed | None]


def _views(
    db: sqlite3.Connection, tenant: str, condition: str, values: Sequence[Any], order: str, limit: int
) -> list[TripView]:
    return _with_positions(db, tenant, _found(db, tenant, condition, values, order, limit))


def _found(
    db: sqlite3.Connection, tenant: str, condition: str, values: Sequence[Any], order: str, limit: int
) -> list[_Found]:
    rows = db.execute(
        f"SELECT {_COLUMNS}, (SELECT data FROM trip_progress AS p WHERE p.tenant = trip.tenant"  # noqa: S608
        f" AND p.trip_id = trip.trip_id) FROM trip WHERE tenant = ? AND {condition} ORDER BY {order} LIMIT ?",
        (tenant, *values, limit),
    )
    return [(_of_row(row[:-1]), None if row[-1] is None else _progress.decode(row[-1])) for row in rows]


def _with_positions(db: sqlite3.Connection, tenant: str, found: Sequence[_Found]) -> list[TripView]:
    last = last_positions(db, tenant, [trip for trip, _ in found])
    return [
        TripView(trip=trip, progress=progress, position=position)
        for (trip, progress), position in zip(found, last, strict=True)
    ]
