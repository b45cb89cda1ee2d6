"""A log that an earlier version wrote is read, brought into today's format, and written on."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from knative_local.filters import EVERYTHING
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import event

FORMAT_1 = """
CREATE TABLE brokers (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, pruned INTEGER NOT NULL DEFAULT 0);
CREATE TABLE events (position INTEGER PRIMARY KEY, appended_ms INTEGER NOT NULL, event BLOB NOT NULL);
CREATE TABLE cursors (trigger TEXT PRIMARY KEY, broker TEXT NOT NULL, done INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT, trigger TEXT NOT NULL, "offset" INTEGER NOT NULL, destination TEXT NOT NULL,
    reason TEXT NOT NULL, code INTEGER, data TEXT, attempts INTEGER NOT NULL, when_ms INTEGER NOT NULL,
    delivered_to_sink INTEGER NOT NULL, replaying INTEGER NOT NULL DEFAULT 0, event BLOB NOT NULL,
    UNIQUE (trigger, "offset")
);
PRAGMA user_version = 1;
"""
EVENTS = 2_500
PRUNED = 40


def write_format_1(path: Path) -> None:
    """A log with two Brokers, one of them pruned to its end, a Trigger half way through, and a dead letter."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(FORMAT_1)
        database.execute("INSERT INTO brokers VALUES (1, 'a/one', ?), (2, 'a/two', 9)", (PRUNED,))
        database.executemany(
            "INSERT INTO events VALUES (?, ?, ?)",
            [((1 << 40) + n, 1_000 + n // 30, event(str(n)).json) for n in range(PRUNED + 1, EVENTS + 1)],
        )
        database.execute("INSERT INTO cursors VALUES ('t/x', 'a/one', 1200)")
        database.execute(
            "INSERT INTO dead_letters VALUES (7, 't/x', 60, 'http://x', 'answered 400', 400, NULL, 1, 5, 0, 0, ?)",
            (event("60").json,),
        )
        database.commit()


def next_of(log: SqliteEventLog) -> int:
    """The offset at which the Trigger goes on."""
    reader = log.reader("t/x", "a/one", EVERYTHING, lambda: None)
    reader.fill(1 << 20)
    return reader.take(1, 1)[0].offset


async def test_a_log_of_format_1_goes_on_where_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_format_1(tmp_path / "log.db")

    log = SqliteEventLog.open(tmp_path / "log.db")

    assert f"{EVENTS - PRUNED} events were brought into the format of this version" in caplog.text
    records = log.read("a/one", PRUNED, EVENTS)
    assert [record.offset for record in records] == list(range(PRUNED + 1, EVENTS + 1))
    assert [record.event.json for record in records] == [event(str(n)).json for n in range(PRUNED + 1, EVENTS + 1)]
    assert [record.appended_ms for record in records] == [1_000 + n // 30 for n in range(PRUNED + 1, EVENTS + 1)]
    assert (log.end("a/one"), log.end("a/two")) == (EVENTS, 9)
    assert next_of(log) == 1201
    assert [(letter.id, letter.offset) for letter in log.dead_letters()] == [(7, 60)]
    await log.append("a/two", [event("new")])
    assert log.end("a/two") == 10
    log.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log.db", "log.db.lock"]


@pytest.mark.parametrize("suffix", [".part", ".converted"])
async def test_a_crash_in_the_middle_of_the_conversion_loses_nothing(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends before the new file has the name with `suffix`, and before it has the log's."""
    path = tmp_path / "log.db"
    write_format_1(path)
    replace = Path.replace

    def die(source: Path, target: Path) -> Path:
        if source.name.endswith(suffix):
            raise KeyboardInterrupt
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        SqliteEventLog.open(path)
    monkeypatch.undo()

    log = SqliteEventLog.open(path)
    assert [record.offset for record in log.read("a/one", 0, EVENTS)] == list(range(PRUNED + 1, EVENTS + 1))
    log.close()


async def test_what_a_killed_process_left_in_the_write_ahead_log_is_converted_too(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    write_format_1(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("UPDATE cursors SET done = 1300")
        database.commit()
        wal = (tmp_path / "log.db-wal").read_bytes()
    (tmp_path / "log.db-wal").write_bytes(wal)

    log = SqliteEventLog.open(path)

    assert next_of(log) == 1301
    assert len(log.read("a/one", 0, EVENTS)) == EVENTS - PRUNED
    log.close()
