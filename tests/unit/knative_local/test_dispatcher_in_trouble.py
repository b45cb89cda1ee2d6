"""The dispatcher when something breaks that nobody foresaw, and when events are large."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from knative_local import delivering, pump
from knative_local.http_types import ConnectionFailed, HttpResponse
from knative_local.log.port import LogUnavailable
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
    trigger,
    until,
)

ONE_SLOT = Bounds(in_flight=1, batches_in_flight=1)


def failing(real: Callable[..., Any], *errors: Exception) -> Callable[..., Any]:
    """`real`, which raises `errors` first."""
    left: Iterator[Exception] = iter(errors)

    def call(*args: Any, **named: Any) -> Any:
        for error in left:
            raise error
        return real(*args, **named)

    return call


async def test_a_dead_letter_that_cannot_be_looked_up_is_kept_later(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers["first"] = [HttpResponse(400), HttpResponse(204)]
    async with start(trigger(), bounds=ONE_SLOT) as (dispatcher, log):

        class Connection:
            def __init__(self, real: sqlite3.Connection) -> None:
                self.real = real

            def execute(self, statement: str, *more: Any) -> Any:
                if statement.startswith("SELECT count"):
                    log._database.connection = self.real
                    raise sqlite3.OperationalError("disk I/O error")
                return self.real.execute(statement, *more)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.real, name)

        log._database.connection = Connection(log._database.connection)
        await log.append(BROKER, [event("1"), event("2")])
        await done(dispatcher)

        assert log.dead_letter_total() == 1
        assert subscribers.ids("first") == ["1", "2"]


@pytest.mark.parametrize("batch", [None, 3])
async def test_a_delivery_that_breaks_loses_neither_slot_nor_event(
    start: Start, subscribers: FakeSubscribers, monkeypatch: pytest.MonkeyPatch, batch: int | None
) -> None:
    subscribers.answers["first"] = [HttpResponse(400)]
    monkeypatch.setattr(subscribers, "url_of", failing(subscribers.url_of, RuntimeError("bug"), RuntimeError("bug")))
    async with start(trigger(batch=batch), bounds=ONE_SLOT) as (dispatcher, log):
        await log.append(BROKER, [event("1"), event("2"), event("3")])
        await done(dispatcher)

        assert sorted(letter.offset for letter in log.dead_letters()) == [1, 2, 3]
        await until(lambda: dispatcher._pumps["town/first"]._slots.taken == 0)


async def test_a_batch_that_breaks_is_delivered_again(
    start: Start, subscribers: FakeSubscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(trigger(batch=2), bounds=ONE_SLOT) as (dispatcher, log):
        first = dispatcher._pumps["town/first"]._delivering
        monkeypatch.setattr(first, "_publish", failing(first._publish, RuntimeError("bug")))
        await log.append(BROKER, [event("1"), event("2")])
        await done(dispatcher)

    assert subscribers.ids("first") == ["1", "2", "1", "2"]


async def test_a_replay_that_breaks_is_tried_again(
    start: Start, subscribers: FakeSubscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribers.answers["first"] = [HttpResponse(400), HttpResponse(422)]
    async with start(trigger(), bounds=ONE_SLOT) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)
        monkeypatch.setattr(subscribers, "url_of", failing(subscribers.url_of, RuntimeError("bug")))
        dispatcher.replay(log.dead_letters()[0])
        await until(lambda: log.dead_letters()[0].failure.code == 422)
        await until(lambda: dispatcher._pumps["town/first"]._slots.taken == 0)


async def test_a_request_that_cannot_be_made_counts_as_an_attempt(
    start: Start, subscribers: FakeSubscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "request_for", failing(delivering.request_for, ValueError("no such text")))
    async with start(trigger(retry=0), bounds=ONE_SLOT) as (dispatcher, log):
        await log.append(BROKER, [event("1"), event("2")])
        await done(dispatcher)

        assert ["no such text" in letter.failure.reason for letter in log.dead_letters()] == [True]
        assert subscribers.ids("first") == ["2"]
        assert dispatcher.trigger_figures()[0].in_flight == 0


async def test_a_log_that_cannot_be_read_is_read_later(
    start: Start, subscribers: FakeSubscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "_LOG_UNAVAILABLE_WAIT_S", 0.0)
    async with start(trigger()) as (dispatcher, log):
        monkeypatch.setattr(log, "read", failing(log.read, LogUnavailable("I/O"), LogUnavailable("I/O")))
        await log.append(BROKER, [event("1")])
        await done(dispatcher)

    assert subscribers.ids("first") == ["1"]


async def test_memory_is_bounded_in_bytes_too(start: Start, subscribers: FakeSubscribers, sleep: FakeSleep) -> None:
    sleep.holds = True
    subscribers.answers["first"] = [ConnectionFailed("refused")]
    bounds = Bounds(in_flight=100, held_bytes=5_000, portion_bytes=2_000)
    async with start(trigger(retry=1), bounds=bounds) as (dispatcher, log):
        await log.append(BROKER, [event(str(n), data="x" * 1_000) for n in range(1, 41)])
        await until(lambda: len(sleep.slept) == 5)
        for _ in range(20):
            await asyncio.sleep(0)

        assert len(subscribers.ids("first")) == 5
        assert backlog(dispatcher) == 40


async def test_room_of_bytes_comes_back_and_an_event_may_be_larger_than_all_of_it(
    start: Start, subscribers: FakeSubscribers
) -> None:
    bounds = Bounds(in_flight=2, held_bytes=500, portion_bytes=500)
    async with start(trigger(), bounds=bounds) as (dispatcher, log):
        await log.append(BROKER, [event(str(n), data="x" * 1_000) for n in range(1, 21)])
        await done(dispatcher)

    assert sorted(subscribers.ids("first"), key=int) == [str(n) for n in range(1, 21)]


async def test_a_batch_is_bounded_in_bytes_and_goes_when_it_has_them(
    start: Start, subscribers: FakeSubscribers
) -> None:
    bounds = Bounds(portion_bytes=2_500)
    async with start(trigger(batch=100, linger=0.01), bounds=bounds) as (dispatcher, log):
        await log.append(BROKER, [event(str(n), data="x" * 1_000) for n in range(1, 8)])
        await log.append(BROKER, [event("8", data="x" * 9_000)])
        await done(dispatcher)

    sizes = sorted(len(events_of(request)) for request in subscribers.requests["first"])
    assert max(sizes) == 2
    assert sorted(subscribers.ids("first"), key=int) == [str(n) for n in range(1, 9)]


async def test_a_batch_that_has_its_bytes_does_not_linger(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(trigger(batch=100, linger=60), bounds=Bounds(portion_bytes=2_500)) as (_, log):
        await log.append(BROKER, [event(str(n), data="x" * 1_000) for n in range(1, 4)])
        await until(lambda: subscribers.ids("first") == ["1", "2"])
