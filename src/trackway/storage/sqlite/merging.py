"""When positions that wait are merged: as soon as they are many, and else a moment after the first of them came."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from trackway.storage.port import StoreUnavailable
from trackway.storage.sqlite.appending import MERGED_AT_ONCE

AFTER: Final = 2.0
"""Seconds that a few positions wait, so that of a slow fleet too some share a page, and who reads finds few."""

_log = logging.getLogger(__name__)


class Merging:
    """Merges in the background. ``merge`` brings some positions to their places and gives how many are left."""

    def __init__(self, merge: Callable[[], Awaitable[int]]) -> None:
        self._merge = merge
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def wait_for(self, waiting: int) -> None:
        """So many positions wait now."""
        if self._task is not None:
            return
        if waiting >= MERGED_AT_ONCE:
            self._start()
        elif self._timer is None and waiting:
            self._timer = asyncio.get_running_loop().call_later(AFTER, self._start)

    async def close(self) -> None:
        """Merge what waits; what cannot be merged now is kept where it is, and merged by whoever appends next."""
        was_waiting = self._timer is not None or self._task is not None
        if self._task is not None:
            await self._task
        self._stop_timer()
        if was_waiting:
            await self._run(until=1)

    def _start(self) -> None:
        self._stop_timer()
        self._task = asyncio.get_running_loop().create_task(self._in_background())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _in_background(self) -> None:
        left = await self._run(until=MERGED_AT_ONCE)
        self._task = None
        self.wait_for(left)

    async def _run(self, *, until: int) -> int:
        """Merge until fewer than that are left; gives how many."""
        try:
            while (left := await self._merge()) >= until:
                pass
        except StoreUnavailable as error:
            _log.warning("positions wait to be merged: %s", error)
        except Exception:
            _log.exception("bug while merging positions; they wait where they are")
        else:
            return left
        return 0  # it is tried again when more come
