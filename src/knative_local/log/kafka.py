"""The log in Kafka: topics, groups and records as the Knative Kafka broker has them; dead letters in a file here."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

from knative_local.cloudevent import CloudEvent
from knative_local.filters import Filter
from knative_local.log.dead_letters import DeadLetterKeeper
from knative_local.log.durable import done
from knative_local.log.file_lock import FileLock
from knative_local.log.kafka_paging import KafkaPages
from knative_local.log.kafka_reader import KafkaReader
from knative_local.log.kafka_recent import RecentEvents
from knative_local.log.kafka_topics import KafkaNames, KafkaTopics
from knative_local.log.kafka_transactions import TransactionWriter
from knative_local.log.kafka_writing import Append, SingleWriter
from knative_local.log.port import MOST_BYTES_READ, CommitListener, LogUnavailable, Reader, Record
from knative_local.log.retention import Retention
from knative_local.log.sqlite_cursors import CursorTable
from knative_local.log.sqlite_dead_letters import DeadLetterTable
from knative_local.log.sqlite_file import Database
from knative_local.log.sqlite_opening import open_file

_CLOSING_S = 5.0
_CONSUMER = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "queued.max.messages.kbytes": 8 << 10,
    "fetch.wait.max.ms": 100,
}

logger = logging.getLogger(__name__)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _node(path: Path) -> str:
    """A name that is the same whenever this machine opens this file, and no other's."""
    return hashlib.sha256(f"{socket.gethostname()}:{path.resolve()}".encode()).hexdigest()[:20]


