"""The log in one SQLite file: what was appended since the last commit goes into the next, and is acknowledged once the
disk has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from threading import Lock

from knative_local.cloudevent import CloudEvent
from knative_local.filters import Filter
from knative_local.log.chunk import Chunk
from knative_local.log.dead_letters import DeadLetterKeeper
from knative_local.log.disk_pace import DiskPace
from knative_local.log.durable import Durable, done
from knative_local.log.feed import Feed
from knative_local.log.file_lock import FileLock
from knative_local.log.port import (
    MOST_BYTES_READ,
    CommitListener,
    LogUnavailable,
    Reader,
    Record,
)
from knative_local.log.retention import Excess, Retention, to_prune
from knative_local.log.sqlite_chunks import INSERT, ChunkTable
from knative_local.log.sqlite_cursors import CursorTable
from knative_local.log.sqlite_dead_letters import DeadLetterTable
from knative_local.log.sqlite_file import Database, Disk
from knative_local.log.sqlite_opening import open_file
from knative_local.log.tail import Tail

# What one step of pruning takes off, so that no turn of the loop takes long.
_PRUNE_BYTES = 16 << 20
# The wait for the disk grows with what it is to take, and what a thread costs does not. While nothing is to be
# delivered the loop has nothing better to do.
_WAITED_FOR_BYTES = 30 << 10
_WAITED_FOR_BYTES_IDLE = 1 << 20

logger = logging.getLogger(__name__)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class _BrokerLog:
    id: int
    tail: Tail


_Append = tuple[str, Sequence[CloudEvent]]


@dataclass(slots=True)
class _Batch:
    """What a commit adds to one Broker's log; `size` is the bytes of its JSON."""

    broker: str
    records: list[Record]
    size: int


@dataclass(slots=True)
class _Syncing:
    """What is committed and on its way to the disk; `reopened`: the file was opened anew meanwhile."""

    batches: list[_Batch]
    durable: Durable
    sync: Future[None] | None = None
    reopened: bool = False


