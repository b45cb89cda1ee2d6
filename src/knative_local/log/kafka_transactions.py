"""Events on their way into Kafka, several together: in transactions, each of which takes all that waits."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, cycle, islice, repeat

from confluent_kafka import KafkaError, KafkaException, Producer

from knative_local.cloudevent import NotAnEvent
from knative_local.log.kafka_partitions import partitions_of
from knative_local.log.kafka_recent import UNKNOWN
from knative_local.log.kafka_records import KafkaRecord, to_record
from knative_local.log.kafka_writing import (
    DELIVERY_S,
    POLL_S,
    PRODUCER,
    Answered,
    Append,
    Told,
    Written,
    offset_of,
    text_of,
)

_AGAIN_S = 0.2
_ANSWER_S = 5.0
# Kafka marks the end of a transaction some milliseconds after it is told, and has a producer's next one wait for that.
_PRODUCERS = 2
_MOST_IN_TRANSACTION = 5_000
# A process that died in a transaction holds up those who read until it is back, or for so long.
_TRANSACTION_MS = 15_000
_SETTINGS = PRODUCER | {
    "transaction.timeout.ms": _TRANSACTION_MS,
    # A commit sends what waits. Nothing is sent before, so that all of a partition's records go in one batch.
    "linger.ms": 1_000,
}
# Who makes partitions at a topic that is in use is followed after so long; Kafka's own clients take as long.
_COUNT_HOLDS_S = 300.0
# What is wrong with the event itself.
_PERMANENT = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD)

logger = logging.getLogger(__name__)


class TransactionWriter:
    """Writes appends of several events, each of them all or none for those who read what is committed.

    One transaction at a time, and what waits meanwhile goes together in the next: a transaction costs Kafka the same,
    whatever is in it.
    """

    def __init__(
        self, settings: Mapping[str, object], name: str, answered: Answered, now_ms: Callable[[], int]
    ) -> None:
        """`name` is this node's: the next process that has it ends the transactions that a dead one has left."""
        self.lines = [
            Line({**settings, **_SETTINGS, "transactional.id": f"{name}-{number}"}) for number in range(_PRODUCERS)
        ]
        self._answered = answered
        self._now_ms = now_ms
        self._waiting: queue.SimpleQueue[Sequence[Append] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="transactions of Kafka", daemon=True)
        self._thread.start()

    def write(self, appends: Sequence[Append]) -> None:
        """Have their events written."""
        self._waiting.put(appends)

    def close(self, seconds: float) -> None:
        """Write what waits, if Kafka takes it."""
        self._closing.set()
        self._waiting.put(None)
        self._thread.join(seconds)

    # All below is the thread's.

    def _work(self) -> None:
        for line in self.lines:
            line.begin()
        for line in cycle(self.lines):
            appends = self._gathered()
            if not appends:
                return
            self._write(line, appends, time.monotonic() + DELIVERY_S)

    def _gathered(self) -> list[Append]:
        """What waits, or comes next; nothing is the end."""
        gathered = list[Append]()
        count = 0
        while count < _MOST_IN_TRANSACTION:
            try:
                more = self._waiting.get(block=not gathered)
            except queue.Empty:
                break
            if more is None:
                self._waiting.put(None)
                break
            gathered += more
            count += sum([len(append.events) for append in more])
        return gathered

    def _write(self, line: Line, appends: Sequence[Append], deadline: float) -> None:
        """See that each is written or refused."""
        while appends:
            try:
                self._in_transaction(line, appends, deadline)
            except (KafkaException, NotAnEvent) as error:
                line.abort()
                appends = self._after(error, line, appends, deadline)
            else:
                self._answer(appends)
                return

    def _answer(self, appends: Iterable[Append]) -> None:
        for append in appends:
            self._answered(append)

    def _after(self, error: Exception, line: Line, appends: Sequence[Append], deadline: float) -> Sequence[Append]:
        """Refuse what cannot be written; gives those that are to be tried again."""
        refused = [append for append in appends if append.refused is not None]
        if not refused and _is_permanent(error) and len(appends) > 1:  # it does not say whose fault it is
            for append in appends:
                self._write(line, [append], deadline)
            return []
        if not refused and (_is_permanent(error) or time.monotonic() > deadline or self._closing.is_set()):
            refused = appends
        for append in refused:
            append.refused = append.refused or text_of(error)
        self._answer(refused)
        if not refused:
            logger.warning("a transaction is tried again: %s", text_of(error))
            self._closing.wait(_AGAIN_S)
        return [append for append in appends if append.refused is None]

    def _in_transaction(self, line: Line, appends: Sequence[Append], deadline: float) -> None:
        """Raises what kept it from being committed; an append is `refused` by then if it is known to be its fault."""
        producer = line.ready()
        by_topic: dict[str, list[Append]] = {}
        for append in appends:
            by_topic.setdefault(append.topic, []).append(append)
        counts = {topic: line.count_of(topic) for topic in by_topic}
        producer.begin_transaction()
        now_ms = self._now_ms()
        placings = [_produce(producer, theirs, counts[topic], now_ms) for topic, theirs in by_topic.items()]
        producer.flush()
        for placing in placings:
            placing.place()  # now, since others may read them before we hear that they are committed
        self._commit(producer, deadline)

    def _commit(self, producer: Producer, deadline: float) -> None:
        while True:
            try:
                return producer.commit_transaction()
            except KafkaException as error:
                if not error.args[0].retriable() or self._closing.is_set() or time.monotonic() > deadline:
                    raise


