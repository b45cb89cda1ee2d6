"""Events posted one by one: the short way takes what the long one takes, and refuses nothing by itself."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knative_local.cloudevent import CloudEvent
from knative_local.hot_posts import MOST_PATTERNS, TRIALS, HotPosts
from knative_local.http1_connection import Connection
from knative_local.http1_server import HttpServer
from knative_local.http_types import HttpRequest, HttpResponse, Promise
from knative_local.ingress import Ingress
from knative_local.log.durable import done
from knative_local.model import Broker, Delivery
from tests.unit.knative_local.eventing import SOMEWHERE

BODY = b'{"n": 1}'
HEAD = (
    b"POST /broker/town/default HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"ce-specversion: 1.0\r\nce-id: %b\r\nce-source: /s\r\nce-type: t\r\nce-time: %b\r\n"
    b"X-Request-ID: %b\r\nContent-Length: %d\r\n\r\n"
)


def post(id: bytes = b"1", time: bytes = b"2026-01-01T00:00:00Z", other: bytes = b"r", body: bytes = BODY) -> bytes:
    return HEAD % (id, time, other, len(body)) + body


class Kept:
    """A log that keeps events in memory."""

    def __init__(self) -> None:
        self.events: list[CloudEvent] = []

    def append(self, broker: str, events: Sequence[CloudEvent]) -> asyncio.Future[None]:
        assert broker == "town/default"
        self.events += events
        return done()


class Wire:
    """What the server writes."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Place:
    """A server with or without the short way, and one connection to it."""

    def __init__(self, *, hot: bool) -> None:
        self.log = Kept()
        self.parsed = 0
        self.ingress = Ingress(self.log, [Broker("town", "default", Delivery(), SOMEWHERE)])  # type: ignore[arg-type]
        self.now = 0.0
        brokers = {"/broker/town/default": "/town/default"}
        self.posts = HotPosts(brokers.get, self.ingress, lambda: self.now) if hot else None
        self.wire = Wire()
        self.connection = Connection(HttpServer(self.answer, largest_body=1 << 20, hot=self.posts))
        self.connection.connection_made(self.wire)  # type: ignore[arg-type]

    def answer(self, request: HttpRequest) -> HttpResponse | Promise:
        self.parsed += 1
        return self.ingress.accept(
            HttpRequest(request.method, request.target.removeprefix("/broker"), request.headers, request.body),
            internal=False,
        )

    async def say(self, *chunks: bytes) -> list[bytes]:
        """The statuses of the answers."""
        for chunk in chunks:
            self.connection.data_received(chunk)
        for _ in range(3):
            await asyncio.sleep(0)
        said, self.wire.written = self.wire.written, b""
        return [line.split()[1] for line in said.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


async def warm() -> Place:
    place = Place(hot=True)
    assert await place.say(post(b"a")) + await place.say(post(b"b")) == [b"202", b"202"]
    return place


async def test_the_third_request_of_a_kind_is_not_parsed() -> None:
    place = await warm()
    assert await place.say(post(b"c", b"2026-01-02T00:00:00.5Z", b"some other words")) == [b"202"]
    assert place.parsed == 2
    event = place.log.events[2]
    assert event.attributes == {
        "specversion": "1.0", "id": "c", "source": "/s", "type": "t", "time": "2026-01-02T00:00:00.5Z",
        "datacontenttype": "application/json",
    }  # fmt: skip
    assert event.data() == BODY


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(time=b"yesterday"), b"400"),
        (post(id=b"with%20space"), b"202"),
        (post(id=b'"quoted"'), b"202"),
        (post(id=b""), b"202"),
        (post(body=b"no JSON"), b"202"),
        (post(body=b""), b"202"),
        (post().replace(b"localhost", b"elsewhere"), b"202"),
        (post().replace(b"application/json", b"text/plain"), b"202"),
        (post().replace(b"ce-type: t\r\n", b""), b"400"),
        (post().replace(b"1.0", b"2.0"), b"400"),
        (post().replace(b"default", b"nobody"), b"404"),
        (post().replace(b"X-Request-ID", b"Connection").replace(b": r", b": close"), b"202"),
        (post().replace(b"Content-Length: 8", b"Content-Length: 8, 8"), b"400"),
    ],
)
async def test_whatever_is_different_is_answered_as_ever(request_: bytes, status: bytes) -> None:
    place = await warm()
    assert await place.say(request_) == [status]
    assert place.parsed == 3 or status == b"400"


