"""Asking SQLite for vehicles, with where they are and the trip they are on."""

import sqlite3
from heapq import nsmallest

from trackway.domain.geometry import distance
from trackway.storage.port import Vehicle, VehicleNear
from trackway.storage.sqlite.positions import OPEN, Row, Waiting, newest

_OWN = "FROM trip AS t WHERE t.tenant = v.tenant AND t.vehicle_id = v.vehicle_id"
_NAME = f"SELECT vehicle_name {_OWN} ORDER BY planned_us DESC, trip_id DESC LIMIT 1"
_ON = f"SELECT trip_id {_OWN} AND {OPEN} ORDER BY started_us DESC, trip_id DESC LIMIT 1"
_SHOWN = f"SELECT ({_NAME}), ({_ON}) FROM vehicle AS v WHERE vehicle_key = ?"  # noqa: S608


def vehicles(db: sqlite3.Connection, tenant: str) -> list[Vehicle]:
    """Every vehicle that has a position, by id."""
    return [_vehicle(db, vehicle_key, vehicle_id, row) for vehicle_key, vehicle_id, row in _found(db, tenant)]


def vehicles_near(
    db: sqlite3.Connection, tenant: str, lat: float, lng: float, radius: float, limit: int
) -> list[VehicleNear]:
    """All are looked at, a seek each: an index by place would be paid for with every position."""
    away = ((distance(lat, lng, found[2].lat, found[2].lng), found) for found in _found(db, tenant))
    nearest = nsmallest(limit, (pair for pair in away if pair[0] <= radius), key=lambda pair: pair[0])
    return [VehicleNear(vehicle=_vehicle(db, *found), distance=metres) for metres, found in nearest]


def _found(db: sqlite3.Connection, tenant: str) -> list[tuple[int, str, Row]]:
    """(key, id, newest position) of every vehicle that has one, by id."""
    waiting = Waiting(db)
    keys = db.execute("SELECT vehicle_key, vehicle_id FROM vehicle WHERE tenant = ? ORDER BY vehicle_id", (tenant,))
    newest_of = ((key, vehicle_id, newest(db, waiting, key)) for key, vehicle_id in keys.fetchall())
    return [(key, vehicle_id, row) for key, vehicle_id, row in newest_of if row is not None]


def _vehicle(db: sqlite3.Connection, vehicle_key: int, vehicle_id: str, row: Row) -> Vehicle:
    name, trip_id = db.execute(_SHOWN, (vehicle_key,)).fetchone()
    return Vehicle(vehicle_id=vehicle_id, name=name or vehicle_id, position=row.of(vehicle_id), trip_id=trip_id)
