"""What every event log promises; each implementation runs the whole suite."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from knative_local.cloudevent import CloudEvent
from knative_local.filters import EVERYTHING, Exact, Filter, Prefix
from knative_local.log.kafka import KafkaEventLog
from knative_local.log.kafka_topics import KafkaNames
from knative_local.log.port import DeadLetter, EventLog, Failure, LogUnavailable, Record
from knative_local.log.retention import Retention
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import BROKER, until
from tests.unit.knative_local.eventing import event as any_event

OpenLog = Callable[[], EventLog]


@pytest.fixture(params=["sqlite", "kafka"])
async def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenLog]:
    """Opens the test's log; what is still open at the end is closed."""
    opened: list[EventLog] = []
    mark = uuid.uuid4().hex
    names = KafkaNames(f"broker-{{namespace}}-{{name}}-{mark}", f"trigger-{{namespace}}-{{name}}-{mark}")
    path = tmp_path / "log.db"

    def open_it() -> EventLog:
        if request.param == "sqlite":
            opened.append(SqliteEventLog.open(path, now_ms=lambda: 1_000))
        else:
            address = request.getfixturevalue("kafka_address")
            for_ever = Retention(age_ms=1 << 60)  # the clock stands in 1970, and Kafka would clear up in the middle
            opened.append(KafkaEventLog.open(address, path, for_ever, names, now_ms=lambda: 1_000))
        return opened[-1]

    yield open_it
    for log in opened:
        log.close()


def event(id: str = "1", type: str = "test.happened", data: object = None) -> CloudEvent:
    """One of those that stay in order, as they have the same key."""
    return any_event(id, type, data, partitionkey="one")


def ids(records: Iterable[Record | DeadLetter]) -> list[str]:
    return [record.event.attributes["id"] for record in records]


