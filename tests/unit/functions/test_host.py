"""What the host answers: modes of delivery, the table of statuses, replies, and what is emitted before an answer."""

from collections.abc import Iterable, Sequence

import pytest
from msgspec.structs import replace

from tests.unit.functions.fakes import NOON, World, ask, deliver, headers_of, started, told, trip, wrap
from trackway.events import Event, InvalidEvent, SimulationAdvanced, from_http, to_structured
from trackway.functions import (
    Answer,
    Answered,
    Deps,
    Function,
    Http,
    Received,
    Refused,
    Request,
    SinkRefused,
    SinkUnavailable,
    on_events,
)
from trackway.functions.problem import LARGEST_PROBLEM, problem
from trackway.storage.port import Conflict, StoreUnavailable


def function_that(does: BaseException | Sequence[Event], world: World | None = None) -> Function:
    """A function that raises, or emits."""

    @on_events
    async def handler(events: Sequence[Event], deps: Deps) -> Iterable[Event]:
        if isinstance(does, BaseException):
            raise does
        return does

    handler.function.deps = (world or World()).deps()
    return handler.function


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidEvent("lat is missing", "lat"), 400),
        (Refused(422, "no"), 422),
        (Conflict("somebody was faster"), 503),
        (StoreUnavailable("busy"), 503),
        (SinkUnavailable("away"), 503),
        (SinkRefused("too large", 413), 500),
        (KeyError("bug"), 500),
    ],
)
async def test_what_a_handler_raises_decides_the_answer(error: Exception, status: int) -> None:
    answered = await deliver(function_that(error), started(trip()))
    assert answered.status == status
    assert headers_of(answered)["content-type"] == "application/problem+json"
    assert told(answered)["status"] == status


async def test_a_bug_is_named_to_the_broker_which_keeps_the_reason() -> None:
    answered = await deliver(function_that(ZeroDivisionError("division by zero")), started(trip()))
    assert told(answered)["detail"] == "ZeroDivisionError: division by zero"


async def test_a_bug_is_not_told_to_strangers() -> None:
    http = Http()

    @http.get("/secret", summary="", answers={200: None})
    async def secret(request: object, deps: Deps) -> object:
        raise ValueError("password is hunter2")

    http.function.deps = World().deps()
    answered = await ask(http.function, "GET", "/secret")
    assert answered.status == 500
    assert b"hunter2" not in answered.body


async def test_a_bad_event_is_told_with_its_field() -> None:
    answered = await deliver(function_that(InvalidEvent("lat: Expected `float` <= 90.0", "lat")), started(trip()))
    assert told(answered)["field"] == "lat"


@pytest.mark.parametrize("detail", ["x" * 5000, "\x01" * 5000, "ção→" * 2000, '"' * 3000])
def test_no_problem_is_as_large_as_what_crashes_the_broker(detail: str) -> None:
    answered = problem(400, detail, "f" * 300)
    assert len(answered.body) <= LARGEST_PROBLEM < 768
    assert told(answered)["detail"].endswith("…")


async def test_nothing_emitted_is_answered_204_without_a_body() -> None:
    answered = await deliver(function_that([]), started(trip()))
    assert (answered.status, answered.body, answered.headers) == (204, b"", [])


async def test_one_event_is_the_reply_to_a_single_delivery() -> None:
    world, event = World(), started(trip())
    answered = await deliver(function_that([event], world), event)
    assert answered.status == 200
    assert from_http(headers_of(answered), answered.body) == [event]
    assert world.sink.events == []


async def test_one_event_goes_to_the_broker_when_who_delivers_reads_no_reply() -> None:
    world, event = World(), started(trip())
    function = function_that([event], world)
    headers = {"content-type": "application/cloudevents+json"}
    answered = await function.answer(Received("POST", "/", "", headers, to_structured(event)))
    assert answered.status == 204
    assert world.sink.events == [event]


async def test_several_events_are_with_the_broker_before_the_delivery_is_answered() -> None:
    world = World()
    events = [started(trip(f"trip-{number}")) for number in range(3)]
    answered = await deliver(function_that(events, world), events[0])
    assert answered.status == 204
    assert world.sink.events == events


async def test_a_batch_gets_no_reply_even_of_one() -> None:
    world, event = World(), started(trip())
    answered = await deliver(function_that([event], world), event, batch=True)
    assert answered.status == 204
    assert world.sink.events == [event]


async def test_a_delivery_fails_when_the_broker_does_not_take_what_it_emits() -> None:
    world, events = World(), [started(trip("trip-1")), started(trip("trip-2"))]
    world.sink.is_away()
    answered = await deliver(function_that(events, world), events[0])
    assert answered.status == 503


