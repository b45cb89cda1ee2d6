"""What every event log promises; each implementation runs the whole suite."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from knative_local.filters import EVERYTHING, Exact, Filter, Prefix
from knative_local.log.port import DeadLetter, EventLog, Failure, LogUnavailable, Reader, Record
from knative_local.log.retention import Retention
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import BROKER, event

OpenLog = Callable[[], EventLog]
DAY_MS = 24 * 3600 * 1000


def open_sqlite(path: Path) -> EventLog:
    return SqliteEventLog.open(path, Retention(age_ms=DAY_MS, count=50), now_ms=lambda: 1_000)


@pytest.fixture(params=[open_sqlite], ids=["sqlite"])
async def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLog]:
    """Opens the test's log; what is still open at the end is closed."""
    opened: list[EventLog] = []

    def open_it() -> EventLog:
        opened.append(request.param(tmp_path / "log.db"))
        return opened[-1]

    yield open_it
    for log in opened:
        log.close()


def ids(records: Iterable[Record | DeadLetter]) -> list[str]:
    return [record.event.attributes["id"] for record in records]


async def test_what_is_appended_is_read_in_order_from_any_offset(open_log: OpenLog) -> None:
    log = open_log()
    await log.append(BROKER, [event("1", data={"x": 1}), event("2")])
    await log.append(BROKER, [event("3")])

    assert [record.offset for record in log.read(BROKER, 0, 10)] == [1, 2, 3]
    assert ids(log.read(BROKER, 0, 2)) == ["1", "2"]
    assert ids(log.read(BROKER, 2, 10)) == ["3"]
    assert list(log.read(BROKER, 3, 10)) == []
    assert log.end(BROKER) == 3
    assert log.read(BROKER, 0, 1)[0].event.json == event("1", data={"x": 1}).json
    assert log.read(BROKER, 0, 1)[0].appended_ms == 1_000


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


async def test_brokers_have_logs_of_their_own(open_log: OpenLog) -> None:
    log = open_log()
    await asyncio.gather(
        log.append("a/one", [event("1")]), log.append("a/two", [event("2")]), log.append("a/one", [event("3")])
    )

    assert ids(log.read("a/one", 0, 10)) == ["1", "3"]
    assert ids(log.read("a/two", 0, 10)) == ["2"]
    assert log.end("a/three") == 0
    assert list(log.read("a/three", 0, 10)) == []


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


async def test_appends_of_one_turn_share_a_commit_and_listeners_hear_of_it(open_log: OpenLog) -> None:
    log = open_log()
    heard: list[tuple[str, list[str]]] = []
    log.subscribe(lambda broker, records: heard.append((broker, ids(records))))

    await asyncio.gather(*(log.append(BROKER, [event(str(n))]) for n in range(1, 4)))

    assert heard == [(BROKER, ["1", "2", "3"])]


async def test_nothing_is_readable_before_it_is_durable(open_log: OpenLog) -> None:
    log = open_log()
    durable = log.append(BROKER, [event("1")])

    assert log.end(BROKER) == 0
    assert not durable.done()
    await durable
    assert log.end(BROKER) == 1


async def test_an_empty_append_is_done_at_once(open_log: OpenLog) -> None:
    assert open_log().append(BROKER, []).done()


async def test_whoever_gave_up_waiting_does_not_disturb_the_others(open_log: OpenLog) -> None:
    log = open_log()
    given_up, waited_for = log.append(BROKER, [event("1")]), log.append(BROKER, [event("2")])
    given_up.cancel()

    await waited_for

    assert ids(log.read(BROKER, 0, 10)) == ["1", "2"]


async def test_closing_writes_what_waits(open_log: OpenLog) -> None:
    log = open_log()
    durable = log.append(BROKER, [event("1")])
    log.close()

    assert durable.done()
    assert ids(open_log().read(BROKER, 0, 10)) == ["1"]


def reading(log: EventLog, trigger: str = "t/x", broker: str = BROKER, filter: Filter = EVERYTHING) -> Reader:
    return log.reader(trigger, broker, filter, lambda: None)


