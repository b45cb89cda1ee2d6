"""CloudEvents' distributed tracing extension on its way: as it was posted, whatever becomes of the event."""

import pytest

from knative_local.delivery import to_binary
from knative_local.filters import Exact
from knative_local.http_types import HttpRequest, HttpResponse
from tests.unit.knative_local.eventing import BROKER, FakeSubscribers, Start, done, event, trigger

CONTEXT = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
}
OTHER = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"


def contexts(subscribers: FakeSubscribers, host: str) -> list[dict[str, str]]:
    return [{name: each.attributes[name] for name in CONTEXT} for each in subscribers.events(host)]


@pytest.mark.parametrize("batch", [None, 3], ids=["one by one", "in a batch"])
async def test_it_comes_through_a_filter_that_reads_it_and_through_retries(
    start: Start, subscribers: FakeSubscribers, batch: int | None
) -> None:
    subscribers.answers["first"] = [HttpResponse(503), HttpResponse(503), HttpResponse(204)]
    wanted = Exact((("traceparent", CONTEXT["traceparent"]),))
    async with start(trigger(filter=wanted, retry=3, batch=batch)) as (dispatcher, log):
        await log.append(BROKER, [event("1", **CONTEXT), event("2", traceparent=OTHER)])
        await done(dispatcher)
    assert contexts(subscribers, "first") == [CONTEXT] * 3


async def test_a_dead_letter_has_it_where_it_is_kept_and_in_its_sink(
    start: Start, subscribers: FakeSubscribers
) -> None:
    subscribers.answers["first"] = [HttpResponse(500, [], b"no room")]
    async with start(trigger(retry=1, dead_letter_sink="sink")) as (dispatcher, log):
        await log.append(BROKER, [event("1", data={"a": 1}, **CONTEXT)])
        await done(dispatcher)
        (kept,) = log.dead_letters()
    assert contexts(subscribers, "sink") == [CONTEXT]
    assert {name: kept.event.attributes[name] for name in CONTEXT} == CONTEXT


async def test_a_reply_goes_on_with_what_the_subscriber_says_and_not_with_what_it_was_given(
    start: Start, subscribers: FakeSubscribers
) -> None:
    def reply(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, *to_binary(event("reply", "answered", {"a": 1}, traceparent=OTHER)))

    def silent(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, *to_binary(event("silent", "answered", {"a": 1})))

    subscribers.answers["first"] = [reply, silent, HttpResponse(204)]
    asked, answered = Exact((("type", "asked"),)), Exact((("type", "answered"),))
    async with start(trigger(filter=asked), trigger("second", "second", answered)) as (dispatcher, log):
        for id in ("1", "2"):
            await log.append(BROKER, [event(id, "asked", **CONTEXT)])
            await done(dispatcher)
    assert [each.attributes.get("traceparent") for each in subscribers.events("second")] == [OTHER, None]
