"""What the runtime asks of a log: durable appends, reading on, cursors, and what could not be delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from knative_local.cloudevent import CloudEvent
from knative_local.filters import Filter

MOST_BYTES_READ = 4 << 20


class LogUnavailable(Exception):
    """The log cannot be opened or written to; the message is one sentence for people."""


class Record(msgspec.Struct, gc=False, eq=False):
    """An event in the log of its Broker, and where it is there; times are ms since 1970."""

    offset: int
    appended_ms: int
    event: CloudEvent
    partition: int = 0

    def of(self, event: CloudEvent) -> Record:
        """Another event in this one's place."""
        return Record(self.offset, self.appended_ms, event, self.partition)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event counts as undeliverable: `code` and `data` (base64) only where there was an HTTP answer."""

    reason: str
    code: int | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a Trigger's subscriber did not take, kept for people; `when_ms` is ms since 1970."""

    id: int
    trigger: str
    offset: int
    destination: str
    failure: Failure
    attempts: int
    when_ms: int
    delivered_to_sink: bool
    replaying: bool
    event: CloudEvent
    partition: int = 0


CommitListener = Callable[[str, Sequence[Record]], None]


class Reader(Protocol):
    """A Trigger's place in its Broker's log: hands out the events that its filter takes, and remembers what is done.

    What was handed out and not finished is handed out again after a restart.
    """

    @property
    def ready(self) -> int:
        """How many records `take` could give now."""
        ...

    @property
    def ready_bytes(self) -> int:
        """The bytes of their JSON."""
        ...

    def fill(self, most_bytes: int) -> bool:
        """Make some more ready, where they have to be read; whether that may be called again. Raises LogUnavailable."""
        ...

    def take(self, most: int, most_bytes: int) -> Sequence[Record]:
        """The next ready ones in order: at most so many, no further one once their JSON has `most_bytes`."""
        ...

    def finish(self, records: Sequence[Record]) -> None:
        """These are done, in whichever order."""
        ...

    @property
    def backlog(self) -> int:
        """How many events of the Broker are not done, counting those that the filter was not asked about yet."""
        ...

    def change(self, filter: Filter) -> None:
        """Hand out what this filter takes from now on."""
        ...

    def close(self) -> None:
        """Hand out no more, and keep no event for this Trigger."""
        ...


def bytes_of(records: Iterable[Record]) -> int:
    """What their JSON takes together."""
    return sum([len(record.event.json) for record in records])


class EventLog(Protocol):
    """A log per Broker (named by its key), a cursor per Trigger (named by its key), and the dead letters.

    Whatever reads the file or writes to it raises LogUnavailable when it cannot.
    """

    reads_elsewhere: bool
    """Whether another machine answers `read` and `end`, which may be called from any thread then."""

    def append(self, broker: str, events: Sequence[CloudEvent]) -> asyncio.Future[None]:
        """Add `events` in order; done when they are durable, all or none. All of one loop turn share a commit.

        The future may be shared, so it cannot be cancelled.
        """
        ...

    def read(self, broker: str, after: int, limit: int, most_bytes: int = MOST_BYTES_READ) -> Sequence[Record]:
        """Durable records with an offset above `after`, in order: `limit` at most, no further one once their JSON has
        `most_bytes`."""
        ...

    def end(self, broker: str) -> int:
        """The highest durable offset of `broker`; 0 when nothing was ever appended."""
        ...

    def subscribe(self, listener: CommitListener) -> None:
        """Call `listener(broker, records)` after each commit, in the turn of the commit."""
        ...

    def reader(self, trigger: str, broker: str, filter: Filter, wake: Callable[[], None]) -> Reader:
        """Where `trigger` goes on reading: one that is new begins at the broker's end.

        `wake` is called when something became ready, or may be found by `fill`.
        """
        ...

    def commit(self) -> None:
        """Store up to where all readers are done."""
        ...

    def forget_triggers(self, keep: Iterable[str]) -> None:
        """Drop the cursors of all other Triggers, as deleting a Trigger on a cluster does."""
        ...

    def prune(self, now_ms: int) -> int:
        """Delete a bounded number of old events that every Trigger is through with; gives how many it deleted."""
        ...

    def bury(
        self, trigger: str, record: Record, destination: str, failure: Failure, attempts: int, delivered_to_sink: bool
    ) -> None:
        """Keep a dead letter; one for the same Trigger and the same record of its Broker's log is replaced."""
        ...

    def dead_letters(
        self, trigger: str | None = None, limit: int = 100, before: int | None = None, replaying: bool | None = None
    ) -> Sequence[DeadLetter]:
        """Dead letters, newest first, with an id below `before`, only of one Trigger, or only (not) in replay."""
        ...

    def dead_letter(self, id: int) -> DeadLetter | None:
        """One dead letter, or None."""
        ...

    def mark_replaying(self, id: int, replaying: bool) -> None:
        """Remember, across restarts, whether a dead letter is on its way to its subscriber again."""
        ...

    def drop_dead_letter(self, id: int) -> None:
        """Forget a dead letter."""
        ...

    def dead_letter_counts(self) -> Mapping[str, int]:
        """How many dead letters are kept, by Trigger."""
        ...

    def dead_letter_total(self) -> int:
        """How many dead letters are kept."""
        ...

    def close(self) -> None:
        """Write what waits and let go of the file."""
        ...
