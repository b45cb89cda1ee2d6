"""The newest events of a topic, by their places: what was written or read by this process is not parsed again."""

from __future__ import annotations

from collections import OrderedDict

from knative_local.cloudevent import CloudEvent

_MOST_BYTES = 16 << 20
# Beside its JSON, an event holds what was read of it.
_OVERHEAD = 1_000
_PARTITION_BITS = 48


class RecentEvents:
    """As many as fit into some megabytes, the oldest going first. For one event loop."""

    __slots__ = ("_bytes", "_events")

    def __init__(self) -> None:
        self._events: OrderedDict[int, CloudEvent] = OrderedDict()
        self._bytes = 0

    def get(self, partition: int, offset: int) -> CloudEvent | None:
        """The event there, if it is still known."""
        return self._events.get(partition << _PARTITION_BITS | offset)

    def put(self, partition: int, offset: int, event: CloudEvent) -> None:
        """Know this one."""
        place = partition << _PARTITION_BITS | offset
        if place in self._events:
            return
        self._events[place] = event
        self._bytes += len(event.json) + _OVERHEAD
        while self._bytes > _MOST_BYTES:
            _, oldest = self._events.popitem(last=False)
            self._bytes -= len(oldest.json) + _OVERHEAD
