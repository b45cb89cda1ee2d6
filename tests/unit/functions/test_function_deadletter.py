"""deadletter keeps whatever comes, with why, and gives it back as it was."""

from base64 import b64encode

import pytest
from msgspec.structs import replace

from tests.unit.functions.fakes import TENANT, World, ask, deliver, started, told, trip
from trackway.events import Event
from trackway.functions import Received, SinkRefused
from trackway.storage.port import DeadLetter

PROBLEM = b'{"title":"Bad Request","status":400,"detail":"lat: Expected `float` <= 90.0","field":"lat"}'


def failed(code: str | None = "400", body: bytes | None = PROBLEM) -> Event:
    extensions = {
        "knativeerrordest": "http://persist.trackway.svc.cluster.local/",
        "knativekafkaoffset": "7",
        "own": "x",
    }
    if code is not None:
        extensions["knativeerrorcode"] = code
    if body is not None:
        extensions["knativeerrordata"] = b64encode(body).decode()
    return replace(started(trip()), extensions=extensions)


async def kept(world: World, event: Event) -> DeadLetter:
    assert (await deliver(world.function("deadletter"), event)).status == 204
    (letter,), total = await world.store.dead_letters(TENANT)
    assert total == 1
    return letter


async def test_a_letter_says_who_refused_it_and_why() -> None:
    letter = await kept(World(), failed())
    assert letter.destination == "http://persist.trackway.svc.cluster.local/"
    assert (letter.code, letter.reason) == (400, "lat: Expected `float` <= 90.0")


@pytest.mark.parametrize(
    ("code", "body", "reason"),
    [
        ("500", b"Internal Server Error", "Internal Server Error"),
        ("500", b"\xff\xfe", "\ufffd\ufffd"),
        ("503", None, "answered 503"),
        (None, None, "no answer"),
        ("502", b'{"title":"Bad Gateway"}', "Bad Gateway"),
        ("400", b'{"detail": 1}', '{"detail": 1}'),
        ("400", PROBLEM[:40], PROBLEM[:40].decode()),
        ("many", b"x" * 5000, "x" * 500),
    ],
)
async def test_the_reason_is_what_came_through(code: str | None, body: bytes | None, reason: str) -> None:
    letter = await kept(World(), failed(code, body))
    assert letter.reason.startswith(reason)
    assert len(letter.reason) <= 500


async def test_base64_that_is_none_is_kept_as_it_is() -> None:
    event = replace(failed(), extensions={"knativeerrordata": "höh?"})
    assert (await kept(World(), event)).reason == "höh?"


async def test_the_same_event_failing_again_is_one_letter() -> None:
    world = World()
    await kept(world, failed())
    await kept(world, failed("503"))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"ce-id": "1", "ce-source": "/x", "ce-type": "t"}, b"no specversion"),
        ({"ce-specversion": "1.0", "ce-id": "", "ce-source": "/x", "ce-type": ""}, b""),
        ({"content-type": "application/cloudevents+json"}, b"{"),
        ({"content-type": "application/cloudevents-batch+json"}, b"[{}]"),
    ],
)
async def test_it_refuses_nothing_that_a_broker_may_bring(headers: dict[str, str], body: bytes) -> None:
    world = World()
    function = world.function("deadletter")
    assert (await function.answer(Received("POST", "/", "", headers, body))).status == 204
    (letter,), _ = await world.store.dead_letters(TENANT)
    assert letter.event.data == body
    assert letter.reason
    assert (await ask(function, "POST", f"/v1/dead-letters/{letter.letter_id}/replay")).status == 422


async def test_unknown_types_are_kept_too() -> None:
    letter = await kept(
        World(), Event(id="1", source="/x", type="com.example.odd", data=b"\x00", datacontenttype="x/y")
    )
    assert letter.event.type == "com.example.odd"


async def test_replay_emits_the_event_as_it_was_and_forgets_the_letter() -> None:
    world = World()
    letter = await kept(world, failed())
    path = f"/v1/dead-letters/{letter.letter_id}/replay"
    assert (await ask(world.function("deadletter"), "POST", path)).status == 202
    assert world.sink.events == [replace(started(trip()), extensions={"own": "x"})]
    assert (await world.store.dead_letters(TENANT))[1] == 0
    assert (await ask(world.function("deadletter"), "POST", path)).status == 404


async def test_a_letter_stays_until_the_broker_has_its_event() -> None:
    world = World()
    letter = await kept(world, failed())
    path = f"/v1/dead-letters/{letter.letter_id}/replay"
    world.sink.is_away()
    assert (await ask(world.function("deadletter"), "POST", path)).status == 503
    world.sink.refuses = SinkRefused("too large", 413)
    assert (await ask(world.function("deadletter"), "POST", path)).status == 422
    assert (await world.store.dead_letters(TENANT))[1] == 1


async def test_a_letter_is_dropped() -> None:
    world = World()
    letter = await kept(world, failed())
    path = f"/v1/dead-letters/{letter.letter_id}"
    answered = await ask(world.function("deadletter"), "DELETE", path)
    assert (answered.status, answered.body) == (204, b"")
    answered = await ask(world.function("deadletter"), "DELETE", path)
    assert (answered.status, told(answered)["field"]) == (404, "letter_id")
