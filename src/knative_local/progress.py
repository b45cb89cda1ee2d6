"""How far a Trigger is: the offset up to which all events are done, when they get done in any order."""

from __future__ import annotations

from collections.abc import Iterable


class Progress:
    """`done` is the highest offset below and at which everything is done; what is done above it is remembered."""

    __slots__ = ("_above", "done")

    def __init__(self, done: int) -> None:
        self.done = done
        self._above: set[int] = set()

    def finish(self, offsets: Iterable[int]) -> None:
        """Mark offsets as done."""
        above = self._above
        for offset in offsets:
            if offset == self.done + 1:
                self.done = offset
            elif offset > self.done:
                above.add(offset)
        while self.done + 1 in above:
            self.done += 1
            above.remove(self.done)

    def open_up_to(self, end: int) -> int:
        """How many offsets up to `end` are not done."""
        return end - self.done - len(self._above)
