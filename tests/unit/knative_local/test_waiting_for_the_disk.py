"""Who waits for the disk: the loop, or a thread beside it while the loop has deliveries to make."""

import threading
from pathlib import Path

import pytest

from knative_local.filters import EVERYTHING
from knative_local.log.sqlite import SqliteEventLog
from knative_local.log.sqlite_file import Disk
from tests.unit.knative_local.eventing import BROKER, event

BATCH = 100_000
"""Bytes."""


class WatchedDisk(Disk):
    """Notes whether it is waited for in the loop's thread."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.in_the_loop: list[bool] = []

    def sync(self) -> None:
        self.in_the_loop.append(threading.current_thread() is threading.main_thread())
        super().sync()


@pytest.mark.parametrize(
    ("is_delivering", "size", "in_the_loop"),
    [(False, BATCH, True), (True, BATCH, False), (True, 1_000, True), (False, 20 * BATCH, False)],
)
async def test_the_loop_waits_for_what_is_small_or_while_it_has_nothing_to_deliver(
    tmp_path: Path, is_delivering: bool, size: int, in_the_loop: bool
) -> None:
    path = tmp_path / "log.db"
    log = SqliteEventLog.open(path)
    reader = log.reader("t/x", BROKER, EVERYTHING, lambda: None)
    await log.append(BROKER, [event("1")])
    taken = reader.take(10, 1_000_000)
    if not is_delivering:
        reader.finish(taken)
    disk = log._database._disk = WatchedDisk(path.with_name(path.name + "-wal"))

    await log.append(BROKER, [event("2", data="x" * size)])

    assert disk.in_the_loop == [in_the_loop]
    log.close()
