"""The log in Kafka: topics, groups and records as the Knative Kafka broker has them; dead letters in a file here."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

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
    """Events that are acknowledged together, once each has its place (partition and offset) or was refused."""

    def __init__(self, broker: str, events: Sequence[CloudEvent]) -> None:
        self.broker = broker
        self.events = events
        self.durable = Durable()
        self.places: list[tuple[int, int]] = [(0, 0)] * len(events)
        self.left = len(events)
        self.refused: str | None = None


class _Answer(NamedTuple):
    """What became of one of the events, by its number; it was refused if there is an error."""

    append: _Append
    number: int
    error: str | None
    place: tuple[int, int] = (0, 0)


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
        self._waiting: list[_Append] = []
        self._without_topic: dict[str, list[_Append]] = {}
        self._answers: deque[_Answer] = deque()
        self._telling = False
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
        if not self._waiting:
            self._loop.call_soon(self._flush)
        append = _Append(broker, events)
        self._waiting.append(append)
        return append.durable

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
        for broker in tuple(self._without_topic):
            self._go_on(broker, self._find_ends)
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
        if broker not in self._ends:
            self._ends[broker] = self._find_ends(broker)
        return self._ends[broker]

    def _find_ends(self, broker: str) -> dict[int, int]:
        topic = self._names.topic(broker)
        self._topics.ensure(topic)
        return self._topics.ends(topic)

    def _flush(self) -> None:
        """Hand what was appended in this turn to the producer; what has no topic yet waits for it, beside the loop."""
        waiting, self._waiting = self._waiting, []
        for append in waiting:
            broker = append.broker
            if broker in self._ends:
                self._produce(append)
            elif broker in self._without_topic:
                self._without_topic[broker].append(append)
            else:
                self._without_topic[broker] = [append]
                asked = self._loop.run_in_executor(None, self._find_ends, broker)
                asked.add_done_callback(lambda found, broker=broker: self._go_on(broker, lambda _: found.result()))

    def _go_on(self, broker: str, ends: Callable[[str], dict[int, int]]) -> None:
        """Produce what waits for the Broker's topic, which is there now, or refuse it."""
        waiting = self._without_topic.pop(broker, [])
        try:
            found = ends(broker)
        except LogUnavailable as error:
            for append in waiting:
                append.durable.set_exception(error)
            return
        self._ends.setdefault(broker, found)
        for append in waiting:
            self._produce(append)

    def _produce(self, append: _Append) -> None:
        topic, now_ms = self._names.topic(append.broker), self._now_ms()
        for index, event in enumerate(append.events):
            try:
                record = to_record(event)
                self._producer.produce(
                    topic,
                    record.value,
                    record.key,
                    headers=record.headers,
                    timestamp=now_ms,
                    on_delivery=partial(self._delivered, append, index),
                )
            except (KafkaException, BufferError, NotAnEvent) as error:
                self._answered(_Answer(append, index, str(error)))

    def _delivered(self, append: _Append, index: int, error: KafkaError | None, message: Message) -> None:
        """From the producer, in the poller's thread."""
        if error is not None:
            self._answered(_Answer(append, index, error.str()))
        else:
            self._answered(_Answer(append, index, None, (message.partition() or 0, message.offset() or 0)))

    def _answered(self, answer: _Answer) -> None:
        """Hand an answer to the loop, which alone counts them."""
        self._answers.append(answer)
        if not self._telling and not self._closed:
            self._telling = True
            self._loop.call_soon_threadsafe(self._acknowledge)

    def _acknowledge(self) -> None:
        """Tell who waits for what was written, and those who listen."""
        self._telling = False
        batches: dict[str, list[Record]] = {}
        while self._answers:
            append, number, error, place = self._answers.popleft()
            append.left -= 1
            append.places[number] = place
            append.refused = append.refused or error
            if append.left:
                continue
            if append.refused is not None:
                append.durable.set_exception(LogUnavailable(f"Kafka does not take the event: {append.refused}"))
            else:
                batches.setdefault(append.broker, []).extend(self._records(append))
                append.durable.set_result(None)
        for broker, records in batches.items():
            for listener in self._listeners:
                listener(broker, records)

    def _records(self, append: _Append) -> list[Record]:
        """What was written, as people see it, and the ends moved on."""
        tail = self._tails.setdefault(append.broker, Tail(0))
        ends = self._ends[append.broker]
        now_ms = self._now_ms()
        records: list[Record] = []
        for offset, (event, (partition, place)) in enumerate(
            zip(append.events, append.places, strict=True), tail.end + 1
        ):
            records.append(Record(offset, now_ms, event, partition))
            ends[partition] = max(ends.get(partition, 0), place + 1)
        tail.extend(records, sum(len(event.json) for event in append.events))
        return records

    def _poll(self) -> None:
        """The poller's thread: has the producer tell what became of events."""
        while not self._closed:
            self._producer.poll(_POLL_S)
