"""What the log in SQLite promises beside the contract of all logs: reading anywhere, pruning, versions, kill -9."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from knative_local.filters import EVERYTHING, Filter
from knative_local.log.port import DeadLetter, EventLog, LogUnavailable, Reader, Record
from knative_local.log.retention import Retention
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import BROKER, event

OpenLog = Callable[[], EventLog]
DAY_MS = 24 * 3600 * 1000


def open_sqlite(path: Path) -> EventLog:
    return SqliteEventLog.open(path, Retention(age_ms=DAY_MS, count=50), now_ms=lambda: 1_000)


@pytest.fixture
async def open_log(tmp_path: Path) -> AsyncIterator[OpenLog]:
    """Opens the test's log; what is still open at the end is closed."""
    opened: list[EventLog] = []

    def open_it() -> EventLog:
        opened.append(open_sqlite(tmp_path / "log.db"))
        return opened[-1]

    yield open_it
    for log in opened:
        log.close()


def ids(records: Iterable[Record | DeadLetter]) -> list[str]:
    return [record.event.attributes["id"] for record in records]


def reading(log: EventLog, trigger: str = "t/x", broker: str = BROKER, filter: Filter = EVERYTHING) -> Reader:
    return log.reader(trigger, broker, filter, lambda: None)


def take(reader: Reader, most: int = 100) -> list[Record]:
    """The next records, read if need be."""
    while reader.ready < most and reader.fill(1 << 20):
        pass
    return list(reader.take(most, 1 << 20))


def through(log: EventLog, count: int) -> Reader:
    """A Trigger that is through with so many events and not with the others."""
    reader = reading(log)
    reader.finish(take(reader, count))
    log.commit()
    return reader


async def append_one_by_one(log: EventLog, first: int, last: int) -> None:
    for n in range(first, last + 1):
        await log.append(BROKER, [event(str(n))])


async def test_appends_of_one_turn_share_a_commit(open_log: OpenLog) -> None:
    log = open_log()
    heard: list[tuple[str, list[str]]] = []
    log.subscribe(lambda broker, records: heard.append((broker, ids(records))))

    await asyncio.gather(*(log.append(BROKER, [event(str(n))]) for n in range(1, 4)))

    assert heard == [(BROKER, ["1", "2", "3"])]


async def test_what_is_read_at_once_is_bounded_in_bytes_too(open_log: OpenLog) -> None:
    log = open_log()
    await log.append(BROKER, [event(str(n)) for n in range(1, 6)])
    size = len(event("1").json)

    for _ in ("in memory", "in the file"):
        assert ids(log.read(BROKER, 0, 10, most_bytes=1)) == ["1"]
        assert ids(log.read(BROKER, 1, 10, most_bytes=2 * size)) == ["2", "3"]
        assert ids(log.read(BROKER, 0, 3, most_bytes=100 * size)) == ["1", "2", "3"]
        log.close()
        log = open_log()


async def test_all_of_it_is_there_after_a_restart(open_log: OpenLog) -> None:
    log = open_log()
    await log.append("a/one", [event(str(n)) for n in range(1, 8)])
    await log.append("a/two", [event("x")])
    log.close()

    log = open_log()

    assert ids(log.read("a/one", 0, 100)) == [str(n) for n in range(1, 8)]
    assert ids(log.read("a/one", 4, 2)) == ["5", "6"]
    assert log.end("a/two") == 1
    await log.append("a/one", [event("8")])
    assert log.read("a/one", 7, 1)[0].offset == 8


async def test_old_events_go_when_every_trigger_is_through(open_log: OpenLog) -> None:
    log = open_log()
    reading(log).close()
    await append_one_by_one(log, 1, 10)
    reader = through(log, 6)

    assert log.prune(now_ms=1_000 + DAY_MS) == 0
    assert log.prune(now_ms=1_001 + DAY_MS) == 6
    assert log.prune(now_ms=1_001 + DAY_MS) == 0
    reader.finish(take(reader))
    log.commit()
    assert log.prune(now_ms=1_001 + DAY_MS) == 4
    log.close()
    log = open_log()
    assert log.end(BROKER) == 10
    await log.append(BROKER, [event("11")])
    assert log.read(BROKER, 6, 10)[0].offset == 11


async def test_more_than_is_kept_goes_even_when_it_is_young(open_log: OpenLog) -> None:
    log = open_log()
    reading(log).close()
    await append_one_by_one(log, 1, 60)

    reader = through(log, 4)
    assert log.prune(now_ms=1_000) == 4
    reader.close()
    assert log.prune(now_ms=1_000) == 6


async def test_a_commit_that_is_not_read_to_its_end_is_kept_whole(open_log: OpenLog) -> None:
    log = open_log()
    reading(log).close()
    await log.append(BROKER, [event(str(n)) for n in range(1, 5)])
    await log.append(BROKER, [event(str(n)) for n in range(5, 9)])
    through(log, 6)

    assert log.prune(now_ms=1_001 + DAY_MS) == 4
    assert ids(log.read(BROKER, 5, 10)) == ["6", "7", "8"]


async def test_a_file_that_is_no_log_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_text("what is this? " * 100)

    with pytest.raises(LogUnavailable, match="cannot open the event log"):
        SqliteEventLog.open(tmp_path / "log.db")


async def test_a_log_of_another_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "log.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(LogUnavailable, match="another version"):
        SqliteEventLog.open(tmp_path / "log.db")


async def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    await log.append(BROKER, [event("1")])
    log._database.connection.execute("PRAGMA max_page_count = 12")  # SQLite's own way to a full disk

    given_up = log.append(BROKER, [event("2")])
    given_up.cancel()
    with pytest.raises(LogUnavailable, match="full"):
        await log.append(BROKER, [event("3", data="x" * 100_000)])

    log._database.connection.execute("PRAGMA max_page_count = 1000000")  # and there is room again
    await log.append(BROKER, [event("4")])
    assert ids(log.read(BROKER, 0, 10)) == ["1", "4"]
    log.close()
    log = SqliteEventLog.open(tmp_path / "log.db")
    assert [(record.offset, *ids([record])) for record in log.read(BROKER, 0, 10)] == [(1, "1"), (2, "4")]
    log.close()


APPENDER = """
import asyncio, sys
from pathlib import Path
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import BROKER, event

async def append_for_ever():
    log = SqliteEventLog.open(Path(sys.argv[1]))
    n = log.end(BROKER)
    while True:
        await asyncio.gather(*(log.append(BROKER, [event(str(n + i))]) for i in range(1, 11)))
        n += 10
        print(n, flush=True)

asyncio.run(append_for_ever())
"""


@pytest.mark.integration
async def test_kill_9_in_mid_append_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged = 0
    for lives in (3, 40, 9):
        child = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(tmp_path / "log.db")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        for _ in range(lives):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in child.stdout if line.strip())])
        child.stdout.close()
        child.wait()

        log = SqliteEventLog.open(tmp_path / "log.db")
        kept = ids(log.read(BROKER, 0, 1_000_000))
        assert kept[:acknowledged] == [str(n) for n in range(1, acknowledged + 1)]
        log.close()