def take(reader: Reader, most: int = 100) -> list[Record]:
    """The next records, read if need be."""
    while reader.ready < most and reader.fill(1 << 20):
        pass
    return list(reader.take(most, 1 << 20))


async def test_a_new_trigger_begins_at_the_end_and_goes_on_where_it_was(open_log: OpenLog) -> None:
    log = open_log()
    old = reading(log, "t/old")
    await log.append(BROKER, [event("1"), event("2"), event("3")])
    new = reading(log, "t/new")
    assert ids(take(old)) == ["1", "2", "3"]
    assert take(new) == []
    log.close()

    log = open_log()
    old, new = reading(log, "t/old"), reading(log, "t/new")
    records = take(old)
    assert ids(records) == ["1", "2", "3"]
    assert take(new) == []
    old.finish(records[:2])
    log.commit()
    log.close()

    log = open_log()
    assert ids(take(reading(log, "t/old"))) == ["3"]


async def test_what_is_done_in_another_order_is_done_once_all_before_it_is(open_log: OpenLog) -> None:
    log = open_log()
    reader = reading(log)
    await log.append(BROKER, [event(str(n)) for n in range(1, 6)])
    records = take(reader)
    reader.finish([records[1], records[4]])
    assert reader.backlog == 3
    reader.finish([records[0]])
    log.commit()
    log.close()

    log = open_log()
    assert ids(take(reading(log))) == ["3", "4", "5"]


async def test_a_reader_wakes_its_trigger_and_gives_what_its_filter_takes(open_log: OpenLog) -> None:
    log = open_log()
    woken: list[str] = []
    only_b = log.reader("t/b", BROKER, Exact((("type", "b"),)), lambda: woken.append("b"))
    only_c = log.reader("t/c", BROKER, Exact((("type", "c"),)), lambda: woken.append("c"))
    await log.append(BROKER, [event("1", "a"), event("2", "b"), event("3", "b")])

    assert woken == ["b"]
    assert ids(take(only_b)) == ["2", "3"]
    assert take(only_c) == []
    assert (only_b.backlog, only_c.backlog) == (2, 0)


async def test_what_a_filter_passes_over_is_done(open_log: OpenLog) -> None:
    log = open_log()
    only_b = reading(log, filter=Exact((("type", "b"),)))
    await log.append(BROKER, [event("1", "a"), event("2", "b"), event("3", "a")])
    only_b.finish(take(only_b))
    log.commit()
    log.close()

    assert take(reading(open_log())) == []


async def test_a_reader_that_is_far_behind_gets_everything_once_and_in_order(open_log: OpenLog) -> None:
    log = open_log()
    reader = reading(log, filter=Prefix((("id", "1"),)))
    for n in range(12):
        await log.append(BROKER, [event(str(1_000 * n + i)) for i in range(400)])
    taken = ids(take(reader, 150))
    await log.append(BROKER, [event("100000"), event("2")])
    while more := take(reader, 150):
        taken += ids(more)
    every = [str(1_000 * n + i) for n in range(12) for i in range(400)]
    assert taken == [*(id for id in every if id.startswith("1")), "100000"]


async def test_a_reader_is_bounded_in_bytes(open_log: OpenLog) -> None:
    log = open_log()
    reader = reading(log)
    await log.append(BROKER, [event(str(n)) for n in range(1, 6)])
    size = len(event("1").json)
    assert (reader.ready, reader.ready_bytes) == (5, 5 * size)
    assert ids(reader.take(10, 1)) == ["1"]
    assert ids(reader.take(10, 2 * size)) == ["2", "3"]
    assert (reader.ready, reader.ready_bytes) == (2, 2 * size)


async def test_another_filter_counts_for_what_was_not_handed_out(open_log: OpenLog) -> None:
    log = open_log()
    reader = reading(log)
    await log.append(BROKER, [event("1", "a"), event("2", "b")])
    reader.change(Exact((("type", "b"),)))
    await log.append(BROKER, [event("3", "a"), event("4", "b")])
    records = take(reader)
    assert ids(records) == ["2", "4"]
    reader.finish(records)
    assert reader.backlog == 0


