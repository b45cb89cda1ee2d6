"""The dispatcher on a real log, subscribers in memory: nothing lost, nobody held up, each failure accounted for."""

import asyncio
import base64
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from knative_local.broker_classes import CHANNEL
from knative_local.cloudevent import mode_of
from knative_local.delivery import HOPS
from knative_local.dispatcher import Dispatcher
from knative_local.filters import Exact
from knative_local.http_types import ConnectionFailed, HttpRequest, HttpResponse, TimedOut, header
from knative_local.log.port import LogUnavailable
from knative_local.log.retention import Retention
from knative_local.log.sqlite import SqliteEventLog
from knative_local.pump import Bounds
from tests.unit.knative_local.eventing import (
    BROKER,
    FakeSleep,
    FakeSubscribers,
    Start,
    backlog,
    done,
    event,
    events_of,
    stored_cursor,
    trigger,
    until,
)


async def test_each_trigger_gets_what_its_filter_wants(start: Start, subscribers: FakeSubscribers) -> None:
    only_b = trigger("second", "second", Exact((("type", "b"),)))
    async with start(trigger(), only_b) as (dispatcher, log):
        await log.append(BROKER, [event("1", "a"), event("2", "b")])
        await log.append("town/other", [event("3", "b")])
        await done(dispatcher)

    assert sorted(subscribers.ids("first")) == ["1", "2"]
    assert subscribers.ids("second") == ["2"]
    assert subscribers.timeouts == [600.0] * 3


async def test_retry_then_success(start: Start, subscribers: FakeSubscribers, sleep: FakeSleep) -> None:
    subscribers.answers["first"] = [HttpResponse(503), ConnectionFailed("refused"), HttpResponse(204)]
    async with start(trigger(retry=3)) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)

        assert subscribers.ids("first") == ["1", "1", "1"]
        assert sleep.slept == [pytest.approx(0.2), pytest.approx(0.4)]
        assert log.dead_letter_total() == 0


