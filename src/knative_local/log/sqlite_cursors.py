"""The cursors' table: which Broker a Trigger reads, and the offset up to which it is through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from knative_local.log.sqlite_dead_letters import LEAVE_OFFSETS
from knative_local.log.sqlite_file import Database


class CursorTable:
    """Rows of `cursors`. All of it raises LogUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, trigger: str) -> tuple[str, int] | None:
        """The Trigger's Broker and offset; None for one that is new."""
        rows = self._database.query("SELECT broker, done FROM cursors WHERE trigger = ?", (trigger,))
        return (str(rows[0][0]), int(rows[0][1])) if rows else None

    def begin(self, trigger: str, broker: str, done: int) -> None:
        """Have the Trigger begin at this Broker; the offsets of its dead letters are of where it was before."""
        self._database.write(
            ("INSERT OR REPLACE INTO cursors (trigger, broker, done) VALUES (?, ?, ?)", [(trigger, broker, done)]),
            (LEAVE_OFFSETS, [(trigger,)]),
        )

    def store(self, done: Mapping[str, int]) -> None:
        """Move cursors on."""
        rows = [(offset, trigger) for trigger, offset in done.items()]
        self._database.write(("UPDATE cursors SET done = ? WHERE trigger = ?", rows))

    def all(self) -> list[str]:
        """The Triggers that are known."""
        return [trigger for (trigger,) in self._database.query("SELECT trigger FROM cursors")]

    def forget(self, keep: Iterable[str]) -> list[str]:
        """Drop the rows of all other Triggers; gives which those were."""
        kept = set(keep)
        gone = [trigger for trigger in self.all() if trigger not in kept]
        if gone:
            rows = [(trigger,) for trigger in gone]
            self._database.write(("DELETE FROM cursors WHERE trigger = ?", rows), (LEAVE_OFFSETS, rows))
        return gone
