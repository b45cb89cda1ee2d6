"""What a commit brings, handed to the Triggers that want it: who keeps up never reads the log."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from knative_local.filters import Filter
from knative_local.filters.matcher import Matcher
from knative_local.log.port import Record, bytes_of
from knative_local.log.ready import ReadyRecords

# What a Trigger that is busy has lying ready; beyond it reads the log when it comes to it.
MOST_READY = 2_000
MOST_READY_BYTES = 8 << 20
_READ_AT_ONCE = 500

Read = Callable[[int, int, int], Sequence[Record]]
"""Records above an offset: so many, so many bytes."""


class _Parcel(NamedTuple):
    """Records, with what every Trigger that gets them has to know of them."""

    records: Sequence[Record]
    offsets: Sequence[int]
    size: int


def _parcel(records: Sequence[Record]) -> _Parcel:
    return _Parcel(records, [record.offset for record in records], bytes_of(records))


class FeedReader:
    """See Reader. `scanned` is the offset up to which the Trigger's filter was asked about every event."""

    def __init__(self, feed: Feed, done: int, filter: Filter, wake: Callable[[], None]) -> None:
        self.filter = filter
        self.scanned = done
        self.behind = done < feed.end
        self.wake = wake
        self._feed = feed
        self._ready = ReadyRecords()
        self._open: deque[int] = deque()
        self._finished: set[int] = set()

    @property
    def done(self) -> int:
        """The offset below and at which everything is done."""
        return self._open[0] - 1 if self._open else self.scanned

    @property
    def ready(self) -> int:
        """See Reader."""
        return len(self._ready)

    @property
    def ready_bytes(self) -> int:
        """See Reader."""
        return self._ready.size

    @property
    def backlog(self) -> int:
        """How many events are not done, counting those that the filter was not asked about yet."""
        return self._feed.end - self.scanned + len(self._open) - len(self._finished)

    def push(self, records: Sequence[Record]) -> None:
        """Take records that follow what was scanned and pass the filter."""
        self.push_parcel(_parcel(records))

    def push_parcel(self, parcel: _Parcel) -> None:
        """As `push`."""
        self._ready.add(parcel.records, parcel.size)
        self._open.extend(parcel.offsets)
        if len(self._ready) > MOST_READY or self._ready.size > MOST_READY_BYTES:
            self.behind = True

    def fill(self, most_bytes: int) -> bool:
        """See Reader."""
        if not self.behind or len(self._ready) >= _READ_AT_ONCE or self._ready.size >= most_bytes:
            return False
        records = self._feed.read(self.scanned, _READ_AT_ONCE, most_bytes)
        if not records:
            self.scanned = self._feed.end
            self.behind = False
            return False
        self.scanned = records[-1].offset
        matches = self.filter.matches
        self.push([record for record in records if matches(record.event.attributes)])
        self.behind = True
        return True

    def take(self, most: int, most_bytes: int) -> list[Record]:
        """See Reader."""
        return self._ready.take(most, most_bytes)

    def finish(self, records: Sequence[Record]) -> None:
        """See Reader."""
        opened, finished = self._open, self._finished
        offsets = [record.offset for record in records]
        if list(islice(opened, len(offsets))) == offsets:
            for _ in offsets:
                opened.popleft()
        else:
            finished.update(offsets)
        while opened and opened[0] in finished:
            finished.remove(opened.popleft())

    def change(self, filter: Filter) -> None:
        """See Reader."""
        self.filter = filter
        # Each is asked about once, as a filter counts what it cannot be evaluated for.
        self.finish(self._ready.drop(lambda record: not filter.matches(record.event.attributes)))
        self._feed.arrange()

    def close(self) -> None:
        """See Reader."""
        self._feed.leave(self)


class Feed:
    """One Broker's log as its Triggers see it: `end` is its highest offset, `read` reads from it."""

    def __init__(self, end: int, read: Read) -> None:
        self.end = end
        self.read = read
        self.readers: dict[str, FeedReader] = {}
        self._listed: list[FeedReader] = []
        self._matcher = Matcher(())

    def reader(self, trigger: str, done: int, filter: Filter, wake: Callable[[], None]) -> FeedReader:
        """A reader that goes on behind `done`, in place of the one that the Trigger may have had."""
        reader = self.readers[trigger] = FeedReader(self, done, filter, wake)
        self.arrange()
        return reader

    @property
    def is_busy(self) -> bool:
        """Whether a Trigger is not through with what it wants of the events so far."""
        return any(reader.backlog for reader in self._listed)

    def moved(self, end: int) -> None:
        """The log turned out to end elsewhere; what is behind where it was is to be read."""
        self.end = end
        for reader in self._listed:
            reader.behind = True

    def leave(self, reader: FeedReader) -> None:
        """Hand this one nothing more."""
        self.readers = {trigger: each for trigger, each in self.readers.items() if each is not reader}
        self.arrange()

    def publish(self, records: Sequence[Record]) -> None:
        """Hand out what was committed, and wake those for whom something is there."""
        begin, self.end = self.end, max(self.end, records[-1].offset)  # behind it already, if the file was reopened
        wanted = self._sorted(records)
        for reader, theirs in zip(self._listed, wanted, strict=True):
            # Who is behind reads these from the log, after what comes before them.
            if not reader.behind and reader.scanned == begin:
                reader.scanned = self.end
                if theirs is not None:
                    reader.push_parcel(theirs)
        for reader, theirs in zip(tuple(self._listed), wanted, strict=True):
            if theirs is not None:
                reader.wake()

    def _sorted(self, records: Sequence[Record]) -> list[_Parcel | None]:
        """For each reader what it wants."""
        matching = self._matcher.matching_each([record.event for record in records])
        if matching.count(matching[0]) == len(matching):  # mostly all are of one type
            parcel = _parcel(records)
            return [parcel if index in matching[0] else None for index in range(len(self._listed))]
        wanted: list[list[Record]] = [[] for _ in self._listed]
        for record, indexes in zip(records, matching, strict=True):
            for index in indexes:
                wanted[index].append(record)
        return [_parcel(theirs) if theirs else None for theirs in wanted]

    def arrange(self) -> None:
        """Look at the readers' filters anew."""
        self._listed = list(self.readers.values())
        self._matcher = Matcher([reader.filter for reader in self._listed])
