"""The newest events of a topic, by their places: what was written or read by this process is not parsed again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from knative_local.cloudevent import CloudEvent

UNKNOWN = -1
"""The offset of an event that is in Kafka, we do not know where."""

_MOST_BYTES = 16 << 20
# Beside its JSON, an event holds what was read of it.
_OVERHEAD = 1_000
_PARTITION_BITS = 48

Place = tuple[int, int]
"""Partition and offset."""


class _Batch(NamedTuple):
    places: Sequence[Place]
    times_ms: Iterable[int]
    events: Sequence[CloudEvent]


class RecentEvents:
    """As many as fit into some megabytes, the oldest going first, in the batches they came in.

    An event is known by its place and the time that stands there: a topic that is made anew has the same places.
    """

    __slots__ = ("_bytes", "_coming", "_events", "_held")

    def __init__(self) -> None:
        self._events: dict[int, tuple[int, CloudEvent]] = {}
        self._held: deque[tuple[Sequence[int], int]] = deque()  # the keys of a batch, and what it takes
        self._bytes = 0
        self._coming: deque[_Batch] = deque()

    def get(self, partition: int, offset: int, appended_ms: int) -> CloudEvent | None:
        """The event there, if it is still known. For the event loop only, as `settle`."""
        if self._coming:
            self.settle()
        known = self._events.get(partition << _PARTITION_BITS | offset)
        return known[1] if known is not None and known[0] == appended_ms else None

    def put(self, places: Sequence[Place], times_ms: Iterable[int], events: Sequence[CloudEvent]) -> None:
        """Know these. From any thread, so that they are known before anybody can read them in Kafka."""
        self._coming.append(_Batch(places, times_ms, events))

    def settle(self) -> None:
        """Take in what was put, and let go of what is too much."""
        while self._coming:
            self._take_in(self._coming.popleft())
        while self._bytes > _MOST_BYTES:
            keys, size = self._held.popleft()
            self._bytes -= size
            for key in keys:
                self._events.pop(key, None)

    def _take_in(self, batch: _Batch) -> None:
        keys = [partition << _PARTITION_BITS | offset for partition, offset in batch.places]
        self._events.update(zip(keys, zip(batch.times_ms, batch.events)))  # noqa: B905 - times may have no end
        self._events.pop(UNKNOWN, None)  # which such an offset makes of any partition
        size = sum([len(event.json) for event in batch.events]) + len(keys) * _OVERHEAD
        self._held.append((keys, size))
        self._bytes += size
