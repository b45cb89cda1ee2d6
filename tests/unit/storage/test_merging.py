"""When positions that wait beside their table are merged."""

import asyncio
from collections.abc import Callable

from trackway.storage.port import StoreUnavailable
from trackway.storage.sqlite.appending import MERGED_AT_ONCE
from trackway.storage.sqlite.merging import Merging


class Staged:
    """So many rows wait; each merge takes some of them, or fails."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.merges = 0
        self.fails: Exception | None = None

    async def merge(self) -> int:
        await asyncio.sleep(0)
        self.merges += 1
        if self.fails is not None:
            raise self.fails
        self.waiting = max(0, self.waiting - MERGED_AT_ONCE)
        return self.waiting


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_many_are_merged_at_once_and_the_few_that_are_left_wait() -> None:
    staged = Staged(2 * MERGED_AT_ONCE + 5)
    merging = Merging(staged.merge)
    merging.wait_for(staged.waiting)
    await until(lambda: staged.waiting == 5)
    assert staged.merges == 2
    await merging.close()
    assert (staged.waiting, staged.merges) == (0, 3)


async def test_few_wait_and_are_merged_at_the_end() -> None:
    staged = Staged(5)
    merging = Merging(staged.merge)
    merging.wait_for(5)
    await asyncio.sleep(0)
    assert staged.merges == 0
    await merging.close()
    assert staged.waiting == 0


async def test_where_nothing_waits_nothing_is_merged() -> None:
    staged = Staged(0)
    merging = Merging(staged.merge)
    merging.wait_for(0)
    await merging.close()
    assert staged.merges == 0


async def test_a_store_that_is_away_or_a_bug_stops_no_merge_after_it() -> None:
    staged = Staged(MERGED_AT_ONCE)
    merging = Merging(staged.merge)
    for number, error in enumerate((StoreUnavailable("busy"), ValueError("a bug")), 1):
        staged.fails = error
        merging.wait_for(staged.waiting)
        await until(lambda number=number: staged.merges == number)
        await asyncio.sleep(0)
    staged.fails = None
    merging.wait_for(staged.waiting)
    await until(lambda: staged.waiting == 0)
    await merging.close()
