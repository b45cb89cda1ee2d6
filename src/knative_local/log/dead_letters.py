"""The dead letters' part of a log: the same in each, as people's letters stay in a file on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knative_local.log.port import DeadLetter, Failure, Record
from knative_local.log.sqlite_dead_letters import DeadLetterTable


class DeadLetterKeeper:
    """See EventLog."""

    def __init__(self, table: DeadLetterTable) -> None:
        self._dead_letters = table

    def bury(
        self, trigger: str, record: Record, destination: str, failure: Failure, attempts: int, delivered_to_sink: bool
    ) -> None:
        """See EventLog."""
        self._dead_letters.bury(trigger, record, destination, failure, attempts, delivered_to_sink)

    def dead_letters(
        self, trigger: str | None = None, limit: int = 100, before: int | None = None, replaying: bool | None = None
    ) -> Sequence[DeadLetter]:
        """See EventLog."""
        return self._dead_letters.newest(trigger, limit, before, replaying)

    def dead_letter(self, id: int) -> DeadLetter | None:
        """See EventLog."""
        return self._dead_letters.get(id)

    def mark_replaying(self, id: int, replaying: bool) -> None:
        """See EventLog."""
        self._dead_letters.mark_replaying(id, replaying)

    def drop_dead_letter(self, id: int) -> None:
        """See EventLog."""
        self._dead_letters.drop(id)

    def dead_letter_counts(self) -> Mapping[str, int]:
        """See EventLog."""
        return self._dead_letters.counts

    def dead_letter_total(self) -> int:
        """See EventLog."""
        return sum(self._dead_letters.counts.values())