async def test_requests_in_parts_and_several_at_once_are_answered_in_order() -> None:
    place = await warm()
    assert await place.say(post(b"c")[:50], post(b"c")[50:-3], post(b"c")[-3:], post(b"d") + post(b"e")) == [b"202"] * 3
    head, _, _ = post(b"x").partition(b"\r\n\r\n")
    assert await place.say(head, b"0\r\n\r\n" + BODY, b" " * 72) == [b"202"]  # a length of 8, then of 80
    assert await place.say(post(b"f"), post(b"g")[:-1], post(b"g")[-1:], post(b"h")) == [b"202"] * 3
    assert [event.attributes["id"] for event in place.log.events] == list("abcdexfgh")


async def test_events_in_structured_mode_go_the_long_way() -> None:
    place = Place(hot=True)
    body = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}'
    request = (
        b"POST /broker/town/default HTTP/1.1\r\nhost: localhost\r\n"
        b"content-type: application/cloudevents+json\r\ncontent-length: %d\r\n\r\n"
    ) % len(body)
    assert await place.say(*[request + body] * 5) == [b"202"] * 5
    assert place.parsed == len(place.log.events) == 5


async def test_a_broker_that_is_gone_takes_nothing_by_the_short_way() -> None:
    place = await warm()
    place.ingress.apply([])
    assert await place.say(post()) == [b"404"]


async def test_layouts_that_change_without_end_are_not_learnt_without_end() -> None:
    place = Place(hot=True)
    assert place.posts is not None
    for number in range(TRIALS + 10):
        request = post().replace(b"X-Request-ID", b"X-%d" % (number // 2))
        assert await place.say(request) == [b"202"]
    assert len(place.posts._known) <= MOST_PATTERNS
    assert len(place.posts._candidates) <= TRIALS
    for answered_by, minutes in (("the long way", 0), ("the short way", 2)):
        place.now = minutes * 60.0
        parsed = place.parsed
        await place.say(*[post()] * 3)
        assert place.parsed - parsed == (3 if answered_by == "the long way" else 2)


names = st.sampled_from(["ce-subject", "CE-Time", "Accept", "Content-type", "traceparent", "ce-tenant"])
values = st.one_of(
    st.sampled_from(["/s", "application/json", "2026-01-01T00:00:00Z", "a b", "a%20b", '"', "\\", "", " x ", "é"]),
    st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=5),
)
bodies = st.sampled_from([BODY, b"", b"x", b" 1 "])


@given(
    layout=st.lists(names, max_size=5, unique=True),
    rounds=st.lists(st.tuples(st.lists(values, min_size=8, max_size=8), bodies), min_size=1, max_size=6),
)
@settings(deadline=None)
def test_both_ways_take_the_same_events_and_give_the_same_answers(
    layout: list[str], rounds: list[tuple[list[str], bytes]]
) -> None:
    required = ["ce-id", "ce-source", "Ce-Type"]

    async def compare() -> None:
        short, long = Place(hot=True), Place(hot=False)
        for chosen, body in [*rounds, *rounds]:
            lines = [b"POST /broker/town/default HTTP/1.1", b"host: localhost", b"ce-specversion: 1.0"]
            lines += [
                f"{name}: {value}".encode("latin-1") for name, value in zip(required + layout, chosen, strict=False)
            ]
            lines += [b"content-length: %d" % len(body), b"", body]
            request = b"\r\n".join(lines)
            assert await short.say(request) == await long.say(request)
        assert [event.attributes for event in short.log.events] == [event.attributes for event in long.log.events]
        assert [event.data() for event in short.log.events] == [event.data() for event in long.log.events]

    asyncio.run(compare())
