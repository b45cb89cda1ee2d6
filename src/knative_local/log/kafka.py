"""The log in Kafka: topics, groups and records as the Knative Kafka broker has them; dead letters in a file here."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from knative_local.cloudevent import CloudEvent, NotAnEvent
from knative_local.filters import Filter
from knative_local.log.dead_letters import DeadLetterKeeper
from knative_local.log.durable import Durable, done
from knative_local.log.file_lock import FileLock
from knative_local.log.kafka_reader import KafkaReader
from knative_local.log.kafka_records import to_record
from knative_local.log.kafka_topics import KafkaNames, KafkaTopics
from knative_local.log.port import MOST_BYTES_READ, CommitListener, LogUnavailable, Reader, Record
from knative_local.log.retention import Retention
from knative_local.log.sqlite_cursors import CursorTable
from knative_local.log.sqlite_dead_letters import DeadLetterTable
from knative_local.log.sqlite_file import Database
from knative_local.log.sqlite_opening import open_file
from knative_local.log.tail import Tail

_POLL_S = 0.5
_CLOSING_S = 5.0
# The Knative receiver's: so long an event waits for a Kafka that is away before it is refused.
_DELIVERY_MS = 120_000
_PRODUCER = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # Java's, so that a key's events lie where Knative's own receiver puts them
    "linger.ms": 0,
    "delivery.timeout.ms": _DELIVERY_MS,
    "message.max.bytes": 16 << 20,
}
_CONSUMER = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "queued.max.messages.kbytes": 8 << 10,
    "fetch.wait.max.ms": 100,
}

logger = logging.getLogger(__name__)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class _Append:
    """What one turn of the loop adds: acknowledged when all of it is."""

    def __init__(self, durable: Durable, events: Sequence[tuple[str, CloudEvent]]) -> None:
        self.durable = durable
        self.events = events
        self.places: list[tuple[int, int]] = [(0, 0)] * len(events)
        self.left = len(events)
        self.failed: str | None = None


class KafkaEventLog(DeadLetterKeeper):
    """EventLog in a Kafka cluster, for one event loop.

    An append of several events is not all or none here: what was refused may be there in part, and comes again.
    `read` and `end` know what this process has appended, newest first to go: they are for people.
    """

    def __init__(
        self, servers: str, database: Database, lock: FileLock, retention: Retention, names: KafkaNames,
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        """Raises LogUnavailable when no Kafka answers."""
        super().__init__(DeadLetterTable(database, now_ms))
        self._database = database
        self._lock = lock
        self._names = names
        self._now_ms = now_ms
        self._cursors = CursorTable(database)
        common = {"bootstrap.servers": servers, "logger": logger, "log_level": 4}
        self._topics = KafkaTopics(servers, common, retention)
        self._topics.check()
        self._consumer_settings = common | _CONSUMER
        self._producer = Producer(common | _PRODUCER)
        self._loop = asyncio.get_running_loop()
        self._ends: dict[str, dict[int, int]] = {}
        self._tails: dict[str, Tail] = {}
        self._readers: dict[str, KafkaReader] = {}
        self._leaving: list[KafkaReader] = []
        self._listeners: list[CommitListener] = []
        self._waiting: list[tuple[str, CloudEvent]] = []
        self._durable: Durable | None = None
        self._written: list[_Append] = []
        self._closed = False
        self._poller = threading.Thread(target=self._poll, name="answers of Kafka", daemon=True)
        self._poller.start()

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
            return cls(servers, database, lock, retention or Retention(), names or KafkaNames(), now_ms)
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
            self._loop.call_soon(self._flush)
        self._waiting += [(broker, event) for event in events]
        return self._durable

    def read(self, broker: str, after: int, limit: int, most_bytes: int = MOST_BYTES_READ) -> Sequence[Record]:
        """See EventLog; offsets count what this process has appended."""
        tail = self._tails.get(broker)
        if tail is None or after >= tail.end:
            return ()
        return tail.read(max(after, tail.first - 1), limit, most_bytes) or ()

    def end(self, broker: str) -> int:
        """See EventLog; offsets count what this process has appended."""
        tail = self._tails.get(broker)
        return tail.end if tail else 0

    def subscribe(self, listener: CommitListener) -> None:
        """See EventLog."""
        self._listeners.append(listener)

    def reader(self, trigger: str, broker: str, filter: Filter, wake: Callable[[], None]) -> Reader:
        """See EventLog."""
        topic, group = self._names.topic(broker), self._names.group(trigger)
        ends = self._known_ends(broker)
        known = self._cursors.get(trigger)
        if known is None or known[0] != broker:
            if known is not None:
                self._topics.forget([group])  # it may have been at this Broker before
            self._cursors.begin(trigger, broker, 0)
        begin = self._topics.begin(group, topic, ends)
        settings = self._consumer_settings | {"group.id": group}
        reader = KafkaReader(settings, topic, begin, ends, filter, wake)
        self._readers[trigger] = reader
        return reader

    def commit(self) -> None:
        """See EventLog."""
        for trigger, reader in tuple(self._readers.items()):
            if reader.closed:
                del self._readers[trigger]
                self._leaving.append(reader)
            else:
                reader.commit()
        self._leaving = [reader for reader in self._leaving if reader.thread.is_alive()]

    def forget_triggers(self, keep: Iterable[str]) -> None:
        """See EventLog."""
        kept = set(keep)
        gone = [trigger for trigger in self._cursors.all() if trigger not in kept]
        for trigger in gone:
            if trigger in self._readers:
                self._readers[trigger].close()
                self._readers.pop(trigger).thread.join(_CLOSING_S)
        self._topics.forget([self._names.group(trigger) for trigger in gone])
        self._cursors.forget(kept)

    def prune(self, now_ms: int) -> int:  # noqa: ARG002 - Kafka has the clock
        """Nothing: Kafka deletes by itself, as the topic's settings say, whether every Trigger is through or not."""
        return 0

    def close(self) -> None:
        """See EventLog."""
        self._flush()
        self._producer.flush(_CLOSING_S)
        self._closed = True
        readers = [*self._readers.values(), *self._leaving]
        for reader in readers:
            reader.close()
        for thread in (*(reader.thread for reader in readers), self._poller):
            thread.join(_CLOSING_S)
        self._acknowledge()
        self._database.close()
        self._lock.release()

    def _known_ends(self, broker: str) -> dict[int, int]:
        """The ends of the Broker's topic, which is made if it is not there; moved on as events are appended."""
        ends = self._ends.get(broker)
        if ends is None:
            topic = self._names.topic(broker)
            self._topics.ensure(topic)
            ends = self._ends[broker] = self._topics.ends(topic)
        return ends

    def _flush(self) -> None:
        """Hand what was appended in this turn to the producer."""
        durable, self._durable = self._durable, None
        events, self._waiting = self._waiting, []
        if durable is None:
            return
        append = _Append(durable, events)
        for index, (broker, event) in enumerate(events):
            try:
                self._known_ends(broker)
                self._produce(append, index, broker, event)
            except (LogUnavailable, KafkaException, BufferError, NotAnEvent) as error:
                self._answered(append, index, str(error), None)

    def _produce(self, append: _Append, index: int, broker: str, event: CloudEvent) -> None:
        record = to_record(event)

        def answered(error: KafkaError | None, message: Message) -> None:
            self._answered(append, index, error.str() if error is not None else None, message)

        self._producer.produce(
            self._names.topic(broker),
            record.value,
            record.key,
            headers=record.headers,
            timestamp=self._now_ms(),
            on_delivery=answered,
        )

    def _answered(self, append: _Append, index: int, error: str | None, message: Message | None) -> None:
        """One event was written or refused; called in the poller's thread, or in the loop before it is there."""
        if error is not None:
            append.failed = error
        elif message is not None:
            append.places[index] = (message.partition() or 0, message.offset() or 0)
        append.left -= 1
        if append.left == 0:
            self._written.append(append)
            if not self._closed:
                self._loop.call_soon_threadsafe(self._acknowledge)

    def _acknowledge(self) -> None:
        """Tell who waits for what was written."""
        written, self._written = self._written, []
        for append in written:
            if append.failed is not None:
                append.durable.set_exception(LogUnavailable(f"Kafka does not take the event: {append.failed}"))
                continue
            batches = self._batches(append)
            append.durable.set_result(None)
            for broker, records in batches.items():
                for listener in self._listeners:
                    listener(broker, records)

    def _batches(self, append: _Append) -> Mapping[str, Sequence[Record]]:
        batches: dict[str, list[Record]] = {}
        for (broker, event), (partition, offset) in zip(append.events, append.places, strict=True):
            tail = self._tails.setdefault(broker, Tail(0))
            record = Record(tail.end + 1, self._now_ms(), event, partition)
            tail.extend([record], len(event.json))
            batches.setdefault(broker, []).append(record)
            ends = self._ends[broker]
            ends[partition] = max(ends.get(partition, 0), offset + 1)
        return batches

    def _poll(self) -> None:
        """The poller's thread: has the producer tell what became of events."""
        while not self._closed:
            self._producer.poll(_POLL_S)
