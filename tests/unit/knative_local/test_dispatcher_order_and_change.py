"""Ordered Triggers, and Triggers that change while the dispatcher runs."""

import asyncio
from dataclasses import replace

from knative_local.filters import Exact
from knative_local.http_types import HttpResponse
from tests.unit.knative_local.eventing import BROKER, FakeSubscribers, Start, done, event, to, trigger, until


async def test_an_ordered_trigger_keeps_the_order_of_each_key_through_retries(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.answers["first"] = [HttpResponse(503), HttpResponse(204)]
    async with start(replace(trigger(retry=3), ordered=True)) as (dispatcher, log):
        await log.append(BROKER, [event(f"{key}{n}", partitionkey=key) for n in range(5) for key in "ab"])
        await done(dispatcher)

    taken = subscribers.ids("first")
    for key in "ab":
        of_key = [id for id in taken if id.startswith(key)]
        assert sorted(of_key) == of_key
    assert len(taken) == 11


async def test_a_slow_key_does_not_hold_up_another(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.holding["first"] = asyncio.Event()
    async with start(replace(trigger(), ordered=True)) as (_, log):
        await log.append(BROKER, [event(f"{key}{n}", partitionkey=key) for n in range(3) for key in "ab"])
        await until(lambda: sorted(subscribers.ids("first")) == ["a0", "b0"])
        subscribers.holding["first"].set()
        await until(lambda: len(subscribers.ids("first")) == 6)


async def test_an_ordered_batch_that_is_refused_goes_one_by_one_in_order(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.answers["first"] = [HttpResponse(503), HttpResponse(204)]
    async with start(replace(trigger(retry=1, batch=3), ordered=True)) as (dispatcher, log):
        await log.append(BROKER, [event(str(n), partitionkey="a") for n in range(5)])
        await done(dispatcher)

    assert subscribers.ids("first") == ["0", "1", "2", "0", "1", "2", "3", "4"]


async def test_a_changed_trigger_goes_on_where_it_was(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.holding["first"] = asyncio.Event()
    async with start(trigger(filter=Exact((("type", "a"),)))) as (dispatcher, log):
        await log.append(BROKER, [event("1", "a"), event("2", "b")])
        await until(lambda: subscribers.ids("first") == ["1"])
        await dispatcher.apply([replace(trigger(filter=Exact((("type", "b"),))), subscriber=to("second"))], 5)
        await log.append(BROKER, [event("3", "a"), event("4", "b")])
        await until(lambda: subscribers.ids("second") == ["4"])
        subscribers.holding["first"].set()
        await done(dispatcher)

    assert subscribers.ids("first") == ["1"]


async def test_a_trigger_that_comes_begins_at_the_end_and_one_that_goes_ends_what_it_has(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.holding["first"] = asyncio.Event()
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await until(lambda: subscribers.ids("first") == ["1"])
        applying = asyncio.create_task(dispatcher.apply([trigger("second", "second")], 5))
        await asyncio.sleep(0)
        subscribers.holding["first"].set()
        await applying
        await log.append(BROKER, [event("2")])
        await done(dispatcher)

        assert [figures.trigger.name for figures in dispatcher.trigger_figures()] == ["second"]
    assert subscribers.ids("first") == ["1"]
    assert subscribers.ids("second") == ["2"]


async def test_a_trigger_that_becomes_ordered_loses_nothing(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1", partitionkey="a")])
        await done(dispatcher)
        await dispatcher.apply([replace(trigger(), ordered=True)], 5)
        await log.append(BROKER, [event("2", partitionkey="a"), event("3", partitionkey="a")])
        await done(dispatcher)

    assert subscribers.ids("first") == ["1", "2", "3"]


async def test_a_change_does_not_wait_for_those_that_go(start: Start, subscribers: FakeSubscribers) -> None:
    """Whom a Trigger named before may be gone at once: what comes meanwhile goes to whom it names now."""
    subscribers.holding["slow"] = asyncio.Event()
    async with start(trigger("going", "slow"), trigger()) as (dispatcher, log):
        await log.append(BROKER, [event("1")])
        await until(lambda: subscribers.ids("slow") == ["1"] and subscribers.ids("first") == ["1"])
        applying = asyncio.create_task(dispatcher.apply([replace(trigger(), subscriber=to("second"))], 5))
        await asyncio.sleep(0)
        await log.append(BROKER, [event("2")])
        await until(lambda: subscribers.ids("second") == ["2"])
        assert not applying.done()
        subscribers.holding["slow"].set()
        await applying

    assert subscribers.ids("first") == ["1"]
