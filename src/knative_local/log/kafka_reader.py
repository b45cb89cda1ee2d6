"""A Trigger's place in a Kafka topic: a member of its group in a thread, and what is done of each partition."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from knative_local.cloudevent import NotAnEvent
from knative_local.filters import Filter
from knative_local.log.kafka_recent import RecentEvents
from knative_local.log.kafka_records import event_of
from knative_local.log.port import Record
from knative_local.log.ready import ReadyRecords

# What lies ready for a Trigger that is busy; beyond it the consumer waits.
MOST_READY = 2_000
MOST_READY_BYTES = 8 << 20
_TAKEN_AT_ONCE = 500
_POLL_S = 0.2
# So long a Trigger that is busy is waited for before what was fetched for it is thrown away.
_PATIENCE_S = 2.0
_LOOP_S = 1.0
_ASKED_S = 5.0
# Others take over what a member had that says nothing for so long: a machine that is out of breath is not dead.
_SESSION_MS = 10_000
_MEMBER = {
    "partition.assignment.strategy": "cooperative-sticky",
    "session.timeout.ms": _SESSION_MS,
    "heartbeat.interval.ms": 1_000,
    "enable.partition.eof": True,
}
_LEFT_TO_OTHERS = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.FENCED_INSTANCE_ID)

logger = logging.getLogger(__name__)


class _Partition:
    """`next`: the offset behind the last record that the filter was asked about."""

    __slots__ = ("_begun", "_open", "next")

    def __init__(self, begin: int) -> None:
        self.next = begin
        self._begun: deque[int] = deque()
        self._open: set[int] = set()

    @property
    def done(self) -> int:
        """Below this offset everything is done: what Kafka is told."""
        return self._begun[0] if self._begun else self.next

    @property
    def open(self) -> int:
        """How many were handed out, or are to be, and are not done."""
        return len(self._open)

    def begin(self, offset: int) -> None:
        self._begun.append(offset)
        self._open.add(offset)

    def finish(self, offset: int) -> None:
        self._open.discard(offset)
        while self._begun and self._begun[0] not in self._open:
            self._begun.popleft()


class KafkaReader:
    """See Reader. Its thread alone uses the consumer; all else is the loop's.

    Of what goes to another member of the group, what was handed out is finished here, and comes there again.
    """

    def __init__(
        self,
        settings: Mapping[str, object],
        topic: str,
        begin: Mapping[int, int],
        ends: dict[int, int],
        recent: RecentEvents,
        filter: Filter,
        wake: Callable[[], None],
    ) -> None:
        """Goes on from `begin`, or where the group is beyond it; `ends` move on when there turns out to be more."""
        self._consumer = Consumer({**settings, **_MEMBER})
        self._topic = topic
        self._begin = dict(begin)
        self._ends = ends
        self._recent = recent
        self._filter = filter
        self._wake = wake
        # Until the group has said which are ours, all of them may be.
        self._partitions = {number: _Partition(offset) for number, offset in begin.items()}
        self._is_member = False
        self._ours: set[int] = set()
        self._stored = dict(begin)
        self._to_store = dict(begin)
        self._ready = ReadyRecords()
        self._loop = asyncio.get_running_loop()
        self._room = threading.Event()
        self._room.set()
        self._leaves = False
        self.closed = False
        self.waits = False
        self.thread = threading.Thread(target=self._read_on, name=f"reader of {topic}", daemon=True)
        self.thread.start()

    @property
    def ready(self) -> int:
        """See Reader."""
        return len(self._ready)

    @property
    def ready_bytes(self) -> int:
        """See Reader."""
        return self._ready.size

    @property
    def backlog(self) -> int:
        """See Reader; of the partitions that are this member's."""
        return sum(
            max(0, self._ends.get(number, 0) - partition.next) + partition.open
            for number, partition in self._partitions.items()
        )

    def fill(self, most_bytes: int) -> bool:  # noqa: ARG002 - the thread fills it
        """See Reader."""
        return False

    def take(self, most: int, most_bytes: int) -> Sequence[Record]:
        """See Reader."""
        taken = self._ready.take(most, most_bytes)
        self._make_room()
        return taken

    def finish(self, records: Sequence[Record]) -> None:
        """See Reader."""
        for record in records:
            partition = self._partitions.get(record.partition)
            if partition is not None:
                partition.finish(record.offset)

    def change(self, filter: Filter) -> None:
        """See Reader."""
        self._filter = filter
        self._drop_ready(lambda record: not filter.matches(record.event.attributes))

    def commit(self) -> None:
        """Have the thread tell Kafka up to where everything is done."""
        self._to_store = {number: partition.done for number, partition in self._partitions.items()}

    def close(self) -> None:
        """See Reader. Leaves the group; what is done is stored by the thread before."""
        self._leaves = True
        self.stop()

    def stop(self) -> None:
        """Hand out no more. The group waits a while for this member to come back."""
        if not self.closed:
            self.commit()
        self.closed = True
        self._ready.clear()
        self._room.set()

    def _drop_ready(self, unwanted: Callable[[Record], bool]) -> None:
        """Those count as done."""
        self.finish(self._ready.drop(unwanted))
        self._make_room()

    def _make_room(self) -> None:
        if not self._room.is_set() and len(self._ready) < MOST_READY and self._ready.size < MOST_READY_BYTES:
            self._room.set()

    def _arrived(self, messages: Sequence[Message], ends: Mapping[int, int]) -> None:
        """Take what the thread has read, in the loop."""
        if self.closed:
            return
        before = len(self._ready)
        for number, end in ends.items():
            self._ends[number] = max(self._ends.get(number, 0), end)
        try:
            for message in messages:
                self._take_in(message)
        finally:
            self._make_room()  # whatever comes, the thread may not wait for ever
        if len(self._ready) > before:
            self._wake()

    def _take_in(self, message: Message) -> None:
        number, offset, error = message.partition(), message.offset(), message.error()
        partition = None if number is None else self._partitions.get(number)
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            logger.warning("%s: %s", self._topic, error)
            return
        if partition is None or number is None or offset is None:
            return  # of a partition that has gone to another member meanwhile
        if error is not None:
            partition.next = max(partition.next, offset)  # behind marks of transactions
            return
        partition.next = offset + 1
        appended_ms = message.timestamp()[1]
        event = self._recent.get(number, offset, appended_ms)
        if event is None:
            try:
                event = event_of(message)
            except NotAnEvent as reason:
                logger.error("%s/%d/%d is no event and is passed over: %s", self._topic, number, offset, reason)
                return
            self._recent.put([(number, offset)], (appended_ms,), [event])
        if self._filter.matches(event.attributes):
            partition.begin(offset)
            self._ready.add((Record(offset, appended_ms, event, number),), len(event.json))

    def _assigned(self, begin: Mapping[int, int]) -> None:
        """The group has given us these, too."""
        if not self._is_member:
            self._is_member = True
            self._partitions = {}
        for number, offset in begin.items():
            self._partitions[number] = _Partition(offset)

    def _revoked(self, numbers: set[int], told: threading.Event) -> None:
        """These go to another member."""
        self.commit()
        self._partitions = {key: each for key, each in self._partitions.items() if key not in numbers}
        self._drop_ready(lambda record: record.partition in numbers)
        told.set()

    # All below is the thread's.

    def _read_on(self) -> None:
        """Hand over what has come, when there is room for it."""
        consumer = self._consumer
        try:
            consumer.subscribe(
                [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            while not self.closed:
                self._go_on()
            self._store()
            if self._leaves:
                self._leave()
        finally:
            consumer.close()

    def _go_on(self) -> None:
        try:
            self._store()
            self._poll(_POLL_S)
            if not self._has_room():
                self._wait_for_room()
        except KafkaException as error:
            logger.warning("%s: %s; going on", self._topic, error)
            time.sleep(_POLL_S)  # the thread is this reader's own

    def _leave(self) -> None:
        """A member that is expected back, as ours are, leaves by giving up what it reads, and not by closing."""
        try:
            self._consumer.unsubscribe()
            deadline = time.monotonic() + _ASKED_S
            while self._ours and time.monotonic() < deadline:
                self._consumer.poll(_POLL_S)
        except KafkaException as error:
            logger.info("%s: left without a word: %s", self._topic, error)

    def _poll(self, seconds: float) -> None:
        first = self._consumer.poll(seconds)
        if first is None:
            return
        messages = [first, *self._consumer.consume(_TAKEN_AT_ONCE - 1, 0)]
        self._room.clear()
        self._tell(partial(self._arrived, messages, self._known_ends(messages)))

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            self.closed = True  # the loop has ended, and nobody closed the log

    def _known_ends(self, messages: Sequence[Message]) -> dict[int, int]:
        ends: dict[int, int] = {}
        for number in {message.partition() for message in messages}:
            if number is not None:
                _, ends[number] = self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), cached=True)
        return ends

    def _has_room(self) -> bool:
        waited = 0.0
        while not self._room.wait(_POLL_S):
            self._store()
            waited += _POLL_S
            if waited >= _PATIENCE_S:
                return False
        return True

    def _wait_for_room(self) -> None:
        """Remain a member while the Trigger is busy for long: that takes polling, and so nothing may be fetched."""
        paused = set(self._ours)
        self._consumer.pause(self._places(paused))
        self.waits = True
        while not self.closed and not self._room.is_set():
            self._store()
            self._poll(_POLL_S)
        self.waits = False
        self._consumer.resume(self._places(paused & self._ours))

    def _places(self, numbers: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in numbers]

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        begin = {each.partition: self._begin.get(each.partition, 0) for each in partitions}
        try:
            stored = consumer.committed(partitions, timeout=_ASKED_S) if partitions else []
        except KafkaException as error:
            logger.warning("%s: begins where it did, as Kafka does not say what was done since: %s", self._topic, error)
        else:
            begin = {each.partition: max(each.offset, begin[each.partition]) for each in stored}
        self._stored |= begin
        self._ours |= begin.keys()
        self._tell(partial(self._assigned, begin))
        consumer.incremental_assign([TopicPartition(self._topic, number, at) for number, at in begin.items()])

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_up(partitions)
        self._store()
        self._unassign(consumer, partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        logger.warning("%s: out of the group for a while; what is under way may come again", self._topic)
        self._give_up(partitions)
        self._unassign(consumer, partitions)

    def _unassign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._ours -= {each.partition for each in partitions}
        consumer.incremental_unassign(partitions)

    def _give_up(self, partitions: Sequence[TopicPartition]) -> None:
        if self.closed:
            return  # all is told already, and the loop may be waiting for this thread
        told = threading.Event()
        self._tell(partial(self._revoked, {each.partition for each in partitions}, told))
        told.wait(_LOOP_S)

    def _store(self) -> None:
        # Kept here, as the consumer's `assignment` waits for its thread while it holds the interpreter's lock.
        moved = {
            number: offset
            for number, offset in self._to_store.items()
            if number in self._ours and offset > self._stored.get(number, 0)  # never back: others may have gone on
        }
        if not moved:
            return
        try:
            offsets = [TopicPartition(self._topic, number, offset) for number, offset in moved.items()]
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            level = logging.INFO if error.args[0].code() in _LEFT_TO_OTHERS else logging.WARNING
            logger.log(level, "%s: cursors are not stored, and are tried again: %s", self._topic, error)
        else:
            self._stored |= moved
