"""Events on their way into Kafka, one by one: with an idempotent producer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from knative_local.cloudevent import CloudEvent, NotAnEvent
from knative_local.log.durable import Durable
from knative_local.log.kafka_recent import UNKNOWN, Place, RecentEvents
from knative_local.log.kafka_records import KafkaRecord, to_record

POLL_S = 0.5
# The Knative receiver's: so long an event waits for a Kafka that is away before it is refused.
DELIVERY_S = 120.0
PRODUCER = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",  # Java's, so that a key's events lie where Knative's own receiver puts them
    "linger.ms": 0,
}


class Append:
    """Events that are acknowledged together, once each has its place (the offset of some may stay UNKNOWN), or refused
    together. They are `recent` ones as soon as they have a place."""

    __slots__ = ("appended_ms", "broker", "durable", "events", "places", "recent", "refused", "topic")

    def __init__(
        self, broker: str, topic: str, events: Sequence[CloudEvent], recent: RecentEvents | None = None
    ) -> None:
        self.broker = broker
        self.topic = topic
        self.events = events
        self.recent = recent
        self.durable = Durable()
        self.places: Sequence[Place] = [(0, UNKNOWN)] * len(events)
        self.appended_ms = 0
        self.refused: str | None = None

    def placed(self, places: Sequence[Place]) -> None:
        """They lie there, whether they can be read already or not."""
        self.places = places
        if self.recent is not None:
            self.recent.put(places, repeat(self.appended_ms), self.events)


class Written(Protocol):
    """A Message, as far as it is looked at."""

    def partition(self) -> int | None: ...

    def offset(self) -> int | None: ...


Told = Callable[[KafkaError | None, Written], None]
"""What the client calls for a record that is written, or cannot be."""

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
        self._producer = Producer({**settings, **PRODUCER, "delivery.timeout.ms": int(DELIVERY_S * 1000)})
        self._answered = answered
        self._now_ms = now_ms
        self._closed = False
        self._poller = threading.Thread(target=self._poll, name="answers of Kafka", daemon=True)
        self._poller.start()

    def write(self, append: Append, to: Callable[[CloudEvent], KafkaRecord] = to_record) -> None:
        """Have its event written, as the record that `to` makes of it."""
        try:
            append.appended_ms = self._now_ms()
            record = to(append.events[0])
            self._producer.produce(
                append.topic,
                record.value,
                record.key,
                headers=record.headers,
                timestamp=append.appended_ms,
                on_delivery=partial(self._delivered, append),
            )
        except (KafkaException, BufferError, NotAnEvent) as error:
            append.refused = text_of(error)
            self._answered(append)

    def close(self, seconds: float) -> None:
        """Give what is on its way so many seconds."""
        self._producer.flush(seconds)
        self._closed = True
        self._poller.join(seconds)

    def _delivered(self, append: Append, error: KafkaError | None, message: Written) -> None:
        if error is not None:
            append.refused = error.str()
        else:
            append.placed([(message.partition() or 0, offset_of(message))])
        self._answered(append)

    def _poll(self) -> None:
        while not self._closed:
            self._producer.poll(POLL_S)


def offset_of(message: Written) -> int:
    """UNKNOWN where Kafka had the record already, as a request was sent twice."""
    offset = message.offset()
    return UNKNOWN if offset is None else offset


def text_of(error: Exception) -> str:
    """What is wrong, for people."""
    return error.args[0].str() if isinstance(error, KafkaException) else str(error)