async def test_an_empty_batch_is_nothing_to_do() -> None:
    assert (await deliver(function_that(KeyError("not called")), batch=True)).status == 204


@pytest.mark.parametrize(
    ("headers", "body", "field"),
    [
        ({}, b"hello", "specversion"),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x"}, b"{}", "type"),
        ({"ce-specversion": "0.2", "ce-id": "1", "ce-source": "/x", "ce-type": "t"}, b"{}", "specversion"),
        ({"content-type": "application/cloudevents+json"}, b"{", None),
        ({"content-type": "application/cloudevents-batch+json"}, b"{}", None),
    ],
)
async def test_what_is_no_event_is_answered_400(headers: dict[str, str], body: bytes, field: str | None) -> None:
    answered = await function_that([]).answer(Received("POST", "/", "", headers, body))
    assert answered.status == 400
    assert told(answered).get("field") == field


async def test_other_methods_are_refused_with_allow() -> None:
    answered = await function_that([]).answer(Received("GET", "/", "", {}, b""))
    assert answered.status == 405
    assert headers_of(answered)["allow"] == "POST"


async def test_what_is_emitted_stands_in_the_trace_of_its_cause() -> None:
    world, event = World(), started(trip())
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"content-type": "application/cloudevents+json"}
    document = to_structured(event)[:-1] + f',"traceparent":"{trace}"}}'.encode()
    await function_that([event], world).answer(Received("POST", "/", "", headers, document))
    assert [emitted.traceparent for emitted in world.sink.events] == [trace]


TRACE, OTHER = (f"00-0af7651916cd43dd8448eb211c80319{n}-b7ad6b7169203331-01" for n in "cd")


@pytest.mark.parametrize(
    ("causes", "trace"),
    [
        ({"van-1": TRACE, "van-2": OTHER}, TRACE),
        ({"van-1": None, "van-2": OTHER}, None),
        ({"van-3": TRACE, "van-2": TRACE}, TRACE),
        ({"van-1": None, "van-2": None}, None),
    ],
    ids=["that of its vehicle", "none, as its vehicle's event", "the only one", "none"],
)
async def test_of_a_batch_each_event_goes_on_in_the_trace_of_what_caused_it(
    causes: dict[str, str | None], trace: str | None
) -> None:
    world, emitted = World(), started(trip(vehicle_id="van-1"))
    batch = [replace(started(trip(vehicle_id=each)), traceparent=its) for each, its in causes.items()]
    await deliver(function_that([emitted], world), *batch)
    assert [event.traceparent for event in world.sink.events] == [trace]


async def test_a_trace_does_not_go_on_from_one_slice_of_a_simulation_to_the_next() -> None:
    world, advanced = World(), SimulationAdvanced(shard=1, until=NOON)
    emitted = wrap(advanced, "shard-1:1", "shard-1", "shard-1")
    await deliver(function_that([emitted, emitted], world), replace(started(trip()), traceparent=TRACE))
    assert [event.traceparent for event in world.sink.events] == [None, None]


@pytest.mark.parametrize(
    "said", ["mine", TRACE.upper(), TRACE + "-00", "ff" + TRACE[2:], TRACE.replace("b7ad6b7169203331", "0" * 16)]
)
async def test_a_traceparent_that_is_none_is_passed_over(said: str) -> None:
    world, http = World(), Http()

    @http.post("/", summary="", answers={202: None})
    async def take(request: Request[None], deps: Deps) -> Answer:
        return Answer(202, events=[started(trip())])

    http.function.deps = world.deps()
    for traceparent in (said, TRACE, "01" + TRACE[2:] + "-what-comes"):
        assert (await ask(http.function, "POST", "/", traceparent=traceparent)).status == 202
    assert [event.traceparent for event in world.sink.events] == [None, TRACE, TRACE]


async def test_a_function_may_take_events_and_be_asked() -> None:
    http, seen = Http(), list[str]()

    @http.on_events
    async def keep(events: Sequence[Event], deps: Deps) -> Iterable[Event]:
        seen.extend(event.id for event in events)
        return ()

    @http.on_unreadable
    def salvage(received: Received, error: InvalidEvent) -> Event:
        return Event(id=str(error.field), source="/unreadable", type="unreadable", time=NOON)

    @http.get("/list", summary="", answers={200: None})
    async def show(request: Request[None], deps: Deps) -> Answer:
        return Answer(200, seen)

    http.function.deps = World().deps()
    assert (await deliver(http.function, started(trip()))).status == 204
    unreadable = await http.function.answer(Received("POST", "/", "", {"ce-id": "1"}, b""))
    assert unreadable == Answered(204, [])
    assert (await ask(http.function, "POST", "/elsewhere", {})).status == 404
    assert told(await ask(http.function, "GET", "/list")) == ["trip-1:started", "specversion"]
