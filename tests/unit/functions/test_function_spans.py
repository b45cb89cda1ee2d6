"""The spans of a function: which there are for a request and a delivery, below which, and what goes on in them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.functions.fakes import World, ask, deliver, started, trip
from tests.unit.functions.peer import HOT, Peer, get
from tests.unit.tracing import FakeTracing
from trackway.events import Event
from trackway.functions import Answer, Deps, Function, Http, Request, SinkUnavailable, on_events
from trackway.storage.port import Conflict
from trackway.telemetry.delivered import MOST_SPANS
from trackway.telemetry.tracing import Kind


def sender(number: int, flags: str = "01") -> str:
    return f"00-{number:032x}-{number:016x}-{flags}"


def about(number: int, trace: str | None) -> Event:
    """An event of vehicle van-``number``, sent by ``trace``."""
    return replace(started(trip(f"trip-{number}", f"van-{number}")), traceparent=trace)


def function_that(does: Exception | Sequence[Event], world: World, tracing: FakeTracing) -> Function:
    """A function that raises, or emits."""

    @on_events
    async def handler(events: Sequence[Event], deps: Deps) -> Iterable[Event]:
        if isinstance(does, Exception):
            raise does
        return does

    handler.function.deps = world.deps()
    handler.function.deps.tracing = tracing
    return handler.function


async def test_a_delivery_s_span_is_below_the_one_that_sent_it_and_above_what_it_causes() -> None:
    world, tracing = World(), FakeTracing("persist")
    function = function_that([about(1, None), about(2, None)], world, tracing)
    await deliver(function, about(1, sender(7)))
    (span,) = tracing.spans
    assert (span.name, span.kind, span.parent, span.links) == ("process persist", Kind.CONSUMER, sender(7), ())
    assert span.attributes["cloudevents.event_id"] == "trip-1:started"
    assert (span.ended, span.error) == (1, None)
    assert [event.traceparent for event in world.sink.events] == [span.traceparent] * 2


async def test_a_batch_of_one_sender_is_one_span() -> None:
    tracing = FakeTracing()
    await deliver(function_that([], World(), tracing), *(about(number, sender(7)) for number in range(3)))
    (span,) = tracing.spans
    assert (span.parent, span.attributes["messaging.batch.message_count"]) == (sender(7), 3)


async def test_a_batch_of_several_senders_is_a_span_below_each_and_one_linked_with_all() -> None:
    world, tracing = World(), FakeTracing("progress")
    batch = [about(1, sender(7)), about(2, sender(8)), about(3, sender(7)), about(4, sender(9, "00")), about(5, None)]
    await deliver(function_that([about(number, None) for number in range(1, 6)], world, tracing), *batch)
    whole, first, second = tracing.spans
    assert (whole.name, whole.links) == ("receive progress", (sender(7), sender(8)))
    assert whole.attributes["messaging.batch.message_count"] == 5
    assert [(each.name, each.parent, each.links) for each in (first, second)] == [
        ("process progress", sender(7), (whole.traceparent,)),
        ("process progress", sender(8), (whole.traceparent,)),
    ]
    assert [each.ended for each in tracing.spans] == [1, 1, 1]
    assert [event.traceparent for event in world.sink.events] == [
        first.traceparent,
        second.traceparent,
        first.traceparent,
        sender(9, "00"),
        None,
    ], "each in the trace of its vehicle's event, also where that is not recorded"


async def test_a_batch_of_very_many_senders_has_a_bounded_number_of_spans_and_each_trace_goes_on() -> None:
    world, tracing = World(), FakeTracing()
    many = range(1, MOST_SPANS + 101)
    emitted = [about(number, None) for number in many]
    await deliver(function_that(emitted, world, tracing), *(about(number, sender(number)) for number in many))
    assert len(tracing.spans) == MOST_SPANS + 1
    assert len(tracing.spans[0].links) == 128
    traces = [event.traceparent[3:35] for event in world.sink.events if event.traceparent]
    assert traces == [sender(number)[3:35] for number in many]


@pytest.mark.parametrize(
    "trace",
    [None, sender(7, "00"), "mine", "01" + sender(7, "00")[2:] + "-1"],
    ids=["in no trace", "not sampled", "not readable", "not sampled by a later version"],
)
async def test_an_event_begins_no_trace(trace: str | None) -> None:
    world, tracing = World(), FakeTracing()
    assert (await deliver(function_that([about(1, None)], world, tracing), about(1, trace))).status == 200
    assert tracing.spans == []


async def test_a_delivery_that_fails_fails_its_spans_and_says_the_kind_of_failure_only() -> None:
    tracing = FakeTracing()
    function = function_that(Conflict("trip of Ana at -34.9"), World(), tracing)
    assert (await deliver(function, about(1, sender(7)), about(2, sender(8)))).status == 503
    assert [(each.ended, each.error) for each in tracing.spans] == [(1, "Conflict")] * 3
    assert "Ana" not in repr(tracing.spans)


def asked(does: Exception | Answer, world: World, tracing: FakeTracing) -> Function:
    http = Http()

    @http.post("/v1/trips/{trip_id}/cancel", summary="", answers={200: None})
    async def cancel(request: Request[None], deps: Deps) -> Answer:
        if isinstance(does, Exception):
            raise does
        return does

    http.function.deps = world.deps()
    http.function.deps.tracing = tracing
    return http.function


@pytest.mark.parametrize("caller", [None, sender(7)], ids=["nobody's", "a caller's"])
async def test_a_request_begins_a_trace_or_goes_on_in_its_caller_s(caller: str | None) -> None:
    world, tracing = World(), FakeTracing()
    function = asked(Answer(200, events=[about(1, None)]), world, tracing)
    headers = {} if caller is None else {"traceparent": caller}
    await ask(function, "POST", "/v1/trips/t-1/cancel", **headers)
    (span,) = tracing.spans
    assert (span.name, span.kind, span.parent) == ("POST /v1/trips/{trip_id}/cancel", Kind.SERVER, caller)
    assert "t-1" not in repr(span.attributes)
    assert (span.attributes["http.response.status_code"], span.ended, span.error) == (200, 1, None)
    assert [event.traceparent for event in world.sink.events] == [span.traceparent]


@pytest.mark.parametrize(
    ("error", "status", "failure"), [(Conflict("no"), 409, None), (KeyError("Ana"), 500, "KeyError")]
)
async def test_a_request_that_is_refused_is_no_failure_and_a_bug_is(
    error: Exception, status: int, failure: str | None
) -> None:
    tracing = FakeTracing()
    assert (await ask(asked(error, World(), tracing), "POST", "/v1/trips/t-1/cancel")).status == status
    (span,) = tracing.spans
    assert (span.attributes["http.response.status_code"], span.ended, span.error) == (status, 1, failure)


async def test_a_request_that_is_not_sampled_adds_nothing_and_keeps_what_its_caller_said() -> None:
    world, tracing = World(), FakeTracing(samples_roots=False)
    function = asked(Answer(200, events=[about(1, None)]), world, tracing)
    await ask(function, "POST", "/v1/trips/t-1/cancel")
    await ask(function, "POST", "/v1/trips/t-1/cancel", traceparent=sender(7, "00"))
    assert tracing.spans == []
    assert [event.traceparent for event in world.sink.events] == [None, sender(7, "00")]


async def test_the_short_way_of_a_report_has_the_same_span(tmp_path: Path) -> None:
    peer, tracing = Peer(tmp_path), FakeTracing()
    peer.function.deps.tracing = tracing
    peer.send(get("/hot?1"), get("/hot?2", f"traceparent: {sender(7)}"))
    first, second = tracing.spans
    assert [(each.name, each.kind, each.parent) for each in (first, second)] == [
        ("GET /hot", Kind.SERVER, None),
        ("GET /hot", Kind.SERVER, sender(7)),
    ]
    assert [event.traceparent for event, _ in peer.sink.posted.values()] == [first.traceparent, second.traceparent]
    assert first.ended == 0, "the broker does not have it yet"
    peer.sink.acknowledge("1")
    peer.sink.posted["2"][1].failed(SinkUnavailable("away"))
    await peer.hears(HOT)
    assert [(each.ended, each.error) for each in (first, second)] == [(1, None), (1, "503")]
    assert [each.attributes["http.response.status_code"] for each in (first, second)] == [200, 503]
