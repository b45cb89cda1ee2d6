"""The log in SQLite when its disk fails in the middle of something."""

import asyncio
import errno
import math
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from knative_local.filters import EVERYTHING
from knative_local.log.disk_pace import DiskPace
from knative_local.log.port import Failure, LogUnavailable, Record
from knative_local.log.sqlite import SqliteEventLog
from knative_local.log.sqlite_file import Disk
from tests.unit.knative_local.eventing import BROKER, event


def ids(log: SqliteEventLog, broker: str) -> list[str]:
    return [record.event.attributes["id"] for record in log.read(broker, 0, 10)]


class FailingConnection:
    """Fails at statements that begin so, and when asked what SQLite would be asked after a failure."""

    def __init__(self, real: sqlite3.Connection, *beginnings: str, after: bool = False) -> None:
        """`after`: the statement is carried out all the same."""
        self._real, self._beginnings, self._after = real, beginnings, after

    def execute(self, statement: str, *more: Any) -> sqlite3.Cursor:
        fails = statement.startswith(self._beginnings)
        if fails and not self._after:
            raise sqlite3.OperationalError("disk I/O error")
        cursor = self._real.execute(statement, *more)
        if fails:
            raise sqlite3.OperationalError("disk I/O error")
        return cursor

    @property
    def in_transaction(self) -> bool:
        if self._after:
            raise sqlite3.OperationalError("disk I/O error")
        return self._real.in_transaction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.parametrize("broker", [BROKER, "town/new"])
async def test_a_transaction_that_cannot_be_left_is_told_and_the_next_one_works(tmp_path: Path, broker: str) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    await log.append(BROKER, [event("1")])
    log._database.connection = FailingConnection(log._database.connection, "COMMIT", "ROLLBACK")

    async with asyncio.timeout(5):
        with pytest.raises(LogUnavailable, match="disk I/O"):
            await log.append(broker, [event("2")])
        await log.append(broker, [event("3")])
    log.close()
    log = SqliteEventLog.open(tmp_path / "log.db")
    assert ids(log, broker)[-1] == "3"
    assert "2" not in ids(log, broker)
    log.close()


@pytest.mark.parametrize("broker", [BROKER, "town/new"])
async def test_a_commit_that_came_through_although_it_failed_does_not_block_the_next(
    tmp_path: Path, broker: str
) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    await log.append(BROKER, [event("1")])
    log._database.connection = FailingConnection(log._database.connection, "COMMIT", after=True)

    with pytest.raises(LogUnavailable, match="disk I/O"):
        await log.append(broker, [event("2")])
    await log.append(broker, [event("3")])
    assert ids(log, broker)[-1] == "3"
    log.close()


async def test_a_log_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    log._database.connection = FailingConnection(log._database.connection, "SELECT")
    record = Record(1, 5, event("1"))
    asks: list[Callable[[], object]] = [
        log.dead_letters,
        lambda: log.dead_letter(1),
        lambda: log.bury("t/x", record, "http://x", Failure("no"), attempts=1, delivered_to_sink=False),
        lambda: log.reader("t/x", BROKER, EVERYTHING, lambda: None),
    ]
    for ask in asks:
        with pytest.raises(LogUnavailable, match="disk I/O"):
            ask()
    log.close()


async def test_whatever_breaks_while_appending_who_waits_hears_of_it(tmp_path: Path) -> None:
    times = iter([1_000])
    log = SqliteEventLog.open(tmp_path / "log.db", now_ms=lambda: next(times))
    await log.append(BROKER, [event("1")])
    async with asyncio.timeout(5):
        with pytest.raises(LogUnavailable, match="StopIteration"):
            await log.append(BROKER, [event("2")])
    log.close()


