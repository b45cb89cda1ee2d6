"""The newest records of a Broker, kept in memory so that Triggers that keep up never read the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from knative_local.log.port import Record

_MOST_BYTES = 1 << 20
# Beside its JSON, a parsed record holds a dict and its texts.
_RECORD_OVERHEAD = 1_500


class Tail:
    """Records up to `end`, as many as fit into a megabyte: memory that is used again soon is still cached."""

    __slots__ = ("_bytes", "_commits", "_records", "end")

    def __init__(self, end: int) -> None:
        self.end = end
        self._records: list[Record] = []
        self._commits: deque[tuple[int, int]] = deque()  # how many records, and what they take
        self._bytes = 0

    @property
    def first(self) -> int:
        """The offset of the oldest record that is still here."""
        return self.end - len(self._records) + 1

    def extend(self, records: Sequence[Record], size: int) -> None:
        """Add records that follow `end` without a hole; their JSON has `size` bytes."""
        self._records.extend(records)
        self.end = records[-1].offset
        size += len(records) * _RECORD_OVERHEAD
        self._commits.append((len(records), size))
        self._bytes += size
        if self._bytes > _MOST_BYTES:
            self._halve()

    def read(self, after: int, limit: int, most_bytes: int) -> Sequence[Record] | None:
        """Records above `after`, bounded as EventLog.read says; None when they are not all here any more."""
        first = self.first
        if after + 1 < first:
            return None
        records = self._records[after + 1 - first : after + 1 - first + limit]
        size = 0
        for count, record in enumerate(records, 1):
            size += len(record.event.json)
            if size >= most_bytes:
                return records[:count]
        return records

    def _halve(self) -> None:
        # Half at a time: dropping the front of a list moves all that is behind it.
        dropped = 0
        while self._bytes > _MOST_BYTES // 2:
            count, size = self._commits.popleft()
            dropped += count
            self._bytes -= size
        del self._records[:dropped]