class KafkaEventLog(DeadLetterKeeper):
    """EventLog in a Kafka cluster, for one event loop. Other programs, and other nodes of ours, may use its topics.

    Numbers in `read` and `end` go over all partitions of a topic, see KafkaPages; those of readers and listeners are
    the partition's.
    """

    reads_elsewhere = True

    def __init__(
        self, servers: str, path: Path, database: Database, lock: FileLock, retention: Retention, names: KafkaNames,
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        """Raises LogUnavailable when no Kafka answers."""
        super().__init__(DeadLetterTable(database, now_ms))
        self._database = database
        self._lock = lock
        self._names = names
        self._cursors = CursorTable(database)
        common = {"bootstrap.servers": servers, "logger": logger, "log_level": 3}
        self._topics = KafkaTopics(servers, common, retention)
        self._topics.check()
        node = _node(path)
        self._consumer_settings = common | _CONSUMER
        self._member_settings = self._consumer_settings | {"group.instance.id": node}
        self._loop = asyncio.get_running_loop()
        self._ends: dict[str, dict[int, int]] = {}
        self._recent: dict[str, RecentEvents] = {}
        self._pages: dict[str, KafkaPages] = {}
        self._readers: dict[str, KafkaReader] = {}
        self._leaving: dict[str, KafkaReader] = {}
        self._forgetting: dict[str, Future[None]] = {}
        self._goodbyes = ThreadPoolExecutor(4, "goodbye to Kafka")
        self._listeners: list[CommitListener] = []
        self._waiting: list[Append] = []
        self._without_topic: dict[str, list[Append]] = {}
        self._answers: deque[Append] = deque()
        self._telling = False
        self._closed = False
        self._singles = SingleWriter(common, self._answered, now_ms)
        self._transactions = TransactionWriter(common, f"knative-local-{node}", self._answered, now_ms)

    @classmethod
    def open(
        cls,
        servers: str,
        path: Path,
        retention: Retention | None = None,
        names: KafkaNames | None = None,
        now_ms: Callable[[], int] = _now_ms,
    ) -> KafkaEventLog:
        """Use the cluster at `servers` (`host:port`, …), the file `path` for dead letters. Raises LogUnavailable."""
        database, lock = open_file(path)
        try:
            return cls(servers, path, database, lock, retention or Retention(), names or KafkaNames(), now_ms)
        except BaseException:
            database.close()
            lock.release()
            raise

    def append(self, broker: str, events: Sequence[CloudEvent]) -> asyncio.Future[None]:
        """See EventLog. One event is written as it is, several of them in a transaction."""
        if not events:
            return done()
        if not self._waiting:
            self._loop.call_soon(self._flush)
        append = Append(broker, self._names.topic(broker), events, self._recent.get(broker))
        self._waiting.append(append)
        return append.durable

    def read(self, broker: str, after: int, limit: int, most_bytes: int = MOST_BYTES_READ) -> Sequence[Record]:
        """See EventLog. Whoever wrote it."""
        return self._paging(broker).read(after, limit, most_bytes)

    def end(self, broker: str) -> int:
        """See EventLog."""
        return self._paging(broker).end()

    def subscribe(self, listener: CommitListener) -> None:
        """See EventLog; of what this process has appended."""
        self._listeners.append(listener)

    def reader(self, trigger: str, broker: str, filter: Filter, wake: Callable[[], None]) -> Reader:
        """See EventLog."""
        topic, group = self._names.topic(broker), self._names.group(trigger)
        known = self._cursors.get(trigger)
        if known is not None and known[0] != broker:
            self._forget(trigger)  # it may have been at this Broker before
        self._await_forgotten(trigger)
        ends = self._known_ends(broker)
        if known is None or known[0] != broker:
            self._cursors.begin(trigger, broker, 0)
        begin = self._topics.begin(group, topic, ends)
        settings = self._member_settings | {"group.id": group}
        recent = self._recent.setdefault(broker, RecentEvents())
        reader = KafkaReader(settings, topic, begin, ends, recent, filter, wake)
        self._readers[trigger] = reader
        return reader

    def commit(self) -> None:
        """See EventLog."""
        for trigger, reader in tuple(self._readers.items()):
            if reader.closed:
                del self._readers[trigger]
                self._leaving[trigger] = reader
            else:
                reader.commit()
        self._leaving = {trigger: reader for trigger, reader in self._leaving.items() if reader.thread.is_alive()}

    def forget_triggers(self, keep: Iterable[str]) -> None:
        """See EventLog."""
        for trigger in self._cursors.forget(keep):
            self._forget(trigger)

    def prune(self, now_ms: int) -> int:  # noqa: ARG002 - Kafka has the clock
        """Nothing: Kafka deletes by itself, as the topic's settings say, whether every Trigger is through or not."""
        return 0

    def close(self) -> None:
        """See EventLog."""
        self._flush()
        for broker in tuple(self._without_topic):
            self._go_on(broker, self._find_ends)
        self._singles.close(_CLOSING_S)
        self._transactions.close(_CLOSING_S)
        self._closed = True
        readers = [*self._readers.values(), *self._leaving.values()]
        for reader in readers:
            reader.stop()
        for reader in readers:
            reader.thread.join(_CLOSING_S)
        self._goodbyes.shutdown()
        self._acknowledge()
        self._database.close()
        self._lock.release()

    def _forget(self, trigger: str) -> None:
        """Delete the Trigger's group, which can be once its member has left: beside the loop, as that takes a while."""
        reader = self._readers.pop(trigger, None) or self._leaving.pop(trigger, None)
        if reader is not None:
            reader.close()
        self._forgetting[trigger] = self._goodbyes.submit(self._forget_now, reader, self._names.group(trigger))

    def _forget_now(self, reader: KafkaReader | None, group: str) -> None:
        if reader is not None:
            reader.thread.join(_CLOSING_S)
        try:
            self._topics.forget([group])
        except LogUnavailable as error:
            logger.warning("what was stored of %s is not deleted: %s", group, error)

    def _await_forgotten(self, trigger: str) -> None:
        """So that a Trigger which comes back at once begins anew."""
        forgetting = self._forgetting.pop(trigger, None)
        if forgetting is not None:
            forgetting.result()

    def _paging(self, broker: str) -> KafkaPages:
        """From any thread; one for each Broker, as numbers stay what they are."""
        pages = self._pages.get(broker)
        if pages is None:
            topic = self._names.topic(broker)
            new = KafkaPages(
                self._consumer_settings, topic, self._topics.bounds, lambda: dict(self._ends.get(broker, {}))
            )
            pages = self._pages.setdefault(broker, new)
        return pages

    def _known_ends(self, broker: str) -> dict[int, int]:
        """The ends of the Broker's topic, which is made if it is not there; moved on as events are appended."""
        if broker not in self._ends:
            self._ends[broker] = self._find_ends(broker)
        return self._ends[broker]

    def _find_ends(self, broker: str) -> dict[int, int]:
        topic = self._names.topic(broker)
        self._topics.ensure(topic)
        return self._topics.ends(topic)

    def _flush(self) -> None:
        """Hand on what was appended in this turn; what has no topic yet waits for it, beside the loop."""
        waiting, self._waiting = self._waiting, []
        known: list[Append] = []
        for append in waiting:
            broker = append.broker
            if broker in self._ends:
                known.append(append)
            elif broker in self._without_topic:
                self._without_topic[broker].append(append)
            else:
                self._without_topic[broker] = [append]
                asked = self._loop.run_in_executor(None, self._find_ends, broker)
                asked.add_done_callback(lambda found, broker=broker: self._go_on(broker, lambda _: found.result()))
        self._write(known)

    def _go_on(self, broker: str, ends: Callable[[str], dict[int, int]]) -> None:
        """Write what waits for the Broker's topic, which is there now, or refuse it."""
        waiting = self._without_topic.pop(broker, [])
        try:
            found = ends(broker)
        except LogUnavailable as error:
            for append in waiting:
                append.durable.set_exception(error)
            return
        self._ends.setdefault(broker, found)
        self._write(waiting)

    def _write(self, appends: Sequence[Append]) -> None:
        together: list[Append] = []
        for append in appends:
            if len(append.events) == 1:
                self._singles.write(append)
            else:
                together.append(append)
        if together:
            self._transactions.write(together)

    def _answered(self, append: Append) -> None:
        """Hand an answer to the loop, from whichever thread."""
        self._answers.append(append)
        if not self._telling and not self._closed:
            self._telling = True
            self._loop.call_soon_threadsafe(self._acknowledge)

    def _acknowledge(self) -> None:
        """Tell who waits for what was written, and those who listen."""
        self._telling = False
        batches: dict[str, list[Record]] = {}
        while self._answers:
            append = self._answers.popleft()
            if append.refused is not None:
                append.durable.set_exception(LogUnavailable(f"Kafka does not take the event: {append.refused}"))
            else:
                batches.setdefault(append.broker, []).extend(self._records(append))
                append.durable.set_result(None)
        for broker, records in batches.items():
            for listener in self._listeners:
                listener(broker, records)

    def _records(self, append: Append) -> list[Record]:
        """What was written, and the ends moved on."""
        ends = self._ends[append.broker]
        if append.recent is not None:
            append.recent.settle()
        for partition, offset in dict(append.places).items():  # the last of each
            if ends.get(partition, 0) <= offset:
                ends[partition] = offset + 1
        partitions, offsets = zip(*append.places, strict=True)
        return list(map(Record, offsets, repeat(append.appended_ms), append.events, partitions))