class Reading:
    """A reader, and how many of the events that it gave are not done."""

    def __init__(
        self,
        log: EventLog,
        trigger: str = "t/x",
        broker: str = BROKER,
        filter: Filter = EVERYTHING,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.inner = log.reader(trigger, broker, filter, wake)
        self._out = 0

    async def settle(self) -> None:
        """Wait until its filter was asked about every event, or enough of them are ready."""
        await until(self._is_settled)

    async def take(self, most: int = 100) -> list[Record]:
        """The next records, read if need be."""
        await until(lambda: self._is_settled() or self.inner.ready >= most)
        records = list(self.inner.take(most, 1 << 20))
        self._out += len(records)
        return records

    def finish(self, records: list[Record]) -> None:
        self._out -= len(records)
        self.inner.finish(records)

    def _is_settled(self) -> bool:
        while self.inner.fill(1 << 20):
            pass
        return self.inner.backlog == self.inner.ready + self._out


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


async def test_brokers_have_logs_of_their_own(open_log: OpenLog) -> None:
    log = open_log()
    await asyncio.gather(
        log.append("a/one", [event("1")]), log.append("a/two", [event("2")]), log.append("a/one", [event("3")])
    )

    assert ids(log.read("a/one", 0, 10)) == ["1", "3"]
    assert ids(log.read("a/two", 0, 10)) == ["2"]
    assert log.end("a/three") == 0
    assert list(log.read("a/three", 0, 10)) == []


async def test_listeners_hear_of_what_is_durable(open_log: OpenLog) -> None:
    log = open_log()
    heard: list[tuple[str, list[str]]] = []
    log.subscribe(lambda broker, records: heard.append((broker, ids(records))))

    await asyncio.gather(*(log.append(BROKER, [event(str(n))]) for n in range(1, 4)))

    assert {broker for broker, _ in heard} == {BROKER}
    assert [id for _, some in heard for id in some] == ["1", "2", "3"]


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
    Reading(log)
    durable = log.append(BROKER, [event("1")])
    log.close()

    assert durable.done()
    assert ids(await Reading(open_log()).take()) == ["1"]


async def test_a_new_trigger_begins_at_the_end_and_goes_on_where_it_was(open_log: OpenLog) -> None:
    log = open_log()
    old = Reading(log, "t/old")
    await log.append(BROKER, [event("1"), event("2"), event("3")])
    new = Reading(log, "t/new")
    assert ids(await old.take()) == ["1", "2", "3"]
    assert await new.take() == []
    log.close()

    log = open_log()
    old, new = Reading(log, "t/old"), Reading(log, "t/new")
    records = await old.take()
    assert ids(records) == ["1", "2", "3"]
    assert await new.take() == []
    old.finish(records[:2])
    log.commit()
    log.close()

    log = open_log()
    assert ids(await Reading(log, "t/old").take()) == ["3"]


async def test_what_is_done_in_another_order_is_done_once_all_before_it_is(open_log: OpenLog) -> None:
    log = open_log()
    reader = Reading(log)
    await log.append(BROKER, [event(str(n)) for n in range(1, 6)])
    records = await reader.take()
    reader.finish([records[1], records[4]])
    assert reader.inner.backlog == 3
    reader.finish([records[0]])
    log.commit()
    log.close()

    log = open_log()
    assert ids(await Reading(log).take()) == ["3", "4", "5"]


async def test_a_reader_wakes_its_trigger_and_gives_what_its_filter_takes(open_log: OpenLog) -> None:
    log = open_log()
    woken: list[str] = []
    only_b = Reading(log, "t/b", filter=Exact((("type", "b"),)), wake=lambda: woken.append("b"))
    only_c = Reading(log, "t/c", filter=Exact((("type", "c"),)), wake=lambda: woken.append("c"))
    await log.append(BROKER, [event("1", "a"), event("2", "b"), event("3", "b")])

    await only_b.settle()
    await only_c.settle()
    assert set(woken) == {"b"}
    assert ids(await only_b.take()) == ["2", "3"]
    assert await only_c.take() == []
    assert (only_b.inner.backlog, only_c.inner.backlog) == (2, 0)


async def test_what_a_filter_passes_over_is_done(open_log: OpenLog) -> None:
    log = open_log()
    only_b = Reading(log, filter=Exact((("type", "b"),)))
    await log.append(BROKER, [event("1", "a"), event("2", "b"), event("3", "a")])
    only_b.finish(await only_b.take())
    log.commit()
    log.close()

    assert await Reading(open_log()).take() == []


async def test_a_reader_that_is_far_behind_gets_everything_once_and_in_order(open_log: OpenLog) -> None:
    log = open_log()
    reader = Reading(log, filter=Prefix((("id", "1"),)))
    for n in range(12):
        await log.append(BROKER, [event(str(1_000 * n + i)) for i in range(400)])
    taken = ids(await reader.take(150))
    await log.append(BROKER, [event("100000"), event("2")])
    while more := await reader.take(150):
        taken += ids(more)
    every = [str(1_000 * n + i) for n in range(12) for i in range(400)]
    assert taken == [*(id for id in every if id.startswith("1")), "100000"]


async def test_a_reader_is_bounded_in_bytes(open_log: OpenLog) -> None:
    log = open_log()
    reader = Reading(log)
    await log.append(BROKER, [event(str(n)) for n in range(1, 6)])
    size = len(event("1").json)
    await reader.settle()
    assert (reader.inner.ready, reader.inner.ready_bytes) == (5, 5 * size)
    assert ids(reader.inner.take(10, 1)) == ["1"]
    assert ids(reader.inner.take(10, 2 * size)) == ["2", "3"]
    assert (reader.inner.ready, reader.inner.ready_bytes) == (2, 2 * size)


async def test_another_filter_counts_for_what_was_not_handed_out(open_log: OpenLog) -> None:
    log = open_log()
    reader = Reading(log)
    await log.append(BROKER, [event("1", "a"), event("2", "b")])
    await reader.settle()
    reader.inner.change(Exact((("type", "b"),)))
    await log.append(BROKER, [event("3", "a"), event("4", "b")])
    records = await reader.take()
    assert ids(records) == ["2", "4"]
    reader.finish(records)
    assert reader.inner.backlog == 0


async def test_a_trigger_that_moves_to_another_broker_begins_at_its_end(open_log: OpenLog) -> None:
    log = open_log()
    one = Reading(log, broker="a/one")
    await log.append("a/one", [event("1"), event("2")])
    await log.append("a/two", [event("3")])
    one.inner.close()

    two = Reading(log, broker="a/two")
    await log.append("a/two", [event("4")])
    assert ids(await two.take()) == ["4"]


async def test_a_trigger_that_was_deleted_begins_anew_when_it_comes_back(open_log: OpenLog) -> None:
    log = open_log()
    for trigger in ("t/x", "t/y"):
        Reading(log, trigger).inner.close()
    await log.append(BROKER, [event("1")])

    log.forget_triggers(["t/y"])

    assert await Reading(log, "t/x").take() == []
    assert ids(await Reading(log, "t/y").take()) == ["1"]


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
    Reading(log, broker="a/one").inner.close()
    failure = Failure("answered 400", 400)
    log.bury("t/x", Record(1, 5, event("of one")), "http://x", failure, attempts=1, delivered_to_sink=False)
    Reading(log, broker="a/two").inner.close()
    log.bury("t/x", Record(1, 5, event("of two")), "http://x", failure, attempts=1, delivered_to_sink=False)
    log.forget_triggers([])
    Reading(log, broker="a/one").inner.close()
    log.bury("t/x", Record(1, 5, event("of one again")), "http://x", failure, attempts=1, delivered_to_sink=False)

    assert ids(log.dead_letters()) == ["of one again", "of two", "of one"]
    assert log.dead_letter_counts() == {"t/x": 3}


async def test_a_second_process_is_told_who_has_the_log(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")

    with pytest.raises(LogUnavailable, match=f"in use by process {os.getpid()}"):
        SqliteEventLog.open(tmp_path / "log.db")

    log.close()
    SqliteEventLog.open(tmp_path / "log.db").close()