class Line:
    """A producer for transactions, which is made when it is wanted, and again where one has to be given up."""

    def __init__(self, settings: dict[str, object]) -> None:
        self.settings = settings
        self._producer: Producer | None = None
        self._counts: dict[str, tuple[int, float]] = {}

    @property
    def is_ready(self) -> bool:
        """Whether what a process before this one has left open is ended."""
        return self._producer is not None

    def begin(self) -> None:
        """End what a process before this one has left open, if Kafka is there."""
        try:
            self.ready()
        except KafkaException as error:
            logger.info("transactions are not ready yet: %s", text_of(error))

    def ready(self) -> Producer:
        """The producer, in no transaction. Raises KafkaException."""
        if self._producer is None:
            producer = Producer(self.settings)
            producer.init_transactions(_ANSWER_S)
            self._producer = producer
        return self._producer

    def count_of(self, topic: str) -> int:
        """How many partitions the topic has. Raises KafkaException."""
        count, until = self._counts.get(topic, (0, 0.0))
        if time.monotonic() > until:
            described = self.ready().list_topics(topic, _ANSWER_S).topics[topic]
            if described.error is not None or not described.partitions:  # told so, and not raised
                raise KafkaException(described.error or KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
            count = len(described.partitions)
            self._counts[topic] = count, time.monotonic() + _COUNT_HOLDS_S
        return count

    def abort(self) -> None:
        """Leave the transaction; where that cannot be, the next producer's beginning ends it."""
        self._counts.clear()
        if self._producer is not None:
            try:
                self._producer.abort_transaction(_ANSWER_S)
            except KafkaException as error:
                logger.info("the producer is made anew: %s", text_of(error))
                self._producer = None


class Placing:
    """Where the events of appends in one topic come to lie.

    Being told of an event takes the interpreter's lock from the loop, so of each partition only the first and the last
    are told of. Those between them lie between them, unless somebody else's do.
    """

    def __init__(self, appends: Sequence[Append], partitions: Sequence[int]) -> None:
        self._appends = appends
        self._partitions = partitions
        first = dict(zip(reversed(partitions), range(len(partitions) - 1, -1, -1), strict=True))
        last = {partition: number for number, partition in enumerate(partitions)}
        self.telling = {*first.values(), *last.values()}
        self._ends: dict[int, list[int]] = {}
        self._failed = False

    def told(self, error: KafkaError | None, message: Written) -> None:
        """Of one of those that are `telling`; an error fails the transaction, which says so itself."""
        if error is None:
            self._ends.setdefault(message.partition() or 0, []).append(offset_of(message))
        else:
            self._failed = True

    def place(self) -> None:
        """Tell the appends, once all was sent."""
        if self._failed:
            return
        counts = Counter(self._partitions)
        offsets = {partition: _between(ends[0], ends[-1], counts[partition]) for partition, ends in self._ends.items()}
        places = zip(self._partitions, map(next, map(offsets.__getitem__, self._partitions)), strict=True)
        for append in self._appends:
            append.placed(list(islice(places, len(append.events))))


def _between(first: int, last: int, count: int) -> Iterator[int]:
    """The offsets of `count` records of which two are known."""
    if last - first + 1 == count:
        return iter(range(first, last + 1))
    return chain((first,), repeat(UNKNOWN, count - 2), (last,))


def _produce(producer: Producer, appends: Sequence[Append], count: int, now_ms: int) -> Placing:
    """Write appends of one topic, which has `count` partitions; raises as `_in_transaction`."""
    partitions = [partition for append in appends for partition in partitions_of(append.events, count)]
    topic, placing = appends[0].topic, Placing(appends, partitions)
    numbers = iter(range(len(partitions)))
    for append in appends:
        append.appended_ms = now_ms
        try:
            for event, number in zip(append.events, numbers, strict=False):
                told = placing.told if number in placing.telling else None
                _put(producer, topic, to_record(event), partitions[number], now_ms, told)
        except (KafkaException, NotAnEvent) as error:
            if _is_permanent(error):
                append.refused = text_of(error)
            raise
    return placing


def _put(
    producer: Producer, topic: str, record: KafkaRecord, partition: int, now_ms: int, told: Told | None
) -> None:  # fmt: skip
    """Into the producer's queue, when there is room."""
    while True:
        try:
            return producer.produce(
                topic, record.value, record.key, partition, told, timestamp=now_ms, headers=record.headers
            )
        except BufferError:
            producer.poll(POLL_S)


def _is_permanent(error: Exception) -> bool:
    """Whether something is wrong with an event itself."""
    return isinstance(error, NotAnEvent) or (isinstance(error, KafkaException) and error.args[0].code() in _PERMANENT)
