"""The dispatcher when it stops, and when a dead letter gets another chance."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.log.port import DeadLetter
from knative_local.log.sqlite import SqliteEventLog
from knative_local.pump import Bounds
from tests.unit.knative_local.eventing import (
    BROKER,
    FakeSleep,
    FakeSubscribers,
    Start,
    done,
    event,
    stored_cursor,
    trigger,
    until,
)


async def test_stop_waits_for_what_is_on_its_way_and_stores_it(
    start: Start, subscribers: FakeSubscribers, tmp_path: Path
) -> None:
    subscribers.holding["first"] = asyncio.Event()
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await until(lambda: subscribers.ids("first") == ["1"])
        stopping = asyncio.create_task(dispatcher.stop(5))
        await asyncio.sleep(0)
        await log.append(BROKER, [event("2")])
        subscribers.holding["first"].set()
        await stopping

        assert subscribers.ids("first") == ["1"]
        assert stored_cursor(tmp_path, "town/first") == 1


async def test_stop_does_not_wait_for_backoffs(
    start: Start, subscribers: FakeSubscribers, sleep: FakeSleep, tmp_path: Path
) -> None:
    sleep.holds = True
    subscribers.answers["first"] = [HttpResponse(503)]
    async with start(trigger(retry=1), bounds=Bounds(in_flight=1)) as (dispatcher, log):
        await log.append(BROKER, [event("1"), event("2")])
        await until(lambda: len(sleep.slept) == 2)
        async with asyncio.timeout(1):
            await dispatcher.stop(grace=60)

        assert stored_cursor(tmp_path, "town/first") == 0
        assert log.dead_letter_total() == 0


async def test_what_fails_during_a_stop_is_not_tried_again(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.holding["first"] = asyncio.Event()
    subscribers.answers["first"] = [HttpResponse(503)]
    async with start(trigger(retry=5)) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await until(lambda: subscribers.ids("first") == ["1"])
        stopping = asyncio.create_task(dispatcher.stop(5))
        await asyncio.sleep(0)
        subscribers.holding["first"].set()
        await stopping

        assert subscribers.ids("first") == ["1"]
        assert log.dead_letter_total() == 0


async def test_who_stands_in_line_is_not_let_in_during_a_stop(start: Start, subscribers: FakeSubscribers) -> None:
    def refuse_and_hold_the_next(_: HttpRequest) -> HttpResponse:
        subscribers.holding["first"] = asyncio.Event()
        return HttpResponse(503)

    subscribers.answers["first"] = [refuse_and_hold_the_next, HttpResponse(204)]
    async with start(trigger(retry=1), bounds=Bounds(in_flight=1)) as (dispatcher, log):
        await log.append(BROKER, [event("1"), event("2")])
        await until(lambda: subscribers.ids("first") == ["1", "2"])
        stopping = asyncio.create_task(dispatcher.stop(5))
        await asyncio.sleep(0)
        subscribers.holding["first"].set()
        await stopping

    assert subscribers.ids("first") == ["1", "2"]


async def test_replay_delivers_again_and_forgets_the_dead_letter(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers["first"] = [HttpResponse(400), HttpResponse(204)]
    async with start(trigger(dead_letter_sink="sink"), trigger("second", "second")) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)
        (letter,) = log.dead_letters()

        assert dispatcher.replay(letter)
        await until(lambda: log.dead_letter_total() == 0)

    assert subscribers.ids("first") == ["1", "1"]
    assert subscribers.ids("second") == ["1"]
    assert subscribers.ids("sink") == ["1"]


async def test_replay_that_fails_keeps_the_dead_letter_with_the_new_reason(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.answers["first"] = [HttpResponse(400), HttpResponse(422)]
    async with start(trigger(dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)
        (letter,) = log.dead_letters()
        dispatcher.replay(letter)
        await until(lambda: log.dead_letters()[0].failure.code == 422)

        (again,) = log.dead_letters()
        assert again.id == letter.id
        assert not again.replaying
        assert again.delivered_to_sink


async def test_a_replay_survives_a_restart(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers["first"] = [HttpResponse(400), HttpResponse(204)]
    async with start(trigger(), grace=0) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)
        subscribers.holding["first"] = asyncio.Event()
        dispatcher.replay(log.dead_letters()[0])
        await until(lambda: len(subscribers.ids("first")) == 2)
    del subscribers.holding["first"]

    async with start(trigger()) as (_, log):
        await until(lambda: log.dead_letter_total() == 0)


async def test_replay_of_a_trigger_that_is_gone_is_refused(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers["first"] = [HttpResponse(400)]
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await done(dispatcher)
    async with start(trigger("second", "second")) as (dispatcher, log):
        assert not dispatcher.replay(log.dead_letters()[0])


async def test_every_replay_survives_a_restart_however_many_there_are(
    start: Start, subscribers: FakeSubscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribers.answers["first"] = [HttpResponse(400)]
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event(str(n)) for n in range(1, 8)])
        await done(dispatcher)
        for letter in log.dead_letters():
            log.mark_replaying(letter.id, replaying=True)
    subscribers.answers["first"] = [HttpResponse(204)]
    at_once = SqliteEventLog.dead_letters

    def few_at_once(self: SqliteEventLog, *args: Any, limit: int = 100, **named: Any) -> Sequence[DeadLetter]:
        return at_once(self, *args, limit=min(limit, 2), **named)

    monkeypatch.setattr(SqliteEventLog, "dead_letters", few_at_once)
    async with start(trigger()) as (_, log):
        await until(lambda: log.dead_letter_total() == 0)
