"""The integer keys that stand for names in the rows of positions."""

import sqlite3
from typing import Final

MOST_KNOWN: Final = 100_000
_FIND: Final = {
    "vehicle": "SELECT vehicle_key FROM vehicle WHERE tenant = ? AND vehicle_id = ?",
    "trip": "SELECT trip_key FROM trip_name WHERE tenant = ? AND trip_id = ?",
}
_MAKE: Final = {
    "vehicle": "INSERT INTO vehicle (tenant, vehicle_id) VALUES (?, ?) RETURNING vehicle_key",
    "trip": "INSERT INTO trip_name (tenant, trip_id) VALUES (?, ?) RETURNING trip_key",
}


class Keys:
    """The keys of names already met, so that a batch does not ask for each. Lives in the store's thread."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, int]] = {}
        self._size = 0

    def vehicles(self, tenant: str) -> dict[str, int]:
        """Those of a tenant's vehicles that are known, by id."""
        return self._known.setdefault(("vehicle", tenant), {})

    def vehicle(self, db: sqlite3.Connection, tenant: str, vehicle_id: str) -> int:
        """The key of a vehicle, made if it has none."""
        return self._key(db, "vehicle", tenant, vehicle_id)

    def trip(self, db: sqlite3.Connection, tenant: str, trip_id: str) -> int:
        """The key of a trip that positions name, whether the trip is known or not."""
        return self._key(db, "trip", tenant, trip_id)

    def forget(self) -> None:
        """A transaction was rolled back: keys that it made are gone."""
        for known in self._known.values():
            known.clear()
        self._size = 0

    def _key(self, db: sqlite3.Connection, kind: str, tenant: str, name: str) -> int:
        known = self._known.setdefault((kind, tenant), {})
        key = known.get(name)
        if key is None:
            if self._size >= MOST_KNOWN:
                self.forget()
            key = known[name] = find_key(db, kind, tenant, name) or _make(db, kind, tenant, name)
            self._size += 1
        return key


def find_key(db: sqlite3.Connection, kind: str, tenant: str, name: str) -> int | None:
    """The key of a ``vehicle`` or ``trip``; None if it has none."""
    row = db.execute(_FIND[kind], (tenant, name)).fetchone()
    return None if row is None else row[0]


def _make(db: sqlite3.Connection, kind: str, tenant: str, name: str) -> int:
    return db.execute(_MAKE[kind], (tenant, name)).fetchone()[0]
