"""Positions on their way into their table: appended in the order in which they come, and merged many at once.

A batch over many vehicles would dirty a page of the position table for each of its rows, and a page costs more than a
row. In a table of the order of arrival a batch is a few pages; merged thousands at a time, the rows of a vehicle share
theirs. A merge is one transaction, so that a position is always in one of the two, and who reads looks into both.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from trackway.storage.identity import event_hash
from trackway.storage.moments import micros
from trackway.storage.port import StoredPosition
from trackway.storage.sqlite.keys import Keys

COLUMNS: Final = (
    "vehicle_key, recorded_us, event_hash, lat, lng, received_us, heading, speed, accuracy, altitude, trip_key, seq"
)
MERGED_AT_ONCE: Final = 8000
"""Rows: some 20 ms during which nobody else writes."""

MOST_NEWEST: Final = 100_000
_APPEND: Final = f"INSERT INTO position_staged VALUES (?{', ?' * 12})"  # noqa: S608 - marks only
_NEVER: Final = -(2**63)

Identity = tuple[int, int, int]  # vehicle_key, recorded_us, event_hash: what makes two rows the same position


class Appender:
    """Appends positions, each once. Lives in the store's thread.

    A position that is newer than all that its vehicle has is new without a look into the tables. What the newest are is
    remembered as long as nobody else appends; who else did is seen by the numbers of the staged rows, which are given
    out by a counter and never used twice.
    """

    def __init__(self) -> None:
        self.keys = Keys()
        self._newest: dict[int, int] = {}
        self._staged: set[Identity] | None = None
        """What is staged, if there was a need to know."""
        self._next = 0  # the number that the next row gets if nobody else appends
        self._merged = 0  # rows before this number were merged when we looked last

    def forget(self) -> None:
        """A transaction was rolled back: what was remembered of it did not happen."""
        self.keys.forget()
        self._newest.clear()
        self._staged = None
        self._next = 0

    def append(self, db: sqlite3.Connection, tenant: str, positions: Sequence[StoredPosition]) -> tuple[int, int]:
        """(how many were new, how many rows wait to be merged)."""
        if len(self._newest) > MOST_NEWEST:
            self.forget()
        end, merged = db.execute(
            "UPDATE position_rows SET next = next + ? RETURNING next, merged", (len(positions),)
        ).fetchone()
        begin = end - len(positions)
        self._catch_up(db, begin, merged)
        rows = self._new_rows(db, tenant, positions, begin)
        db.executemany(_APPEND, rows)
        self._next = end
        return len(rows), end - merged

    def merge(self, db: sqlite3.Connection) -> int:
        """Bring the oldest staged rows, MERGED_AT_ONCE at most, to their places; gives how many are left."""
        end, merged = db.execute("SELECT next, merged FROM position_rows").fetchone()
        until = min(end, merged + MERGED_AT_ONCE)
        if until > merged:
            db.execute(
                f"INSERT OR IGNORE INTO position SELECT {COLUMNS} FROM position_staged WHERE staged < ?"  # noqa: S608
                " ORDER BY vehicle_key, recorded_us, event_hash",
                (until,),
            )
            db.execute("DELETE FROM position_staged WHERE staged < ?", (until,))
            db.execute("UPDATE position_rows SET merged = ?", (until,))
        return end - until

    def _catch_up(self, db: sqlite3.Connection, begin: int, merged: int) -> None:
        """Learn what others did since we looked last."""
        if merged != self._merged:
            self._merged, self._staged = merged, None
        if begin == self._next:
            return
        self._staged = None
        since = self._next
        if since < merged:  # rows that we never saw may have gone where nobody finds them by their number
            self._newest.clear()
            since = merged
        for vehicle, newest in db.execute(
            "SELECT vehicle_key, max(recorded_us) FROM position_staged WHERE staged >= ? GROUP BY vehicle_key", (since,)
        ).fetchall():
            self._newest[vehicle] = max(newest, self._newest_of(db, vehicle))

    def _new_rows(
        self, db: sqlite3.Connection, tenant: str, positions: Iterable[StoredPosition], begin: int
    ) -> list[tuple[Any, ...]]:
        """The rows of those that are not there yet; what is left out leaves a gap in the numbers."""
        vehicles, newest = self.keys.vehicles(tenant), self._newest
        rows: list[tuple[Any, ...]] = []
        late: list[tuple[Any, ...]] = []
        for number, stored in enumerate(positions, begin):
            each = stored.position
            vehicle = vehicles.get(each.vehicle_id) or self.keys.vehicle(db, tenant, each.vehicle_id)
            recorded = micros(each.recorded_at)
            row = (
                number,
                vehicle,
                recorded,
                event_hash(stored),
                each.lat,
                each.lng,
                micros(each.received_at),
                each.heading,
                each.speed,
                each.accuracy,
                each.altitude,
                None if each.trip_id is None else self.keys.trip(db, tenant, each.trip_id),
                each.seq,
            )
            before = newest.get(vehicle)
            if before is None:
                before = self._newest_of(db, vehicle)
            if recorded > before:
                newest[vehicle] = recorded
                rows.append(row)
            else:
                newest[vehicle] = before
                late.append(row)
        if self._staged is not None:
            self._staged.update([row[1:4] for row in rows])
        if late:
            rows += self._new_ones(db, rows, late)
        return rows

    def _new_ones(
        self, db: sqlite3.Connection, rows: list[tuple[Any, ...]], late: list[tuple[Any, ...]]
    ) -> list[tuple[Any, ...]]:
        """Of rows that are not their vehicle's newest, those that are not there yet."""
        staged = self._staged
        if staged is None:
            staged = self._staged = set(db.execute("SELECT vehicle_key, recorded_us, event_hash FROM position_staged"))
            staged.update([row[1:4] for row in rows])
        new: list[tuple[Any, ...]] = []
        for row in late:
            identity = row[1:4]
            if identity not in staged and not _is_stored(db, identity):
                staged.add(identity)
                new.append(row)
        return new

    def _newest_of(self, db: sqlite3.Connection, vehicle: int) -> int:
        """The newest of a vehicle; unless it is known, of those that were merged: what is staged was learnt before."""
        known = self._newest.get(vehicle)
        if known is not None:
            return known
        (merged,) = db.execute("SELECT max(recorded_us) FROM position WHERE vehicle_key = ?", (vehicle,)).fetchone()
        return _NEVER if merged is None else merged


def _is_stored(db: sqlite3.Connection, identity: Identity) -> bool:
    found = db.execute(
        "SELECT 1 FROM position WHERE vehicle_key = ? AND recorded_us = ? AND event_hash = ?", identity
    ).fetchone()
    return found is not None
