"""Emitting against a real server: what travels together, what is tried again, and what an emitter is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.unit.functions.fakes import started, trip
from trackway.events import Event, from_http
from trackway.functions import SinkRefused, SinkUnavailable
from trackway.functions.address import SinkAddress, UnusableAddress, parse_address
from trackway.functions.sink import SINGLE_CONNECTIONS, BrokerSink, NoSink
from trackway.functions.sink_token import TokenFile

Reply = Callable[[int], bytes]
ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class Broker:
    """A server that keeps what is posted, and answers the n-th post as it is told; an empty answer closes instead."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.reads: list[int] = []
        self.connections = 0

    @property
    def events(self) -> list[Event]:
        return [event for _, headers, body in self.requests for event in from_http(headers, body)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.rstrip().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines)
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((first, headers, body))
                answer = self.reply(len(self.requests))
                if not answer:
                    break
                writer.write(answer)
                if b"connection: close" in answer:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def broker(
    reply: Reply = lambda number: ACCEPTED, socket: Path | None = None
) -> AsyncIterator[tuple[Broker, str]]:
    """A broker at a TCP port, or at a Unix socket, and its address."""
    it = Broker(reply)
    if socket is not None:
        server = await asyncio.start_unix_server(it.serve, socket)
        address = f"unix:{socket}:/trackway/default"
    else:
        server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/broker/trackway/default"
    async with server:
        yield it, address


@asynccontextmanager
async def sink_to(address: str, patience: float = 5.0) -> AsyncIterator[BrokerSink]:
    waits: list[float] = []

    async def at_once(seconds: float) -> None:
        waits.append(seconds)

    sink = BrokerSink(parse_address(address), patience=patience, sleep=at_once)
    yield sink
    await sink.close()


def events(count: int, start: int = 0) -> list[Event]:
    return [started(trip(f"trip-{number}")) for number in range(start, start + count)]


async def test_what_is_emitted_in_one_turn_of_the_loop_is_one_post_to_the_local_runtime(tmp_path: Path) -> None:
    async with broker(socket=tmp_path / "ingress.sock") as (it, address), sink_to(address) as sink:
        await asyncio.gather(*(sink.emit(events(2, start)) for start in range(0, 10, 2)))
        assert len(it.requests) == 1
        first, headers, _ = it.requests[0]
        assert first == "POST /trackway/default HTTP/1.1"
        assert headers["content-type"] == "application/cloudevents-batch+json"
        assert it.events == events(10)


async def test_while_posts_are_under_way_more_gathers(tmp_path: Path) -> None:
    async with broker(socket=tmp_path / "ingress.sock") as (it, address), sink_to(address) as sink:

        async def emit_later(number: int) -> None:
            for _ in range(number):
                await asyncio.sleep(0)
            await sink.emit(events(1, number))

        await asyncio.gather(*(emit_later(number) for number in range(50)))
        assert sorted(event.id for event in it.events) == sorted(event.id for event in events(50))
        assert len(it.requests) < 50
        assert it.connections <= 2


async def test_a_broker_gets_single_events_over_kept_connections() -> None:
    async with broker() as (it, address), sink_to(address) as sink:
        for start in (0, 100):
            await sink.emit(events(100, start))
        assert sorted(it.events, key=lambda event: event.id) == sorted(events(200), key=lambda event: event.id)
        assert len(it.requests) == 200
        assert 1 < it.connections <= SINGLE_CONNECTIONS


@pytest.mark.parametrize(
    "failure",
    [
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nfull",
        b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nnot\r\n0\r\n\r\n",
        b"HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\nuntil the end",
        b"not http\r\n\r\n",
        b"",
    ],
)
async def test_a_failed_post_is_made_again(failure: bytes) -> None:
    async with broker(lambda number: failure if number < 3 else ACCEPTED) as (it, address), sink_to(address) as sink:
        await sink.emit(events(1))
        assert len(it.requests) == 3
        assert it.events[-1] == events(1)[0]


async def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing() -> None:
    async with broker(lambda number: ACCEPTED if number != 2 else b"") as (it, address):
        waited: list[float] = []

        async def sleep(seconds: float) -> None:
            waited.append(seconds)

        sink = BrokerSink(parse_address(address), sleep=sleep)
        await sink.emit(events(1))
        await sink.emit(events(1, 1))
        await sink.close()
        assert it.events[-1] == events(1, 1)[0]
        assert waited == []


async def test_an_interim_answer_is_not_the_answer() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\n" + ACCEPTED
    async with broker(lambda number: early) as (it, address), sink_to(address) as sink:
        await sink.emit(events(1))
        await sink.emit(events(1, 1))
        assert it.events == events(2)
        assert it.connections == 1


async def test_when_patience_ends_the_emitter_is_told_why() -> None:
    busy = b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nfull"
    async with broker(lambda number: busy) as (_, address), sink_to(address, patience=0.2) as sink:
        with pytest.raises(SinkUnavailable, match="503 full"):
            await sink.emit(events(3))


async def test_a_broker_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    async with sink_to(f"unix:{tmp_path}/none.sock:/trackway/default", patience=0.1) as sink:
        with pytest.raises(SinkUnavailable, match=r"none\.sock"):
            await sink.emit(events(1))


