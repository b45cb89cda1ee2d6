"""The newest events of a topic, by their places: what was written or read by this process is not parsed again."""

from __future__ import annotations

from collections import OrderedDict

from knative_local.cloudevent import CloudEvent

_MOST_BYTES = 16 << 20
# Beside its JSON, an event holds what was read of it.
_OVERHEAD = 1_000
_PARTITION_BITS = 48


class RecentEvents:
    """As many as fit into some megabytes, the oldest going first. For one event loop.

    An event is known by its place and the time that stands there: a topic that is made anew has the same places.
    """

    __slots__ = ("_bytes", "_events")

    def __init__(self) -> None:
        self._events: OrderedDict[int, tuple[int, CloudEvent]] = OrderedDict()
        self._bytes = 0

    def get(self, partition: int, offset: int, appended_ms: int) -> CloudEvent | None:
        """The event there, if it is still known."""
        known = self._events.get(partition << _PARTITION_BITS | offset)
        return known[1] if known is not None and known[0] == appended_ms else None

    def put(self, partition: int, offset: int, appended_ms: int, event: CloudEvent) -> None:
        """Know this one."""
        place = partition << _PARTITION_BITS | offset
        before = self._events.pop(place, None)
        if before is not None:
            self._bytes -= len(before[1].json) + _OVERHEAD
        self._events[place] = appended_ms, event
        self._bytes += len(event.json) + _OVERHEAD
        while self._bytes > _MOST_BYTES:
            _, (_, oldest) = self._events.popitem(last=False)
            self._bytes -= len(oldest.json) + _OVERHEAD
