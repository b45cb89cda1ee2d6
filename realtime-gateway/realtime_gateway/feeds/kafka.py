"""The feed from the broker's Kafka topic: each gateway reads all of it, from where the store's picture ends.

What the store's picture holds is known by the groups that store events: below the offsets that all of them have
committed, everything is in the store. So these are asked for first, then the store, and what follows them is read: no
event falls between the two, and one that is in both changes nothing, as it is not newer than what is shown.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from trackway.events import Event, InvalidEvent, from_kafka

AT_ONCE: Final = 500
"""Events that are taken in together, at most."""
WAITING: Final = 4
"""So many times AT_ONCE may wait for the event loop; then the topic waits."""
POLL_S: Final = 0.2
LOOK_S: Final = 1.0
ANSWER_S: Final = 10.0
TOPIC_S: Final = 30.0
"""How long the topic is waited for: who starts first, the broker or the gateway, is left open."""
CATCH_UP_S: Final = 10.0
"""How long the gateway waits for what was in the topic before it lets anybody watch."""

_NOT_YET: Final = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
"""What a cluster answers while a topic, or who keeps a group's offsets, is on its way."""

log = logging.getLogger("realtime_gateway")


class FeedUnavailable(Exception):
    """Kafka or the topic is not there; the message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """Where events are read: `servers` as `host:port,…`, the Broker's topic, and the groups that store its events."""

    servers: str
    topic: str
    stored_by: Sequence[str]


@dataclass(slots=True)
class Place:
    """By partition, where to begin, and the end that has to be reached to know all that was there then."""

    begin: Mapping[int, int]
    end: Mapping[int, int]


@dataclass(slots=True)
class _Reading:
    """A thread at work: partitions that are not through `left` to catch up with."""

    left: dict[int, int]
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    room: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(WAITING))


