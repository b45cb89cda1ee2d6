"""The dead letters' table: what a Trigger's subscriber did not take, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from knative_local.cloudevent import from_json
from knative_local.log.port import DeadLetter, Failure, Record
from knative_local.log.sqlite_file import Database

_COLUMNS = (
    """id, trigger, "offset", destination, reason, code, data, attempts, when_ms, delivered_to_sink, replaying, event"""
)

# An event that fails again (a replay, or a delivery after a crash) keeps its id: it is the same dead letter.
_BURY = """
INSERT INTO dead_letters
    (trigger, "offset", destination, reason, code, data, attempts, when_ms, delivered_to_sink, event)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trigger, "offset") DO UPDATE SET
    destination = excluded.destination, reason = excluded.reason, code = excluded.code, data = excluded.data,
    attempts = excluded.attempts, when_ms = excluded.when_ms, delivered_to_sink = excluded.delivered_to_sink,
    replaying = 0, event = excluded.event
"""
# For a Trigger that begins anew, maybe at another Broker, where the same offset is another event.
LEAVE_OFFSETS = 'UPDATE dead_letters SET "offset" = -id WHERE trigger = ? AND "offset" > 0'
# The column "offset" holds the partition, too, where the log has several.
_PARTITION_SHIFT = 48
_MOST_KEPT = 100_000


class DeadLetterTable:
    """Rows of `dead_letters`, and how many there are by Trigger."""

    def __init__(self, database: Database, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms
        self.counts: dict[str, int] = {}
        self.recount()

    def bury(
        self, trigger: str, record: Record, destination: str, failure: Failure, attempts: int, delivered_to_sink: bool
    ) -> None:
        """Insert, or replace what the same Trigger has for this offset. Raises LogUnavailable."""
        offset = record.partition << _PARTITION_SHIFT | record.offset
        row = (
            trigger, offset, destination, failure.reason, failure.code, failure.data, attempts, self._now_ms(),
            delivered_to_sink, record.event.json,
        )  # fmt: skip
        ((known,),) = self._database.query(
            'SELECT count(*) FROM dead_letters WHERE trigger = ? AND "offset" = ?', (trigger, offset)
        )
        self._database.write((_BURY, [row]))
        self.counts[trigger] = self.counts.get(trigger, 0) + 1 - known
        if sum(self.counts.values()) > _MOST_KEPT:
            oldest = "DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?"
            self._database.write((oldest, [(_MOST_KEPT * 9 // 10,)]))
            self.recount()

    def newest(
        self, trigger: str | None, limit: int, before: int | None, replaying: bool | None
    ) -> Sequence[DeadLetter]:
        """Up to `limit` rows, newest first. Raises LogUnavailable."""
        rows = self._database.query(
            f"SELECT {_COLUMNS} FROM dead_letters WHERE (?1 IS NULL OR trigger = ?1) AND (?2 IS NULL OR id < ?2)"  # noqa: S608 - constant columns
            " AND (?3 IS NULL OR replaying = ?3) ORDER BY id DESC LIMIT ?4",
            (trigger, before, replaying, limit),
        )
        return _dead_letters(rows)

    def get(self, id: int) -> DeadLetter | None:
        """One row, or None. Raises LogUnavailable."""
        rows = self._database.query(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = ?", (id,))  # noqa: S608 - constant columns
        return next(iter(_dead_letters(rows)), None)

    def mark_replaying(self, id: int, replaying: bool) -> None:
        """Set whether it is on its way again. Raises LogUnavailable."""
        self._database.write(("UPDATE dead_letters SET replaying = ? WHERE id = ?", [(replaying, id)]))

    def drop(self, id: int) -> None:
        """Delete. Raises LogUnavailable."""
        self._database.write(("DELETE FROM dead_letters WHERE id = ?", [(id,)]))
        self.recount()

    def recount(self) -> None:
        """Take the counts from the file. Raises LogUnavailable."""
        self.counts = dict(self._database.query("SELECT trigger, count(*) FROM dead_letters GROUP BY trigger"))


def _dead_letters(
    rows: Iterable[tuple[int, str, int, str, str, int | None, str | None, int, int, int, int, bytes]],
) -> list[DeadLetter]:
    return [
        DeadLetter(
            id_, trigger, _offset(place), destination, Failure(reason, code, data), attempts, when_ms, bool(to_sink),
            bool(replaying), from_json(event), max(0, place >> _PARTITION_SHIFT),
        )
        for (
            id_, trigger, place, destination, reason, code, data, attempts, when_ms, to_sink, replaying, event,
        ) in rows
    ]  # fmt: skip


def _offset(place: int) -> int:
    return place & (1 << _PARTITION_SHIFT) - 1 if place > 0 else place
