"""A Trigger's place in a Kafka topic: a consumer in a thread, and what is done of each partition."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from knative_local.cloudevent import NotAnEvent
from knative_local.filters import Filter
from knative_local.log.kafka_records import from_record
from knative_local.log.port import Record

# What lies ready for a Trigger that is busy; beyond it the consumer waits.
MOST_READY = 2_000
MOST_READY_BYTES = 8 << 20
_TAKEN_AT_ONCE = 500
_POLL_S = 0.2

logger = logging.getLogger(__name__)


class _Partition:
    """`next`: the offset behind the last record that the filter was asked about."""

    __slots__ = ("_finished", "_open", "next")

    def __init__(self, begin: int) -> None:
        self.next = begin
        self._open: deque[int] = deque()
        self._finished: set[int] = set()

    @property
    def done(self) -> int:
        """Below this offset everything is done: what Kafka is told."""
        return self._open[0] if self._open else self.next

    @property
    def open(self) -> int:
        """How many were handed out, or are to be, and are not done."""
        return len(self._open) - len(self._finished)

    def begin(self, offset: int) -> None:
        self._open.append(offset)

    def finish(self, offset: int) -> None:
        self._finished.add(offset)
        while self._open and self._open[0] in self._finished:
            self._finished.remove(self._open.popleft())


class KafkaReader:
    """See Reader. Reads on in a thread of its own; `ends` are the offsets behind the newest record that is known."""

    def __init__(
        self,
        settings: Mapping[str, object],
        topic: str,
        begin: Mapping[int, int],
        ends: Mapping[int, int],
        filter: Filter,
        wake: Callable[[], None],
    ) -> None:
        self._consumer = Consumer(dict(settings))
        self._topic = topic
        self._ends = ends
        self._filter = filter
        self._wake = wake
        self._partitions = {number: _Partition(offset) for number, offset in begin.items()}
        self._stored = dict(begin)
        self._to_store = dict(begin)
        self._ready: deque[Record] = deque()
        self._ready_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._room = threading.Event()
        self._room.set()
        self.closed = False
        self._consumer.assign([TopicPartition(topic, number, offset) for number, offset in begin.items()])
        self.thread = threading.Thread(target=self._read_on, name=f"reader of {topic}", daemon=True)
        self.thread.start()

    @property
    def ready(self) -> int:
        """See Reader."""
        return len(self._ready)

    @property
    def ready_bytes(self) -> int:
        """See Reader."""
        return self._ready_bytes

    @property
    def backlog(self) -> int:
        """See Reader."""
        return sum(
            max(0, self._ends.get(number, 0) - partition.next) + partition.open
            for number, partition in self._partitions.items()
        )

    def fill(self, most_bytes: int) -> bool:  # noqa: ARG002 - the thread fills it
        """See Reader."""
        return False

    def take(self, most: int, most_bytes: int) -> Sequence[Record]:
        """See Reader."""
        ready = self._ready
        taken: list[Record] = []
        size = 0
        while ready and len(taken) < most:
            next_size = len(ready[0].event.json)
            if taken and size + next_size > most_bytes:
                break
            size += next_size
            taken.append(ready.popleft())
        self._ready_bytes -= size
        self._make_room()
        return taken

    def finish(self, records: Sequence[Record]) -> None:
        """See Reader."""
        for record in records:
            self._partitions[record.partition].finish(record.offset)

    def change(self, filter: Filter) -> None:
        """See Reader."""
        self._filter = filter
        ready, self._ready, self._ready_bytes = self._ready, deque(), 0
        for record in ready:
            if filter.matches(record.event.attributes):
                self._ready.append(record)
                self._ready_bytes += len(record.event.json)
            else:
                self._partitions[record.partition].finish(record.offset)
        self._make_room()

    def commit(self) -> None:
        """Have the thread tell Kafka up to where everything is done."""
        self._to_store = {number: partition.done for number, partition in self._partitions.items()}

    def close(self) -> None:
        """See Reader. What is done is stored by the thread, as its last."""
        if not self.closed:
            self.commit()
        self.closed = True
        self._ready.clear()
        self._ready_bytes = 0
        self._room.set()

    def _make_room(self) -> None:
        if len(self._ready) < MOST_READY and self._ready_bytes < MOST_READY_BYTES:
            self._room.set()

    def _arrived(self, messages: Sequence[Message]) -> None:
        """Take what the thread has read, in the loop."""
        if self.closed:
            return
        before = len(self._ready)
        try:
            for message in messages:
                self._take_in(message)
        finally:
            self._make_room()  # whatever comes, the thread may not wait for ever
        if len(self._ready) > before:
            self._wake()

    def _take_in(self, message: Message) -> None:
        number, offset = message.partition(), message.offset()
        if message.error() is not None or number is None or offset is None:
            logger.warning("%s: %s", self._topic, message.error())
            return
        partition = self._partitions[number]
        partition.next = offset + 1
        headers = message.headers() or []
        try:
            event = from_record(headers.items() if isinstance(headers, dict) else headers, message.value())
        except NotAnEvent as error:
            logger.error("%s/%d/%d is no event and is passed over: %s", self._topic, number, offset, error)
            return
        if self._filter.matches(event.attributes):
            partition.begin(offset)
            self._ready.append(Record(offset, message.timestamp()[1], event, number))
            self._ready_bytes += len(event.json)

    def _read_on(self) -> None:
        """The thread, which alone uses the consumer: hands over what has come, when there is room for it."""
        try:
            while not self.closed:
                self._store()
                first = self._consumer.poll(_POLL_S)
                if first is None:
                    continue
                messages = [first, *self._consumer.consume(_TAKEN_AT_ONCE - 1, 0)]
                self._room.clear()
                try:
                    self._loop.call_soon_threadsafe(self._arrived, messages)
                except RuntimeError:
                    return  # the loop has ended, and nobody closed the log
                while not self.closed and not self._room.wait(_POLL_S):
                    self._store()
            self._store()
        finally:
            self._consumer.close()

    def _store(self) -> None:
        wanted = self._to_store
        moved = [
            TopicPartition(self._topic, number, offset)
            for number, offset in wanted.items()
            if offset != self._stored[number]
        ]
        if moved:
            try:
                self._consumer.commit(offsets=moved, asynchronous=False)
            except KafkaException as error:
                logger.warning("%s: cursors are not stored, and are tried again: %s", self._topic, error)
            else:
                self._stored |= wanted
