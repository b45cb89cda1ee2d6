"""Order by key: events of one `partitionkey` go one after the other, those of different keys side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from knative_local.log.port import Record


class Lanes:
    """A lane per key that has events. An event without a key has a lane of its own, as nothing was promised for it."""

    def __init__(self) -> None:
        self._lanes: dict[str | int, deque[Record]] = {}
        self._free: deque[str | int] = deque()  # lanes with events, none of which is under way
        self._busy: dict[str | int, int] = {}  # how many of a lane are under way
        self._ready = 0

    @property
    def ready(self) -> int:
        """How many events could be under way at once now."""
        return self._ready

    def extend(self, records: Iterable[Record]) -> None:
        """Add records in the order of the log."""
        for record in records:
            key = _key(record)
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = deque()
                if key not in self._busy:
                    self._free.append(key)
            lane.append(record)
            if key not in self._busy:
                self._ready += 1

    def take(self, most: int, most_bytes: int) -> Sequence[Record]:
        """The next ones of lanes that are free, which are busy until all that was taken is finished.

        At most so many, no further one once their JSON has `most_bytes`; those of a lane are in order.
        """
        taken: list[Record] = []
        size = 0
        while self._free and len(taken) < most:
            key = self._free.popleft()
            lane = self._lanes[key]
            self._ready -= len(lane)
            count = 0
            while lane and len(taken) < most and (not taken or size + len(lane[0].event.json) <= most_bytes):
                size += len(lane[0].event.json)
                taken.append(lane.popleft())
                count += 1
            if not lane:
                del self._lanes[key]
            if not count:  # nothing more goes into this delivery
                self._free.appendleft(key)
                self._ready += len(lane)
                break
            self._busy[key] = count
        return taken

    def finish(self, records: Iterable[Record]) -> None:
        """These are done: lanes of which nothing is under way are free again."""
        for record in records:
            key = _key(record)
            left = self._busy[key] - 1
            if left:
                self._busy[key] = left
                continue
            del self._busy[key]
            lane = self._lanes.get(key)
            if lane is not None:
                self._free.append(key)
                self._ready += len(lane)


def _key(record: Record) -> str | int:
    return record.event.attributes.get("partitionkey", record.offset)