class SlowDisk(Disk):
    """Takes commits when it is told to, and fails when it is told so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.go_on = threading.Event()
        self.syncs = 0
        self.failure: OSError | None = None

    def sync(self) -> None:
        self.syncs += 1
        assert self.go_on.wait(10)
        if self.failure is not None:
            raise self.failure
        super().sync()


def slow_disk(log: SqliteEventLog, path: Path) -> SlowDisk:
    disk = log._database._disk = SlowDisk(path.with_name(path.name + "-wal"))
    log._pace.took(60, math.inf)  # so that the loop does not wait for it
    return disk


async def turns(number: int = 3) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_nothing_is_acknowledged_or_handed_out_before_the_disk_has_it(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    reader = log.reader("t/x", BROKER, EVERYTHING, lambda: None)
    disk = slow_disk(log, tmp_path / "log.db")
    first = log.append(BROKER, [event("1")])
    await turns()
    second, third = log.append(BROKER, [event("2")]), log.append(BROKER, [event("3")])
    await turns()
    assert not first.done()
    assert (log.end(BROKER), reader.ready, ids(log, BROKER)) == (0, 0, [])

    disk.go_on.set()
    await asyncio.gather(first, second, third)
    assert disk.syncs == 2  # what came while the disk was busy went together
    assert [record.offset for record in reader.take(10, 1_000_000)] == [1, 2, 3]
    assert ids(log, BROKER) == ["1", "2", "3"]
    log.close()


async def test_the_loop_goes_on_while_even_a_quick_disk_takes_much(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    disk = slow_disk(log, tmp_path / "log.db")
    log._pace = DiskPace()
    much = log.append(BROKER, [event("1", data="x" * 2_000_000)])
    await turns()
    assert (disk.syncs, much.done()) == (1, False)
    disk.go_on.set()
    await much
    log.close()


async def test_a_disk_that_cannot_take_it_is_told_and_the_next_append_works(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    reader = log.reader("t/x", BROKER, EVERYTHING, lambda: None)
    await log.append(BROKER, [event("1")])
    disk = slow_disk(log, tmp_path / "log.db")
    disk.failure = OSError(errno.EIO, "Input/output error")
    disk.go_on.set()
    with pytest.raises(LogUnavailable, match="Input/output error"):
        await log.append(BROKER, [event("2")])
    await log.append(BROKER, [event("3")])
    # What was refused may be there all the same: whoever posts it again is the reason why events have ids.
    assert ids(log, BROKER) in (["1", "3"], ["1", "2", "3"])
    while reader.fill(1_000_000):
        pass
    taken = [record.event.attributes["id"] for record in reader.take(10, 1_000_000)]
    assert taken == ids(log, BROKER)
    log.close()


async def test_dead_letters_that_the_disk_cannot_take_are_told(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    await log.append(BROKER, [event("1")])
    disk = slow_disk(log, tmp_path / "log.db")
    disk.failure = OSError(errno.EIO, "Input/output error")
    disk.go_on.set()
    with pytest.raises(LogUnavailable, match="Input/output error"):
        log.bury("t/x", Record(1, 5, event("1")), "http://x", Failure("no"), attempts=1, delivered_to_sink=False)
    log.bury("t/x", Record(1, 5, event("1")), "http://x", Failure("no"), attempts=1, delivered_to_sink=False)
    assert log.dead_letter_counts() == {"t/x": 1}
    log.close()


async def test_a_file_opened_anew_while_the_disk_is_busy_gives_no_offset_twice(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    await log.append(BROKER, [event("1")])
    disk = slow_disk(log, tmp_path / "log.db")
    under_way = log.append(BROKER, [event("2")])
    await turns()
    log._database.connection = FailingConnection(log._database.connection, "SELECT", "ROLLBACK", after=True)
    with pytest.raises(LogUnavailable):
        log.dead_letters()
    disk.go_on.set()
    with pytest.raises(LogUnavailable, match="opened anew"):
        await under_way
    await log.append(BROKER, [event("3")])
    offsets = [record.offset for record in log.read(BROKER, 0, 10)]
    assert offsets == sorted(set(offsets))
    assert ids(log, BROKER)[-1] == "3"
    log.close()


async def test_closing_waits_for_the_disk_and_writes_what_waits(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    disk = slow_disk(log, tmp_path / "log.db")
    first = log.append(BROKER, [event("1")])
    await turns()
    second = log.append(BROKER, [event("2")])
    disk.go_on.set()
    log.close()
    assert first.done()
    assert second.done()
    log = SqliteEventLog.open(tmp_path / "log.db")
    assert ids(log, BROKER) == ["1", "2"]
    log.close()
