"""The log in SQLite when its disk fails in the middle of something."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from knative_local.filters import EVERYTHING
from knative_local.log.port import Failure, LogUnavailable, Record
from knative_local.log.sqlite import SqliteEventLog
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