class KafkaFeed:
    """Hands the topic's events to `receive`, in the event loop."""

    def __init__(self, topic: KafkaTopic, receive: Callable[[Sequence[Event]], None]) -> None:
        self._topic = topic
        self._receive = receive
        self.lag = 0
        """Events of the topic that were not read yet, as the reading thread knew a second ago."""
        # A consumer wants a group; this one joins none and commits nothing.
        self._settings: dict[str, object] = {
            "bootstrap.servers": topic.servers,
            "group.id": topic.stored_by[0],
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 16 << 10,
            "logger": log,
            "log_level": 3,
        }

    async def locate(self) -> Place:
        """Where to begin, to be asked before the store is read. Raises FeedUnavailable."""
        return await asyncio.to_thread(self._locate)

    @asynccontextmanager
    async def running(self, place: Place) -> AsyncGenerator[None]:
        """Reads from `place` on; entered once what was there then is taken in."""
        left = {number: end for number, end in place.end.items() if place.begin[number] < end}
        reading = _Reading(left)
        thread = threading.Thread(
            target=self._read, args=(place, reading, asyncio.get_running_loop()), name="feed", daemon=True
        )
        thread.start()
        try:
            if left:
                try:
                    await asyncio.wait_for(reading.caught_up.wait(), CATCH_UP_S)
                except TimeoutError:
                    log.warning("the feed has not caught up in %s s; what is shown is behind for a while", CATCH_UP_S)
            yield
        finally:
            reading.stopping.set()
            await asyncio.to_thread(thread.join, ANSWER_S)

    def _locate(self) -> Place:
        consumer = Consumer(self._settings)
        deadline = time.monotonic() + TOPIC_S
        try:
            while True:
                try:
                    return self._ask(consumer)
                except KafkaException as error:
                    if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                        raise self._unavailable(error.args[0]) from error
                time.sleep(POLL_S)  # Kafka tells nobody when it is there
        finally:
            consumer.close()

    def _ask(self, consumer: Consumer) -> Place:
        topic = self._topic.topic
        described = consumer.list_topics(topic, timeout=ANSWER_S).topics[topic]
        if described.error is not None or not described.partitions:
            raise KafkaException(described.error or KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
        partitions = [TopicPartition(topic, number) for number in described.partitions]
        end = {each.partition: consumer.get_watermark_offsets(each, timeout=ANSWER_S)[1] for each in partitions}
        begin = dict(end)  # whoever stores begins there, too, before it has committed anything
        for group in self._topic.stored_by:
            for each in self._committed(group, partitions):
                if each.offset >= 0:
                    begin[each.partition] = min(begin[each.partition], each.offset)
        return Place(begin, end)

    def _committed(self, group: str, partitions: list[TopicPartition]) -> list[TopicPartition]:
        consumer = Consumer({**self._settings, "group.id": group})
        try:
            return consumer.committed(partitions, timeout=ANSWER_S)
        finally:
            consumer.close()

    def _unavailable(self, error: KafkaError) -> FeedUnavailable:
        topic, servers = self._topic.topic, self._topic.servers
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return FeedUnavailable(
                f"Kafka at {servers} has no topic {topic}: start what serves the Broker first, or say with "
                "TRACKWAY_KAFKA_TOPIC which topic it is"
            )
        return FeedUnavailable(f"no Kafka answers at {servers} ({error.str()}): start it first")

    # All below is the thread's.

    def _read(self, place: Place, reading: _Reading, loop: asyncio.AbstractEventLoop) -> None:
        consumer = Consumer(self._settings)
        try:
            topic = self._topic.topic
            consumer.assign([TopicPartition(topic, number, at) for number, at in place.begin.items()])
            looked = 0.0
            while not reading.stopping.is_set():
                first = consumer.poll(POLL_S)
                if time.monotonic() - looked > LOOK_S:
                    looked = time.monotonic()
                    self._look(consumer, place)
                if first is not None:
                    self._hand_over([first, *consumer.consume(AT_ONCE - 1, 0)], reading, loop)
        except RuntimeError:
            pass  # the loop has ended without a word
        except Exception:
            log.exception("the feed has ended; what is shown stays as it is until the gateway is started again")
        finally:
            self.lag = 0
            consumer.close()

    def _look(self, consumer: Consumer, place: Place) -> None:
        """Note how far behind it is. From this thread only: asked from another one the client may wait for a callback
        that waits for that one."""
        with suppress(KafkaException):
            self.lag = behind(consumer, self._topic.topic, place.begin)

    def _hand_over(self, messages: list[Message], reading: _Reading, loop: asyncio.AbstractEventLoop) -> None:
        events = [event for message in messages if (event := self._event(message)) is not None]
        if events:
            while not reading.room.acquire(timeout=POLL_S):
                if reading.stopping.is_set():
                    return
            loop.call_soon_threadsafe(partial(self._take, events, reading))
        if reading.left:
            _follow(messages, reading.left)
            if not reading.left:
                loop.call_soon_threadsafe(reading.caught_up.set)

    def _take(self, events: list[Event], reading: _Reading) -> None:
        try:
            self._receive(events)
        except Exception:
            log.exception("taking events in failed")
        finally:
            reading.room.release()

    def _event(self, message: Message) -> Event | None:
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                log.warning("the feed: %s", error.str())
            return None
        headers = message.headers() or []
        texts = headers.items() if isinstance(headers, dict) else headers
        try:
            return from_kafka([(name, _bytes(value)) for name, value in texts], message.value())
        except InvalidEvent as reason:
            log.warning(
                "%s/%s/%s is no event and is passed over: %s",
                message.topic(), message.partition(), message.offset(), reason.detail,
            )  # fmt: skip
            return None


def behind(consumer: Consumer, topic: str, begun: Mapping[int, int]) -> int:
    """How many events come after what was read, by what the client knows without asking. A partition has no position
    before its first event: it was `begun` there."""
    lag = 0
    for read in consumer.position([TopicPartition(topic, number) for number in begun]):
        _, end = consumer.get_watermark_offsets(read, cached=True)
        lag += max(0, end - (read.offset if read.offset >= 0 else begun[read.partition]))
    return lag


def _follow(messages: Sequence[Message], left: dict[int, int]) -> None:
    """Take out the partitions that these bring to the end that was to be reached."""
    for message in messages:
        number, offset, error = message.partition() or 0, message.offset() or 0, message.error()
        end = left.get(number)
        if end is not None and offset + (error is None) >= end:
            del left[number]


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