async def test_a_trigger_that_moves_to_another_broker_begins_at_its_end(open_log: OpenLog) -> None:
    log = open_log()
    one = reading(log, broker="a/one")
    await log.append("a/one", [event("1"), event("2")])
    await log.append("a/two", [event("3")])
    one.close()

    two = reading(log, broker="a/two")
    await log.append("a/two", [event("4")])
    assert ids(take(two)) == ["4"]


async def test_a_trigger_that_was_deleted_begins_anew_when_it_comes_back(open_log: OpenLog) -> None:
    log = open_log()
    for trigger in ("t/x", "t/y"):
        reading(log, trigger).close()
    await log.append(BROKER, [event("1")])

    log.forget_triggers(["t/y"])

    assert take(reading(log, "t/x")) == []
    assert ids(take(reading(log, "t/y"))) == ["1"]


def through(log: EventLog, count: int) -> Reader:
    """A Trigger that is through with so many events and not with the others."""
    reader = reading(log)
    reader.finish(take(reader, count))
    log.commit()
    return reader


async def append_one_by_one(log: EventLog, first: int, last: int) -> None:
    for n in range(first, last + 1):
        await log.append(BROKER, [event(str(n))])


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


async def test_dead_letters(open_log: OpenLog) -> None:
    log = open_log()
    refused = Failure("answered 400", 400, "bm8=")
    for n in range(1, 4):
        log.bury("t/x", Record(n, 5, event(str(n))), "http://x", refused, attempts=2, delivered_to_sink=False)
    log.bury("t/y", Record(3, 5, event("3")), "http://y", Failure("no connection"), attempts=1, delivered_to_sink=False)
    log.bury("t/x", Record(2, 5, event("2")), "http://x", refused, attempts=2, delivered_to_sink=True)

    assert log.dead_letter_total() == 4
    assert log.dead_letter_counts() == {"t/x": 3, "t/y": 1}
    newest = log.dead_letters()
    assert [(letter.trigger, letter.offset) for letter in newest] == [("t/y", 3), ("t/x", 3), ("t/x", 2), ("t/x", 1)]
    second = newest[2]
    assert (second.failure, second.attempts, second.destination, second.when_ms) == (refused, 2, "http://x", 1_000)
    assert second.delivered_to_sink
    assert second.event.json == event("2").json
    assert [letter.offset for letter in log.dead_letters(trigger="t/x", limit=2)] == [3, 2]
    assert [letter.offset for letter in log.dead_letters(before=second.id)] == [1]

    log.mark_replaying(second.id, replaying=True)
    assert [letter.id for letter in log.dead_letters(replaying=True)] == [second.id]
    log.drop_dead_letter(second.id)
    assert log.dead_letter(second.id) is None
    log.close()

    log = open_log()
    assert log.dead_letter_counts() == {"t/x": 2, "t/y": 1}


async def test_the_same_offset_of_another_broker_is_another_dead_letter(open_log: OpenLog) -> None:
    log = open_log()
    reading(log, broker="a/one").close()
    failure = Failure("answered 400", 400)
    log.bury("t/x", Record(1, 5, event("of one")), "http://x", failure, attempts=1, delivered_to_sink=False)
    reading(log, broker="a/two").close()
    log.bury("t/x", Record(1, 5, event("of two")), "http://x", failure, attempts=1, delivered_to_sink=False)
    log.forget_triggers([])
    reading(log, broker="a/one").close()
    log.bury("t/x", Record(1, 5, event("of one again")), "http://x", failure, attempts=1, delivered_to_sink=False)

    assert ids(log.dead_letters()) == ["of one again", "of two", "of one"]
    assert log.dead_letter_counts() == {"t/x": 3}


async def test_a_second_process_is_told_who_has_the_log(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")

    with pytest.raises(LogUnavailable, match=f"in use by process {os.getpid()}"):
        SqliteEventLog.open(tmp_path / "log.db")

    log.close()
    SqliteEventLog.open(tmp_path / "log.db").close()


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
