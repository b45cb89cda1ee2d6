"""Events on their way into Kafka: one by one with an idempotent producer, several together in a transaction."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from knative_local.cloudevent import CloudEvent, NotAnEvent
from knative_local.log.durable import Durable
from knative_local.log.kafka_records import KafkaRecord, to_record

_POLL_S = 0.5
_AGAIN_S = 0.2
_ANSWER_S = 5.0
# The Knative receiver's: so long an event waits for a Kafka that is away before it is refused.
_DELIVERY_S = 120.0
# Beside single transactions, whose every commit costs a round of its own, a few keep the cluster busy.
_WRITERS = 4
_MOST_IN_TRANSACTION = 5_000
_PRODUCER = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # Java's, so that a key's events lie where Knative's own receiver puts them
    "linger.ms": 0,
}
# A process that died in a transaction holds up those who read until it is back, or for so long.
_TRANSACTION_MS = 15_000
# What is wrong with the event itself.
_PERMANENT = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD)

logger = logging.getLogger(__name__)


class Append:
    """Events that are acknowledged together, once each has its place (partition and offset), or refused together."""

    __slots__ = ("appended_ms", "broker", "durable", "events", "places", "refused", "topic")

    def __init__(self, broker: str, topic: str, events: Sequence[CloudEvent]) -> None:
        self.broker = broker
        self.topic = topic
        self.events = events
        self.durable = Durable()
        self.places: list[tuple[int, int]] = [(0, 0)] * len(events)
        self.appended_ms = 0
        self.refused: str | None = None


Answered = Callable[[Append], None]
"""Told from any thread, once for each append: it is in Kafka, or `refused`."""


class SingleWriter:
    """Writes appends of one event, as many at once as there are."""

    def __init__(
        self,
        settings: Mapping[str, object],
        answered: Answered,
        now_ms: Callable[[], int],
    ) -> None:
        self._producer = Producer({**settings, **_PRODUCER, "delivery.timeout.ms": int(_DELIVERY_S * 1000)})
        self._answered = answered
        self._now_ms = now_ms
        self._closed = False
        self._poller = threading.Thread(target=self._poll, name="answers of Kafka", daemon=True)
        self._poller.start()

    def write(self, append: Append, to: Callable[[CloudEvent], KafkaRecord] = to_record) -> None:
        """Have its event written, as the record that `to` makes of it."""
        try:
            append.appended_ms = self._now_ms()
            _produce(self._producer, append, 0, partial(self._delivered, append), to)
        except (KafkaException, BufferError, NotAnEvent) as error:
            append.refused = _text(error)
            self._answered(append)

    def close(self, seconds: float) -> None:
        """Give what is on its way so many seconds."""
        self._producer.flush(seconds)
        self._closed = True
        self._poller.join(seconds)

    def _delivered(self, append: Append, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            append.refused = error.str()
        else:
            append.places[0] = (message.partition() or 0, message.offset() or 0)
        self._answered(append)

    def _poll(self) -> None:
        while not self._closed:
            self._producer.poll(_POLL_S)


class TransactionWriter:
    """Writes appends of several events, each of them all or none for those who read what is committed.

    What waits while all of its threads are in a transaction goes together in the next.
    """

    def __init__(
        self, settings: Mapping[str, object], name: str, answered: Answered, now_ms: Callable[[], int]
    ) -> None:
        """`name` is this node's: the next process that has it ends the transactions that a dead one has left."""
        self._waiting: queue.SimpleQueue[Sequence[Append] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._writers = [
            _Writer(
                {**settings, "transactional.id": f"{name}-{number}"}, self._waiting, self._closing, answered, now_ms
            )
            for number in range(_WRITERS)
        ]

    def write(self, appends: Sequence[Append]) -> None:
        """Have their events written."""
        self._waiting.put(appends)

    def close(self, seconds: float) -> None:
        """Write what waits, if Kafka takes it."""
        self._closing.set()
        for _ in self._writers:
            self._waiting.put(None)
        for writer in self._writers:
            writer.thread.join(seconds)


class _Writer:
    """One transaction after the other, in a thread."""

    def __init__(
        self, settings: Mapping[str, object], waiting: queue.SimpleQueue[Sequence[Append] | None],
        closing: threading.Event, answered: Answered, now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._settings = {**settings, **_PRODUCER, "transaction.timeout.ms": _TRANSACTION_MS}
        self._waiting = waiting
        self._closing = closing
        self._answered = answered
        self._now_ms = now_ms
        self._producer: Producer | None = None
        self.thread = threading.Thread(target=self._work, name="transactions of Kafka", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        try:
            self._ready_producer()  # at once, as it ends what a process before this one has left open
        except KafkaException as error:
            logger.info("transactions are not ready yet: %s", _text(error))
        while (appends := self._waiting.get()) is not None:
            self._write(self._gathered(appends))

    def _gathered(self, appends: Sequence[Append]) -> list[Append]:
        gathered = list(appends)
        count = sum(len(append.events) for append in gathered)
        while count < _MOST_IN_TRANSACTION:
            try:
                more = self._waiting.get_nowait()
            except queue.Empty:
                break
            if more is None:  # the end, which is somebody's
                self._waiting.put(None)
                break
            gathered += more
            count += sum(len(append.events) for append in more)
        return gathered

    def _write(self, appends: list[Append]) -> None:
        """See that each is written or refused."""
        deadline = time.monotonic() + _DELIVERY_S
        while appends:
            try:
                self._in_transaction(appends, deadline)
            except (KafkaException, NotAnEvent) as error:
                self._abort()
                refused = [append for append in appends if append.refused is not None]
                if not refused and (time.monotonic() > deadline or self._closing.is_set()):
                    refused = appends
                for append in refused:
                    append.refused = append.refused or _text(error)
                    self._answered(append)
                appends = [append for append in appends if append not in refused]
                if not refused:
                    logger.warning("a transaction is tried again: %s", _text(error))
                    self._closing.wait(_AGAIN_S)
            else:
                for append in appends:
                    self._answered(append)
                return

    def _in_transaction(self, appends: Sequence[Append], deadline: float) -> None:
        """Raises what kept it from being committed; it is `refused` by then if that is an append's own fault."""
        producer = self._ready_producer()
        producer.begin_transaction()
        now_ms = self._now_ms()
        for append in appends:
            append.appended_ms = now_ms
            for number in range(len(append.events)):
                self._produce(producer, append, number)
        while True:
            try:
                producer.commit_transaction()
            except KafkaException as error:
                if not error.args[0].retriable() or self._closing.is_set() or time.monotonic() > deadline:
                    raise
            else:
                return

    def _produce(self, producer: Producer, append: Append, number: int) -> None:
        while True:
            try:
                return _produce(producer, append, number, partial(_placed, append, number))
            except BufferError:
                producer.poll(_POLL_S)
            except NotAnEvent as error:
                append.refused = str(error)
                raise
            except KafkaException as error:
                if error.args[0].code() in _PERMANENT:
                    append.refused = _text(error)
                raise

    def _ready_producer(self) -> Producer:
        if self._producer is None:
            producer = Producer(self._settings)
            producer.init_transactions(_ANSWER_S)
            self._producer = producer
        return self._producer

    def _abort(self) -> None:
        """Leave the transaction; where that cannot be, the next producer's beginning ends it."""
        if self._producer is not None:
            try:
                self._producer.abort_transaction(_ANSWER_S)
            except KafkaException as error:
                logger.info("the producer is made anew: %s", _text(error))
                self._producer = None


def _produce(
    producer: Producer, append: Append, number: int,
    told: Callable[[KafkaError | None, Message], None], to: Callable[[CloudEvent], KafkaRecord] = to_record,
) -> None:  # fmt: skip
    record = to(append.events[number])
    producer.produce(
        append.topic,
        record.value,
        record.key,
        headers=record.headers,
        timestamp=append.appended_ms,
        on_delivery=told,
    )


def _placed(append: Append, number: int, error: KafkaError | None, message: Message) -> None:
    if error is None:
        append.places[number] = (message.partition() or 0, message.offset() or 0)
    elif error.code() in _PERMANENT:
        append.refused = error.str()


def _text(error: Exception) -> str:
    return error.args[0].str() if isinstance(error, KafkaException) else str(error)
