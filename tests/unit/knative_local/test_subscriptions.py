"""Subscriptions on the dispatcher: a channel's events to all of them, replies onward, failures to the dead letters."""

import base64

import pytest

from knative_local.broker_classes import IN_MEMORY_CHANNEL
from knative_local.http_types import ConnectionFailed, HttpResponse, TimedOut
from knative_local.model import Delivery, Trigger
from tests.unit.knative_local.eventing import (
    SOMEWHERE,
    FakeSleep,
    FakeSubscribers,
    Start,
    done,
    event,
    to,
    until,
)

CHANNEL = "channel/town/orders"


def subscription(
    name: str = "first",
    subscriber: str = "first",
    reply: str | None = None,
    retry: int = 0,
    dead_letter_sink: str | None = None,
) -> Trigger:
    sink = to(dead_letter_sink) if dead_letter_sink else None
    return Trigger(
        "town",
        name,
        "orders",
        to(subscriber),
        Delivery(retry=retry, backoff_policy="linear", backoff_delay=0.2, dead_letter_sink=sink),
        SOMEWHERE,
        broker_class=IN_MEMORY_CHANNEL,
        channel=CHANNEL,
        reply=to(reply) if reply else None,
    )


def answer(id: str) -> HttpResponse:
    return HttpResponse(200, [(b"content-type", b"application/cloudevents+json")], event(id).json)


async def test_every_subscription_gets_every_event(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(subscription(), subscription("second", "second")) as (dispatcher, log):
        await log.append(CHANNEL, [event("1"), event("2")])
        await log.append("town/orders", [event("3")])  # the Broker of the same name is another log
        await done(dispatcher)

    assert sorted(subscribers.ids("first")) == sorted(subscribers.ids("second")) == ["1", "2"]


async def test_an_answer_goes_to_the_reply_and_not_into_the_channel(start: Start, subscribers: FakeSubscribers) -> None:
    """SubscriptionSpec: "channel --[subscriber]--> reply"."""
    subscribers.answers["first"] = [answer("r")]
    async with start(subscription(reply="next")) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)
        assert log.end(CHANNEL) == 1

    assert subscribers.ids("next") == ["r"]


async def test_an_answer_without_a_reply_is_passed_over(start: Start, subscribers: FakeSubscribers) -> None:
    """SubscriptionSpec: "Sink, no outgoing events"."""
    subscribers.answers["first"] = [answer("r")]
    async with start(subscription()) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)
        assert (log.end(CHANNEL), log.dead_letter_total()) == (1, 0)


async def test_a_body_that_is_no_event_is_success_without_a_reply(start: Start, subscribers: FakeSubscribers) -> None:
    """Knative's dispatcher, `executeRequest`: "Response is a non event, discard it"."""
    subscribers.answers["first"] = [HttpResponse(200, [(b"content-type", b"text/plain")], b"thanks")]
    async with start(subscription(reply="next", retry=3)) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)
        assert log.dead_letter_total() == 0

    assert (subscribers.ids("first"), subscribers.ids("next")) == (["1"], [])


async def test_the_first_retry_comes_at_once(start: Start, subscribers: FakeSubscribers, sleep: FakeSleep) -> None:
    """OBSERVED, linear 0.2 s: 0.00–0.03, 0.24–0.28, 0.40–0.42 s. "The first retry comes at once"."""
    subscribers.answers["first"] = [HttpResponse(503)]
    async with start(subscription(retry=3)) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)

    assert sleep.slept == [0, pytest.approx(0.2), pytest.approx(0.4)]


async def test_a_reply_that_is_refused_makes_a_dead_letter_of_the_event(
    start: Start, subscribers: FakeSubscribers
) -> None:
    """Knative's dispatcher: "send original message with knative error extensions", which name the reply's address."""
    subscribers.answers = {"first": [answer("r")], "next": [HttpResponse(503, [], b"full")]}
    async with start(subscription(reply="next", retry=1, dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)
        (kept,) = log.dead_letters()
        assert (kept.trigger, kept.destination, kept.attempts, kept.delivered_to_sink) == (
            "subscription/town/first",
            "http://next.town",
            2,
            True,
        )

    assert subscribers.ids("first") == ["1"]
    assert subscribers.ids("next") == ["r", "r"]
    (sent,) = subscribers.events("sink")
    assert (sent.attributes["id"], sent.attributes["knativeerrordest"]) == ("1", "http://next.town")
    assert sent.attributes["knativeerrorcode"] == "503"


async def test_a_replayed_event_is_done_when_its_reply_has_arrived(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers = {"first": [answer("r")], "next": [HttpResponse(400), HttpResponse(400), HttpResponse(202)]}
    async with start(subscription(reply="next")) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)
        assert dispatcher.replay(log.dead_letters()[0])
        await until(lambda: len(subscribers.ids("next")) == 2 and not log.dead_letters()[0].replaying)
        assert dispatcher.replay(log.dead_letters()[0])
        await until(lambda: log.dead_letter_total() == 0)

    assert subscribers.ids("next") == ["r", "r", "r"]


@pytest.mark.parametrize("outcome", [ConnectionFailed("refused"), TimedOut("after 1 s")])
async def test_no_answer_is_code_500_and_why(start: Start, subscribers: FakeSubscribers, outcome: Exception) -> None:
    """OBSERVED: connection refused is `knativeerrorcode` 500, the reason base64 in `knativeerrordata`.

    A Subscription's own dispatcher says the same of a timeout: only the Broker's filter in between hides it.
    """
    subscribers.answers["first"] = [outcome]
    async with start(subscription(dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)

    (sent,) = subscribers.events("sink")
    assert sent.attributes["knativeerrorcode"] == "500"
    assert str(outcome) in base64.b64decode(sent.attributes["knativeerrordata"]).decode()


async def test_what_a_dead_letter_sink_answers_goes_nowhere(start: Start, subscribers: FakeSubscribers) -> None:
    subscribers.answers = {"first": [HttpResponse(400)], "sink": [answer("r")]}
    async with start(subscription(reply="next", dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)
        assert log.end(CHANNEL) == 1

    assert subscribers.ids("next") == []


async def test_a_subscription_goes_on_where_it_was(start: Start, subscribers: FakeSubscribers) -> None:
    async with start(subscription()) as (dispatcher, log):
        await log.append(CHANNEL, [event("1")])
        await done(dispatcher)
    async with start() as (_, log):
        pass
    async with start(subscription()) as (dispatcher, log):
        await log.append(CHANNEL, [event("2")])
        await done(dispatcher)

    assert subscribers.ids("first") == ["1", "2"]
