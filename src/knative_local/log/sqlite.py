"""The log in one SQLite file: write-ahead log, fsync on every commit, one commit per turn of the event loop."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from knative_local.cloudevent import CloudEvent, from_json
from knative_local.log.file_lock import FileLock
from knative_local.log.port import (
    MOST_BYTES_READ,
    CommitListener,
    DeadLetter,
    Failure,
    LogUnavailable,
    Record,
)
from knative_local.log.sqlite_dead_letters import LEAVE_OFFSETS, DeadLetterTable
from knative_local.log.sqlite_file import Database
from knative_local.log.tail import Tail

# A broker's events lie together in the one B-tree: its number is in the high bits of the row's key, the offset below.
_OFFSET_BITS = 40
_PRUNE_STEP = 5_000

logger = logging.getLogger(__name__)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Retention:
    """Events that every Trigger is through with go when older than `age_ms` or when more than `count` are kept."""

    age_ms: int = 24 * 3600 * 1000
    count: int = 1_000_000


@dataclass(slots=True)
class _BrokerLog:
    id: int
    pruned: int
    tail: Tail


@dataclass(slots=True)
class _Append:
    broker: str
    events: Sequence[CloudEvent]
    durable: asyncio.Future[None]


class SqliteEventLog:
    """EventLog in a file, for one event loop: commits happen inline in it, as handing them to a thread costs more."""

    def __init__(self, database: Database, lock: FileLock, retention: Retention, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._lock = lock
        self._retention = retention
        self._now_ms = now_ms
        self._brokers: dict[str, _BrokerLog] = {}
        self._waiting: list[_Append] = []
        self._listeners: list[CommitListener] = []
        self._dead_letters = DeadLetterTable(database, now_ms)
        for id_, key, pruned in database.query("SELECT id, key, pruned FROM brokers"):
            self._brokers[key] = _BrokerLog(id_, pruned, Tail(self._stored_end(id_, pruned)))
        database.when_reopened(self._reopened)

    @classmethod
    def open(
        cls, path: Path, retention: Retention | None = None, now_ms: Callable[[], int] = _now_ms
    ) -> SqliteEventLog:
        """Open or create the log at `path`. Raises LogUnavailable: another process has it, or it is no such log."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock.acquire(path)
        except OSError as error:
            raise LogUnavailable(f"cannot open the event log {path}: {error.strerror or error}") from error
        try:
            return cls(Database(path), lock, retention or Retention(), now_ms)
        except sqlite3.Error as error:
            lock.release()
            raise LogUnavailable(f"cannot open the event log {path}: {error}") from error
        except LogUnavailable:
            lock.release()
            raise

    def append(self, broker: str, events: Sequence[CloudEvent]) -> asyncio.Future[None]:
        """See EventLog."""
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[None] = loop.create_future()
        if not events:
            durable.set_result(None)
            return durable
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append(_Append(broker, events, durable))
        return durable

    def read(self, broker: str, after: int, limit: int, most_bytes: int = MOST_BYTES_READ) -> Sequence[Record]:
        """See EventLog."""
        known = self._brokers.get(broker)
        if known is None or after >= known.tail.end:
            return ()
        recent = known.tail.read(after, limit, most_bytes)
        if recent is not None:
            return recent
        base = known.id << _OFFSET_BITS
        left = most_bytes

        def more(row: tuple[int, int, bytes]) -> bool:
            nonlocal left
            left -= len(row[2])
            return left > 0

        rows = self._database.some(
            "SELECT position, appended_ms, event FROM events"
            " WHERE position > ? AND position <= ? ORDER BY position LIMIT ?",
            (base + after, base + known.tail.end, limit),
            more,
        )
        return [Record(position - base, appended_ms, from_json(event)) for position, appended_ms, event in rows]

    def end(self, broker: str) -> int:
        """See EventLog."""
        known = self._brokers.get(broker)
        return known.tail.end if known else 0

    def subscribe(self, listener: CommitListener) -> None:
        """See EventLog."""
        self._listeners.append(listener)

    def cursor(self, trigger: str, broker: str) -> int:
        """See EventLog."""
        rows = self._database.query("SELECT broker, done FROM cursors WHERE trigger = ?", (trigger,))
        if rows and rows[0][0] == broker:
            return int(rows[0][1])
        end = self.end(broker)
        self._database.write(
            ("INSERT OR REPLACE INTO cursors (trigger, broker, done) VALUES (?, ?, ?)", [(trigger, broker, end)]),
            (LEAVE_OFFSETS, [(trigger,)]),
        )
        return end

    def commit(self, cursors: Mapping[str, int]) -> None:
        """See EventLog."""
        done = [(offset, trigger) for trigger, offset in cursors.items()]
        self._database.write(("UPDATE cursors SET done = ? WHERE trigger = ?", done))

    def forget_triggers(self, keep: Iterable[str]) -> None:
        """See EventLog."""
        kept = set(keep)
        known = [trigger for (trigger,) in self._database.query("SELECT trigger FROM cursors")]
        gone = [(trigger,) for trigger in known if trigger not in kept]
        if gone:
            self._database.write(("DELETE FROM cursors WHERE trigger = ?", gone), (LEAVE_OFFSETS, gone))

    def prune(self, floors: Mapping[str, int], now_ms: int) -> int:
        """See EventLog."""
        deleted = 0
        for key, known in self._brokers.items():
            upto = min(floors.get(key, known.tail.end), known.pruned + _PRUNE_STEP)
            deleted += self._prune_broker(known, upto, now_ms)
        return deleted

    def bury(
        self, trigger: str, record: Record, destination: str, failure: Failure, attempts: int, delivered_to_sink: bool
    ) -> None:
        """See EventLog."""
        self._dead_letters.bury(trigger, record, destination, failure, attempts, delivered_to_sink)

    def dead_letters(
        self, trigger: str | None = None, limit: int = 100, before: int | None = None, replaying: bool | None = None
    ) -> Sequence[DeadLetter]:
        """See EventLog."""
        return self._dead_letters.newest(trigger, limit, before, replaying)

    def dead_letter(self, id: int) -> DeadLetter | None:
        """See EventLog."""
        return self._dead_letters.get(id)

    def mark_replaying(self, id: int, replaying: bool) -> None:
        """See EventLog."""
        self._dead_letters.mark_replaying(id, replaying)

    def drop_dead_letter(self, id: int) -> None:
        """See EventLog."""
        self._dead_letters.drop(id)

    def dead_letter_counts(self) -> Mapping[str, int]:
        """See EventLog."""
        return self._dead_letters.counts

    def dead_letter_total(self) -> int:
        """See EventLog."""
        return sum(self._dead_letters.counts.values())

    def close(self) -> None:
        """See EventLog."""
        if self._waiting:
            self._flush()
        self._database.close()
        self._lock.release()

    def _flush(self) -> None:
        """Write everything that was appended in this turn, in one commit."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            batches = self._insert(waiting, self._now_ms())
        except Exception as error:
            _refuse(waiting, error)  # whatever it is: who waits has to hear of it
            return
        for key, records in batches.items():
            self._brokers[key].tail.extend(records)
        for append in waiting:
            if not append.durable.done():
                append.durable.set_result(None)
        for key, records in batches.items():
            for listener in self._listeners:
                listener(key, records)

    def _insert(self, waiting: list[_Append], appended_ms: int) -> dict[str, list[Record]]:
        batches: dict[str, list[Record]] = {}
        rows: list[tuple[int, int, bytes]] = []
        for append in waiting:
            known = self._brokers.get(append.broker) or self._new_broker(append.broker)
            records = batches.setdefault(append.broker, [])
            base, offset = known.id << _OFFSET_BITS, known.tail.end + len(records)
            for event in append.events:
                offset += 1
                records.append(Record(offset, appended_ms, event))
                rows.append((base + offset, appended_ms, event.json))
        self._database.write(("INSERT INTO events (position, appended_ms, event) VALUES (?, ?, ?)", rows))
        return batches

    def _new_broker(self, key: str) -> _BrokerLog:
        self._database.write(("INSERT OR IGNORE INTO brokers (key) VALUES (?)", [(key,)]))
        ((id_,),) = self._database.query("SELECT id FROM brokers WHERE key = ?", (key,))
        known = self._brokers[key] = _BrokerLog(id_, 0, Tail(0))
        return known

    def _reopened(self) -> None:
        """Go on behind what is in the file: a commit that was said to have failed may be there after all."""
        for known in self._brokers.values():
            end = self._stored_end(known.id, known.pruned)
            if end != known.tail.end:
                known.tail = Tail(end)
        self._dead_letters.recount()

    def _stored_end(self, broker_id: int, pruned: int) -> int:
        base = broker_id << _OFFSET_BITS
        ((highest,),) = self._database.query(
            "SELECT max(position) FROM events WHERE position > ? AND position < ?", (base, base + (1 << _OFFSET_BITS))
        )
        return max(pruned, (highest or base) - base)

    def _prune_broker(self, known: _BrokerLog, upto: int, now_ms: int) -> int:
        base = known.id << _OFFSET_BITS
        surplus = known.tail.end - self._retention.count
        ((aged,),) = self._database.query(
            "SELECT max(position) FROM events WHERE position > ? AND position <= ? AND appended_ms < ?",
            (base + known.pruned, base + upto, now_ms - self._retention.age_ms),
        )
        upto = min(upto, max(surplus, (aged or base) - base))
        if upto <= known.pruned:
            return 0
        deleted = upto - known.pruned
        self._database.write(
            ("DELETE FROM events WHERE position > ? AND position <= ?", [(base + known.pruned, base + upto)]),
            ("UPDATE brokers SET pruned = ? WHERE id = ?", [(upto, known.id)]),
        )
        known.pruned = upto
        return deleted


def _refuse(waiting: Sequence[_Append], error: Exception) -> None:
    if not isinstance(error, LogUnavailable):
        logger.error("events cannot be appended, for an unforeseen reason", exc_info=error)
        error = LogUnavailable(f"the event log cannot be written: {error!r}")
    for append in waiting:
        if not append.durable.done():
            append.durable.set_exception(error)
