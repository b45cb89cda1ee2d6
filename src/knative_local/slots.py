"""A bound on how many deliveries of a Trigger run at once; those that were there before come first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Slots:
    """`count` slots. Who comes back after a backoff waits in line and goes before whoever is new."""

    __slots__ = ("_free", "_on_free", "_waiting", "count")

    def __init__(self, count: int, on_free: Callable[[], None]) -> None:
        self.count = count
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._on_free = on_free

    @property
    def taken(self) -> int:
        """How many are in use."""
        return self.count - self._free

    def resize(self, count: int) -> None:
        """Have `count` slots from now on; those in use stay in use."""
        self._free += count - self.count
        self.count = count

    def try_take(self) -> bool:
        """Take a slot if one is free and nobody waits for it."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    async def take(self) -> None:
        """Wait for a slot."""
        if self.try_take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Free a slot: for the first in line, else for whoever is new."""
        while self._waiting and self._free >= 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
        self._on_free()
