"""What lies in a Kafka topic as people page through it: one row of numbers over all its partitions."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from knative_local.cloudevent import NotAnEvent
from knative_local.log.kafka_records import event_of
from knative_local.log.port import LogUnavailable, Record

# Of each partition, in one page: pages are read as a whole, as they are put in order by time.
_PAGE = 200
_MOST_PAGES = 4_000
_PAGES_KEPT = 4
_READING_S = 3.0
_AGAIN_S = 0.005
_AT_ONCE = 500

logger = logging.getLogger(__name__)

Places = tuple[int, ...]
"""An offset for each partition."""


class _Page(NamedTuple):
    """Begins behind `number`, at `places`."""

    number: int
    places: Places


class KafkaPages:
    """Numbers for a topic's records, which follow the time within a page and stay what they are while this lives.

    A page has as many numbers as offsets; those that no event has (marks of transactions) are at its end. Reading
    blocks for some milliseconds: it is for people, and may be done in any thread.
    """

    def __init__(
        self, settings: Mapping[str, object], topic: str, bounds: Callable[[str], Mapping[int, tuple[int, int]]],
        acknowledged: Callable[[], Mapping[int, int]],
    ) -> None:  # fmt: skip
        """`bounds` gives a topic's partitions' first offsets and those behind the last that is committed.

        `acknowledged`: behind the last of which we know that it is there, as a transaction counts as committed some
        moments before it can be read.
        """
        self._settings = {**settings, "group.id": "reading", "enable.partition.eof": True}
        self._topic = topic
        self._bounds = bounds
        self._acknowledged = acknowledged
        self._lock = threading.Lock()
        self._first: Places = ()
        self._pages: list[_Page] = []  # the last one is where the topic ended
        self._kept: OrderedDict[_Page, Sequence[Record]] = OrderedDict()

    def end(self) -> int:
        """The number of the newest record, 0 where there is none. Raises LogUnavailable."""
        with self._lock:
            return self._end()

    def read(self, after: int, limit: int, most_bytes: int) -> list[Record]:
        """See EventLog. Raises LogUnavailable."""
        with self._lock:
            return self._read(after, limit, most_bytes)

    def _end(self) -> int:
        self._look()
        if not self._pages:
            return 0
        for page, following in zip(self._pages[-2::-1], self._pages[:0:-1], strict=True):
            if records := self._records(page, following):
                return records[-1].offset
        return self._pages[0].number

    def _read(self, after: int, limit: int, most_bytes: int) -> list[Record]:
        self._look()
        while self._pages and after < self._pages[0].number and self._pages[0].places != self._first:
            self._begin_before()
        found: list[Record] = []
        size = 0
        for page, following in zip(self._pages, self._pages[1:], strict=False):
            if following.number <= after:
                continue
            for record in self._records(page, following):
                if record.offset <= after:
                    continue
                found.append(record)
                size += len(record.event.json)
                if len(found) == limit or size >= most_bytes:
                    return found
        return found

    def _look(self) -> None:
        """See how far the topic goes by now."""
        bounds = self._awaited_bounds()
        if self._pages and len(self._pages[0].places) != len(bounds):
            self._pages.clear()  # it has other partitions than it had
        if not bounds:
            return
        numbers = range(len(bounds))
        self._first = tuple(bounds[number][0] for number in numbers)
        ends = tuple(bounds[number][1] for number in numbers)
        if not self._pages:
            begin = tuple(max(low, end - _PAGE) for low, end in zip(self._first, ends, strict=True))
            self._pages.append(_Page(sum(begin), begin))
        while (last := self._pages[-1]).places != ends:
            places = tuple(max(at, min(at + _PAGE, end)) for at, end in zip(last.places, ends, strict=True))
            if places == last.places:
                return  # a topic that was made anew is shorter than it was
            self._pages.append(_Page(last.number + sum(places) - sum(last.places), places))
        del self._pages[:-_MOST_PAGES]

    def _awaited_bounds(self) -> Mapping[int, tuple[int, int]]:
        deadline = time.monotonic() + _READING_S
        while True:
            bounds = self._bounds(self._topic)
            missing = any(bounds[number][1] < end for number, end in self._acknowledged().items() if number in bounds)
            if not missing or time.monotonic() > deadline:
                return bounds
            time.sleep(_AGAIN_S)  # Kafka tells nobody

    def _begin_before(self) -> None:
        first = self._pages[0]
        places = tuple(max(low, at - _PAGE) for low, at in zip(self._first, first.places, strict=True))
        self._pages.insert(0, _Page(first.number - sum(first.places) + sum(places), places))

    def _records(self, page: _Page, following: _Page) -> Sequence[Record]:
        """What lies between two pages' beginnings."""
        records = self._kept.get(page)
        if records is None:
            records = self._kept[page] = self._numbered(page, self._between(page.places, following.places))
            if len(self._kept) > _PAGES_KEPT:
                self._kept.popitem(last=False)
        return records

    def _numbered(self, page: _Page, messages: list[Message]) -> list[Record]:
        messages.sort(key=lambda message: (message.timestamp()[1], message.partition() or 0, message.offset() or 0))
        records: list[Record] = []
        for number, message in enumerate(messages, page.number + 1):
            try:
                event = event_of(message)
            except NotAnEvent:
                continue  # whoever reads on tells of it
            records.append(Record(number, message.timestamp()[1], event, message.partition() or 0))
        return records

    def _between(self, begin: Places, end: Places) -> list[Message]:
        left = {number: until for number, until in enumerate(end) if begin[number] < until}
        found: list[Message] = []
        consumer = Consumer(self._settings)
        deadline = time.monotonic() + _READING_S
        try:
            consumer.assign([TopicPartition(self._topic, number, begin[number]) for number in left])
            while left:
                messages = consumer.consume(_AT_ONCE, 0.1)
                if not messages and time.monotonic() > deadline:
                    raise LogUnavailable(f"Kafka does not give what is in {self._topic}: no answer in time")
                found += [message for message in messages if _is_before(message, left)]
        except KafkaException as error:
            raise LogUnavailable(f"Kafka does not give what is in {self._topic}: {error.args[0].str()}") from error
        finally:
            consumer.close()
        return found


def _is_before(message: Message, left: dict[int, int]) -> bool:
    """Whether it is a record before where its partition's part ends; a part that is through is `left` no more."""
    number, offset, error = message.partition() or 0, message.offset() or 0, message.error()
    until = left.get(number)
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        logger.warning("%s: %s", message.topic(), error)
        return False
    if until is None:
        return False
    if offset >= until - (error is None):
        del left[number]
    return error is None and offset < until