class SqliteEventLog(DeadLetterKeeper):
    """EventLog in a file, for one event loop. Commits happen inline in it, as handing them to a thread costs more. For
    the disk a thread waits, unless that takes a moment only; what is appended meanwhile goes together into the next
    commit."""

    reads_elsewhere = False

    def __init__(self, database: Database, lock: FileLock, retention: Retention, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._lock = lock
        self._retention = retention
        self._now_ms = now_ms
        self._brokers: dict[str, _BrokerLog] = {}
        self._waiting: list[_Append] = []
        self._durable: Durable | None = None
        self._waiter = ThreadPoolExecutor(1, "event-log")
        self._waiter.submit(int).result()  # a machine that gives no more threads says so now, not with an event at hand
        self._pace = DiskPace()
        self._syncing: _Syncing | None = None
        self._feeds: dict[str, Feed] = {}
        self._stored: dict[str, int] = {}
        self._listeners: list[CommitListener] = []
        self._chunks = ChunkTable(database)
        self._cursors = CursorTable(database)
        super().__init__(DeadLetterTable(database, now_ms))
        for id_, key, end in self._ends():
            self._brokers[key] = _BrokerLog(id_, Tail(end))
        database.when_reopened(self._reopened)

    @classmethod
    def open(
        cls, path: Path, retention: Retention | None = None, now_ms: Callable[[], int] = _now_ms
    ) -> SqliteEventLog:
        """Open or create the log at `path`. Raises LogUnavailable: another process has it, or it is no such log."""
        database, lock = open_file(path)
        try:
            return cls(database, lock, retention or Retention(), now_ms)
        except BaseException:
            database.close()
            lock.release()
            raise

    def append(self, broker: str, events: Sequence[CloudEvent]) -> asyncio.Future[None]:
        """See EventLog."""
        if not events:
            return done()
        if self._durable is None:
            self._durable = Durable()
            if self._syncing is None:
                asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append((broker, events))
        return self._durable

    def read(self, broker: str, after: int, limit: int, most_bytes: int = MOST_BYTES_READ) -> Sequence[Record]:
        """See EventLog."""
        known = self._brokers.get(broker)
        if known is None or after >= known.tail.end:
            return ()
        recent = known.tail.read(after, limit, most_bytes)
        if recent is not None:
            return recent
        return self._chunks.read(known.id, after, known.tail.end, limit, most_bytes)

    def end(self, broker: str) -> int:
        """See EventLog."""
        known = self._brokers.get(broker)
        return known.tail.end if known else 0

    def subscribe(self, listener: CommitListener) -> None:
        """See EventLog."""
        self._listeners.append(listener)

    def reader(self, trigger: str, broker: str, filter: Filter, wake: Callable[[], None]) -> Reader:
        """See EventLog."""
        done = self._stored[trigger] = self._cursor(trigger, broker)
        return self._feed(broker).reader(trigger, done, filter, wake)

    def commit(self) -> None:
        """See EventLog."""
        done = {
            trigger: reader.done
            for feed in self._feeds.values()
            for trigger, reader in feed.readers.items()
            if reader.done != self._stored[trigger]
        }
        if done:
            self._cursors.store(done)
            self._stored.update(done)

    def _cursor(self, trigger: str, broker: str) -> int:
        known = self._cursors.get(trigger)
        if known and known[0] == broker:
            return known[1]
        end = self.end(broker)
        self._cursors.begin(trigger, broker, end)
        return end

    def _feed(self, broker: str) -> Feed:
        feed = self._feeds.get(broker)
        if feed is None:
            feed = self._feeds[broker] = Feed(self.end(broker), partial(self.read, broker))
        return feed

    def forget_triggers(self, keep: Iterable[str]) -> None:
        """See EventLog."""
        self._cursors.forget(keep)

    def prune(self, now_ms: int) -> int:
        """See EventLog. Bounds how much it looks at and deletes, so that no turn of the loop takes long."""
        floors = {
            broker: min(self._stored[trigger] for trigger in feed.readers)
            for broker, feed in self._feeds.items()
            if feed.readers
        }
        count = self._retention.count
        excess = Excess(
            before_ms=now_ms - self._retention.age_ms,
            upto={key: known.tail.end - count for key, known in self._brokers.items()} if count is not None else {},
            size=self._chunks.size() - self._retention.bytes,
        )
        oldest = [
            self._chunks.oldest(key, known.id, floors.get(key, known.tail.end)) for key, known in self._brokers.items()
        ]
        go = to_prune(oldest, excess, _PRUNE_BYTES)
        if go:
            self._chunks.delete({self._brokers[portion.broker].id: portion.last for portion in go})
        self._chunks.give_back()
        return sum(portion.number for portion in go)

    def close(self) -> None:
        """See EventLog."""
        while self._waiting or self._syncing is not None:
            if self._syncing is None:
                self._flush()
            elif self._syncing.sync is not None:
                wait((self._syncing.sync,))
                self._synced(self._syncing, self._syncing.sync.exception())
        self._waiter.shutdown()
        self._database.close()
        self._lock.release()

    def _flush(self) -> None:
        """Write everything that waits in one commit, and have the disk take it."""
        waiting, durable = self._waiting, self._durable
        if durable is None or self._syncing is not None:
            return
        self._waiting, self._durable = [], None
        try:
            batches = self._insert(waiting, self._now_ms())
            disk = self._database.disk()
        except OSError as error:
            durable.set_exception(self._database.lost(error))
            return
        except Exception as error:
            durable.set_exception(_refusal(error))  # whatever it is: who waits has to hear of it
            return
        syncing = self._syncing = _Syncing(batches, durable)
        if self._is_small(sum(batch.size for batch in batches)) and self._pace.is_quick(time.perf_counter()):
            self._synced(syncing, self._sync_here(disk))
        else:
            self._sync_elsewhere(disk, syncing)

    def _is_small(self, size: int) -> bool:
        """Whether so many bytes are better waited for than handed to a thread."""
        if size <= _WAITED_FOR_BYTES:
            return True
        return size <= _WAITED_FOR_BYTES_IDLE and not any(feed.is_busy for feed in self._feeds.values())

    def _sync_here(self, disk: Disk) -> BaseException | None:
        begin = time.perf_counter()
        try:
            disk.sync()
        except Exception as error:
            return error
        finally:
            end = time.perf_counter()
            self._pace.took(end - begin, end)
        return None

    def _sync_elsewhere(self, disk: Disk, syncing: _Syncing) -> None:
        begun = Lock()
        begun.acquire()
        syncing.sync = self._waiter.submit(_sync, disk, begun)
        begun.acquire()  # else the thread, which needs the interpreter to begin, gets it when this turn is over
        syncing.sync.add_done_callback(partial(self._done, asyncio.get_running_loop(), syncing))

    def _done(self, loop: asyncio.AbstractEventLoop, syncing: _Syncing, sync: Future[None]) -> None:
        """In the thread: the disk has taken it, or has not."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and so is the log
            loop.call_soon_threadsafe(self._synced, syncing, sync.exception())

    def _synced(self, syncing: _Syncing, error: BaseException | None) -> None:
        if self._syncing is not syncing:  # closing has not waited for this call
            return
        self._syncing = None
        try:
            if syncing.reopened:
                syncing.durable.set_exception(LogUnavailable("the event log was opened anew; it may have the event"))
            elif error is None:
                for batch in syncing.batches:
                    self._brokers[batch.broker].tail.extend(batch.records, batch.size)
                self._flush()  # before anything else, so that the disk has something to do
                self._publish(syncing.batches, syncing.durable)
            else:
                refusal = self._database.lost(error) if isinstance(error, OSError) else _refusal(error)
                syncing.durable.set_exception(refusal)
        finally:
            self._flush()  # whatever has failed

    def _publish(self, batches: Sequence[_Batch], durable: Durable) -> None:
        durable.set_result(None)
        for batch in batches:
            if batch.broker in self._feeds:
                self._feeds[batch.broker].publish(batch.records)
            for listener in self._listeners:
                listener(batch.broker, batch.records)

    def _insert(self, waiting: list[_Append], appended_ms: int) -> list[_Batch]:
        together: dict[str, list[CloudEvent]] = {}
        for broker, appended in waiting:
            together.setdefault(broker, []).extend(appended)
        batches: list[_Batch] = []
        rows: list[Chunk] = []
        for key, events in together.items():
            known = self._brokers.get(key) or self._new_broker(key)
            first = known.tail.end + 1
            jsons = [event.json for event in events]
            rows += self._chunks.rows(known.id, first, appended_ms, jsons)
            records = list(map(Record, range(first, first + len(events)), repeat(appended_ms), events))
            batches.append(_Batch(key, records, sum(map(len, jsons))))
        self._database.put((INSERT, rows))
        return batches

    def _new_broker(self, key: str) -> _BrokerLog:
        # On the disk at the latest with its first events, which stand behind it in the same file.
        self._database.put(("INSERT OR IGNORE INTO brokers (key) VALUES (?)", [(key,)]))
        ((id_,),) = self._database.query("SELECT id FROM brokers WHERE key = ?", (key,))
        known = self._brokers[key] = _BrokerLog(id_, Tail(0))
        return known

    def _reopened(self) -> None:
        """Go on behind what is in the file, where a commit that was said to have failed may be after all, and behind
        what was in it: an offset whose event was lost is not given again."""
        if self._syncing is not None:
            self._syncing.reopened = True
        lost: dict[int, int] = {}
        for id_, key, stored in self._ends():
            known = self._brokers.get(key)
            end = max(stored, known.tail.end if known else 0)
            if known is None or stored != known.tail.end:
                self._brokers[key] = _BrokerLog(id_, Tail(end))
                if key in self._feeds:
                    self._feeds[key].moved(end)
            if stored < end:
                lost[id_] = end
        if lost:
            self._chunks.leave_out(lost)
        self._dead_letters.recount()

    def _ends(self) -> list[tuple[int, str, int]]:
        """Number, key and highest offset of each Broker in the file. Raises LogUnavailable."""
        rows = self._database.query("SELECT id, key, floor FROM brokers")
        return [(id_, key, max(floor, self._chunks.end(id_))) for id_, key, floor in rows]


def _sync(disk: Disk, begun: Lock) -> None:
    begun.release()
    disk.sync()


def _refusal(error: BaseException) -> LogUnavailable:
    if isinstance(error, LogUnavailable):
        return error
    logger.error("events cannot be appended, for an unforeseen reason", exc_info=error)
    return LogUnavailable(f"the event log cannot be written: {error!r}")
