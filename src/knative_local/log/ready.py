"""Records that lie ready for a Trigger, in order, with the bytes of their JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from knative_local.log.port import Record


class ReadyRecords:
    """What a reader hands out; `size` is in bytes."""

    __slots__ = ("_records", "size")

    def __init__(self) -> None:
        self._records: deque[Record] = deque()
        self.size = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, records: Sequence[Record], size: int) -> None:
        """These follow; their JSON has `size` bytes."""
        self._records.extend(records)
        self.size += size

    def take(self, most: int, most_bytes: int) -> list[Record]:
        """See Reader.take."""
        ready = self._records
        if len(ready) <= most and self.size <= most_bytes:
            taken = list(ready)
            self.clear()
            return taken
        taken = list[Record]()
        size = 0
        while ready and len(taken) < most:
            next_size = len(ready[0].event.json)
            if taken and size + next_size > most_bytes:
                break
            size += next_size
            taken.append(ready.popleft())
        self.size -= size
        return taken

    def drop(self, unwanted: Callable[[Record], bool]) -> list[Record]:
        """Those that are unwanted, which are not ready any more; each is asked about once."""
        records, dropped = tuple(self._records), list[Record]()
        self.clear()
        for record in records:
            if unwanted(record):
                dropped.append(record)
            else:
                self.add((record,), len(record.event.json))
        return dropped

    def clear(self) -> None:
        """None is ready."""
        self._records.clear()
        self.size = 0