async def test_a_broker_that_never_answers_is_unavailable() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server, sink_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x", patience=0.1) as sink:
        with pytest.raises(SinkUnavailable, match="no answer"):
            await sink.emit(events(1))


async def test_a_refused_event_is_not_tried_again() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"
    async with broker(lambda number: refusal) as (it, address), sink_to(address) as sink:
        with pytest.raises(SinkRefused, match="413") as caught:
            await sink.emit(events(1))
        assert caught.value.status == 413
        assert len(it.requests) == 1


async def test_one_bad_event_of_a_batch_fails_only_who_emitted_it(tmp_path: Path) -> None:
    socket = tmp_path / "ingress.sock"
    it = Broker(lambda number: ACCEPTED)
    it.reply = lambda number: (
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n" if b"trip-bad" in it.requests[-1][2] else ACCEPTED
    )
    async with await asyncio.start_unix_server(it.serve, socket), sink_to(f"unix:{socket}:/a/b") as sink:
        bad = started(trip("trip-bad"))
        outcomes = await asyncio.gather(sink.emit(events(2)), sink.emit([bad]), return_exceptions=True)
        assert outcomes[0] is None
        assert isinstance(outcomes[1], SinkRefused)


async def test_a_large_batch_travels_in_parts(tmp_path: Path) -> None:
    async with broker(socket=tmp_path / "ingress.sock") as (it, address), sink_to(address) as sink:
        await sink.emit(events(2500))
        assert [len(msgspec.json.decode(body)) for _, _, body in it.requests] == [1000, 1000, 500]
        assert it.events == events(2500)


async def test_closing_tells_those_who_wait() -> None:
    async with broker(lambda number: b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n") as (_, address):
        sink = BrokerSink(parse_address(address))
        emission = asyncio.create_task(sink.emit(events(40)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await sink.close()
        with pytest.raises(SinkUnavailable, match="stopping"):
            await emission


async def test_no_attribute_can_smuggle_a_header_in() -> None:
    async with broker() as (it, address), sink_to(address) as sink:
        with pytest.raises(SinkRefused):
            await sink.emit([Event(id="1", source="/x", type="t", datacontenttype="a/b\r\nx-evil: 1")])
        assert it.requests == []


async def test_without_a_broker_only_emitting_fails() -> None:
    await NoSink().emit([])
    with pytest.raises(SinkUnavailable, match="K_SINK"):
        await NoSink().emit(events(1))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://127.0.0.1:8080/broker/ns/name", SinkAddress("/broker/ns/name", "127.0.0.1", 8080)),
        ("http://broker-ingress.knative-eventing.svc", SinkAddress("/", "broker-ingress.knative-eventing.svc", 80)),
        ("http://[::1]:81/x", SinkAddress("/x", "::1", 81)),
        ("unix:/run/a:b/c.sock:/ns/name", SinkAddress("/ns/name", socket="/run/a:b/c.sock")),
        ("unix:var/run/ingress.sock:/ns/name", SinkAddress("/ns/name", socket="var/run/ingress.sock")),
    ],
)
def test_addresses(text: str, address: SinkAddress) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "https://broker/x", "unix:/a.sock", "unix::/x", "http:///x", "http://a:b/x", "ftp://a"]
)
def test_addresses_that_are_not_served(text: str) -> None:
    with pytest.raises(UnusableAddress):
        parse_address(text)


async def test_where_knative_asks_who_posts_the_token_of_the_pod_goes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is there now: Kubernetes exchanges it."""
    token, now = tmp_path / "token", [0.0]
    token.write_text("first\n")
    mounted = TokenFile(token, lambda: now[0])
    monkeypatch.setattr(TokenFile, "mounted", lambda: mounted)
    async with broker() as (here, address), sink_to(address) as sink:
        for second, text in ((0, None), (30, "second"), (61, None), (122, "")):
            now[0] = second
            if text is not None:
                token.write_text(text) if text else token.unlink()
            await sink.emit([started(trip())])
        said = [headers["authorization"] for _, headers, _ in here.requests]
    assert said == ["Bearer first", "Bearer first", "Bearer second", "Bearer second"]


async def test_without_a_token_nothing_is_said_of_who_posts() -> None:
    async with broker() as (here, address), sink_to(address) as sink:
        await sink.emit([started(trip())])
    assert "authorization" not in here.requests[0][1]


async def test_a_single_post_says_its_trace_in_a_header_of_http_too_and_no_other_does() -> None:
    """Who stands between, a mesh or Knative's broker, reads that of the request (W3C Trace Context)."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with broker() as (it, address), sink_to(address) as sink:
        await sink.emit([replace(started(trip()), traceparent=trace)])
        await sink.emit([started(trip())])
        await sink.emit([replace(started(trip()), traceparent="mine")])
    (_, traced, _), (_, plain, _), (_, unreadable, _) = it.requests
    assert (traced["traceparent"], traced["ce-traceparent"]) == (trace, trace)
    assert [name for name in unreadable if "trace" in name] == ["ce-traceparent"]
    assert not [name for name in plain if "trace" in name]