async def test_attempts_and_dead_letters_are_counted(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers["first"] = [HttpResponse(204), HttpResponse(503), TimedOut("slow"), HttpResponse(400)]
    async with start(trigger(retry=3, dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)
        await log.append(BROKER, [event("2")])
        await done(dispatcher)
        (figures,) = dispatcher.trigger_figures()

    counted = figures.deliveries
    assert subscribers.ids("sink") == ["2"]
    assert counted.results == {"taken": 1, "retried": 2, "refused": 1}
    assert sum(counted.attempts.counts) == 4
    assert (counted.dead_letters, figures.events_total) == (1, 2)


async def test_a_dead_letter_goes_to_the_sink_and_is_kept(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers["first"] = [HttpResponse(500, [], b"no room")]
    async with start(trigger(retry=1, dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(BROKER, [event("1", data={"a": 1})])
        await done(dispatcher)

        (sent,) = subscribers.events("sink")
        assert sent.attributes["knativeerrordest"] == "http://first.town"
        assert sent.attributes["knativeerrorcode"] == "500"
        assert base64.b64decode(sent.attributes["knativeerrordata"]) == b"no room"
        assert sent.data() == b'{"a":1}'
        (kept,) = log.dead_letters()
        assert (kept.trigger, kept.attempts, kept.failure.code) == ("town/first", 2, 500)
        assert kept.delivered_to_sink
        assert kept.event.json == event("1", data={"a": 1}).json
        assert dispatcher.trigger_figures()[0].dead_letters == 1


async def test_only_a_channel_brokers_dead_letter_sink_sees_the_count_of_replies(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.answers["first"] = [HttpResponse(400)]
    async with start(replace(trigger(dead_letter_sink="sink"), broker_class=CHANNEL)) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)

    assert [HOPS in sent.attributes for name in ("first", "sink") for sent in subscribers.events(name)] == [False, True]


async def test_a_timeout_leaves_code_and_data_out(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers["first"] = [TimedOut("after 600 s")]
    async with start(trigger(dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)

    (sent,) = subscribers.events("sink")
    assert {name for name in sent.attributes if name.startswith("knativeerror")} == {"knativeerrordest"}


async def test_the_sink_gets_the_same_retries_and_what_it_refuses_is_kept(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.answers = {"first": [HttpResponse(400)], "sink": [HttpResponse(503)]}
    async with start(trigger(retry=2, dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)

        assert subscribers.ids("first") == ["1"]
        assert subscribers.ids("sink") == ["1", "1", "1"]
        (kept,) = log.dead_letters()
        assert not kept.delivered_to_sink


async def test_a_reply_enters_the_broker(start: Start, subscribers: FakeSubscribers) -> None:
    headers = [(b"content-type", b"application/cloudevents+json")]
    subscribers.answers["first"] = [HttpResponse(200, headers, event("reply", "answered").json)]
    asked = trigger("first", "first", Exact((("type", "asked"),)))
    answered = trigger("second", "second", Exact((("type", "answered"),)))
    async with start(asked, answered) as (_, log):
        await log.append(BROKER, [event("1", "asked")])
        await until(lambda: subscribers.ids("second") == ["reply"])


async def test_batches_fill_while_they_linger(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(trigger(batch=3, linger=0.01)) as (dispatcher, log):
        await log.append(BROKER, [event(str(n)) for n in range(1, 6)])
        await log.append(BROKER, [event("6"), event("7")])
        await done(dispatcher)

    sizes = [len(events_of(request)) for request in subscribers.requests["first"]]
    assert sizes == [3, 3, 1]
    assert all(mode_of(request.headers) == "batch" for request in subscribers.requests["first"])
    assert sorted(subscribers.ids("first")) == [str(n) for n in range(1, 8)]


async def test_a_batch_that_is_refused_goes_one_by_one(start: Start, subscribers: FakeSubscribers) -> None:
    def refuse_two(request: HttpRequest) -> HttpResponse:
        return HttpResponse(400 if "2" in [each.attributes["id"] for each in events_of(request)] else 204)

    subscribers.answers["first"] = [refuse_two]
    async with start(trigger(batch=3)) as (dispatcher, log):
        await log.append(BROKER, [event(str(n)) for n in range(1, 4)])
        await done(dispatcher)

        sizes = [len(events_of(request)) for request in subscribers.requests["first"]]
        assert sizes == [3, 1, 1, 1]
        assert all(mode_of(request.headers) == "batch" for request in subscribers.requests["first"])
        assert [letter.event.attributes["id"] for letter in log.dead_letters()] == ["2"]


async def test_a_hanging_subscriber_delays_neither_its_own_other_events_nor_other_triggers(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.holding["first"] = asyncio.Event()
    async with start(trigger(), trigger("second", "second"), grace=0) as (dispatcher, log):
        for n in range(1, 4):
            await log.append(BROKER, [event(str(n))])
        await until(lambda: subscribers.ids("second") == ["1", "2", "3"])
        await until(lambda: subscribers.ids("first") == ["1", "2", "3"])

        first, second = dispatcher.trigger_figures()
        assert (first.in_flight, first.backlog) == (3, 3)
        assert (second.in_flight, second.backlog) == (0, 0)


async def test_what_waits_for_its_next_attempt_holds_nobody_up(
    start: Start, subscribers: FakeSubscribers, sleep: FakeSleep
) -> None:
    sleep.holds = True
    subscribers.answers["first"] = [HttpResponse(503), HttpResponse(204)]
    async with start(trigger(retry=1), bounds=Bounds(in_flight=1)) as (dispatcher, log):
        await log.append(BROKER, [event(str(n)) for n in range(1, 4)])
        await until(lambda: backlog(dispatcher) == 1)

    assert subscribers.ids("first") == ["1", "2", "3"]


async def test_no_more_at_once_than_the_bound(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(trigger(), bounds=Bounds(in_flight=4)) as (dispatcher, log):
        await log.append(BROKER, [event(str(n)) for n in range(1, 101)])
        await done(dispatcher)

    assert subscribers.most_at_once == 4
    assert sorted(subscribers.ids("first"), key=int) == [str(n) for n in range(1, 101)]


async def test_memory_is_bounded_while_a_subscriber_is_away(
    start: Start, subscribers: FakeSubscribers, sleep: FakeSleep
) -> None:
    sleep.holds = True
    subscribers.answers["first"] = [ConnectionFailed("refused")]
    async with start(trigger(retry=1), bounds=Bounds(in_flight=10, held=20)) as (dispatcher, log):
        await log.append(BROKER, [event(str(n)) for n in range(1, 601)])
        await log.append(BROKER, [event(str(n)) for n in range(601, 1_201)])
        await until(lambda: len(sleep.slept) == 20)
        await log.append(BROKER, [event("one more")])
        await until(lambda: dispatcher.trigger_figures()[0].in_flight == 0)

        assert len(subscribers.ids("first")) == 20
        assert backlog(dispatcher) == 1_201


async def test_room_in_memory_comes_back(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(trigger(), bounds=Bounds(in_flight=10, held=20)) as (dispatcher, log):
        await log.append(BROKER, [event(str(n)) for n in range(1, 1_201)])
        await done(dispatcher)

    assert len(subscribers.ids("first")) == 1_200


async def test_a_restart_goes_on_where_it_was(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)
        subscribers.holding["first"] = asyncio.Event()
        await log.append(BROKER, [event("2"), event("3")])
        await until(lambda: len(subscribers.ids("first")) == 3)
        await dispatcher.stop(0)
    del subscribers.holding["first"]

    async with start(trigger()) as (dispatcher, log):
        await done(dispatcher)
        await log.append(BROKER, [event("4")])
        await done(dispatcher)

    assert sorted(subscribers.ids("first")) == ["1", "2", "2", "3", "3", "4"]


async def test_what_was_appended_while_nobody_dispatched_is_delivered(
    start: Start, subscribers: FakeSubscribers, tmp_path: Path
) -> None:
    async with start(trigger()):
        pass
    log = SqliteEventLog.open(tmp_path / "log.db")
    await log.append(BROKER, [event(str(n)) for n in range(1, 1_301)])
    log.close()

    async with start(trigger()) as (dispatcher, _):
        await done(dispatcher)

    assert sorted(subscribers.ids("first"), key=int) == [str(n) for n in range(1, 1_301)]


async def test_a_new_trigger_begins_at_the_end(start: Start, subscribers: FakeSubscribers) -> None:
    """OBSERVED-KAFKA: "A group without a committed offset starts at the end"."""
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)

    async with start(trigger(), trigger("second", "second")) as (dispatcher, log):
        await log.append(BROKER, [event("2")])
        await done(dispatcher)

    assert subscribers.ids("second") == ["2"]


async def test_a_trigger_that_was_deleted_and_comes_back_begins_at_the_end(
    start: Start, subscribers: FakeSubscribers
) -> None:
    async with start(trigger("second", "second")):
        pass
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)
    async with start(trigger("second", "second")) as (dispatcher, log):
        await log.append(BROKER, [event("2")])
        await done(dispatcher)

    assert subscribers.ids("second") == ["2"]


async def test_cursors_are_stored_while_running(start: Start, tmp_path: Path) -> None:
    async with start(trigger()) as (_, log):
        await log.append(BROKER, [event("1"), event("2")])

        await until(lambda: stored_cursor(tmp_path, "town/first") == 2)


async def test_events_that_every_trigger_is_through_with_are_pruned(
    tmp_path: Path, subscribers: FakeSubscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knative_local.dispatcher._PRUNE_EVERY_S", 0.0)
    subscribers.holding["slow"] = asyncio.Event()
    log = SqliteEventLog.open(tmp_path / "log.db", Retention(count=1))
    slow = trigger("second", "slow", Exact((("id", "4"),)))
    dispatcher = Dispatcher([trigger(), slow], log, subscribers)
    await dispatcher.start()
    for n in range(1, 8):
        await log.append(BROKER, [event(str(n))])

    # The slow one is at the fourth: what is before that may go.
    await until(lambda: stored_cursor(tmp_path, "town/second") == 3)
    await until(lambda: stored(tmp_path) == [4, 5, 6, 7])
    await dispatcher.stop(0)
    log.close()


async def test_a_broker_without_triggers_is_pruned_and_hinders_no_other(
    tmp_path: Path, subscribers: FakeSubscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knative_local.dispatcher._PRUNE_EVERY_S", 0.0)
    log = SqliteEventLog.open(tmp_path / "log.db", Retention(count=1))
    dispatcher = Dispatcher([trigger()], log, subscribers)
    await dispatcher.start()
    for n in range(1, 5):
        await log.append("town/other", [event(str(n))])
    await until(lambda: stored(tmp_path) == [4])
    for n in range(1, 8):
        await log.append(BROKER, [event(str(n))])
    await until(lambda: stored(tmp_path) == [4, 7])
    await dispatcher.stop(0)
    log.close()


def stored(folder: Path) -> list[int]:
    """The offsets of the chunks that are in the file; a reader beside the one that writes."""
    with closing(sqlite3.connect(folder / "log.db")) as database:
        return [row[0] for row in database.execute("SELECT position & 0xffffff FROM chunks ORDER BY position")]


async def test_a_changed_filter_sends_the_next_events_elsewhere(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(trigger(filter=Exact((("type", "a"),)))) as (dispatcher, log):
        await log.append(BROKER, [event("1", "a"), event("2", "b")])
        await done(dispatcher)
    async with start(trigger(filter=Exact((("type", "b"),)))) as (dispatcher, log):
        await log.append(BROKER, [event("3", "a"), event("4", "b")])
        await done(dispatcher)

    assert subscribers.ids("first") == ["1", "4"]


async def test_while_the_log_cannot_be_written_a_reply_waits_and_is_not_lost(
    start: Start, subscribers: FakeSubscribers, sleep: FakeSleep, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = [(b"content-type", b"application/cloudevents+json")]
    subscribers.answers["first"] = [HttpResponse(200, headers, event("reply", "answered").json)]
    asked = trigger("first", "first", Exact((("type", "asked"),)))
    async with start(asked, trigger("second", "second", Exact((("type", "answered"),)))) as (_, log):
        await log.append(BROKER, [event("1", "asked")])
        append, failures = log.append, iter([LogUnavailable("disk full")] * 2)

        def append_to_a_full_disk(broker: str, events: Sequence[object]) -> object:
            for error in failures:
                raise error
            return append(broker, events)

        monkeypatch.setattr(log, "append", append_to_a_full_disk)
        await until(lambda: subscribers.ids("second") == ["reply"])

    assert len(sleep.slept) == 2
    assert subscribers.ids("first") == ["1"]


async def test_a_subscriber_that_breaks_in_an_unforeseen_way_loses_no_event(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.answers["first"] = [RuntimeError("bug"), HttpResponse(204)]
    async with start(trigger(retry=1)) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)

    assert subscribers.ids("first") == ["1", "1"]


async def test_deliveries_say_reply_is_preferred_and_whose_namespace_it_is(
    start: Start, subscribers: FakeSubscribers
) -> None:
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1", tenant="acme")])
        await done(dispatcher)

    (request,) = subscribers.requests["first"]
    assert header(request.headers, b"prefer") == b"reply"
    assert header(request.headers, b"kn-namespace") == b"town"
    assert header(request.headers, b"ce-tenant") == b"acme"
