"""The HTTP server on a real socket: whatever a client does, each request is answered once, in order, or not at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from knative_local import http1_connection, http1_server
from knative_local.http1_handlers import Answering
from knative_local.http1_server import HttpServer
from knative_local.http_types import HttpRequest, HttpResponse, Promise

GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc"


class Service:
    """Answers with what it was asked; a request to /later waits for `release`."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []
        self.release = asyncio.get_running_loop().create_future()

    def answer(self, request: HttpRequest) -> Answering:
        self.requests.append(request)
        echo = HttpResponse(200, [(b"x-target", request.target.encode())], request.body)
        if request.target == "/later":
            return Promise(self.release, lambda _: echo)
        if request.target == "/work":
            return self._work(echo)
        if request.target.startswith("/bug"):
            return self._break(request.target)
        return echo

    def _break(self, where: str) -> Answering:
        async def late() -> HttpResponse:
            raise RuntimeError(where)

        def never(_: object) -> HttpResponse:
            raise RuntimeError(where)

        if where == "/bug-later":
            return late()
        if where == "/bug-kept":
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return Promise(done, never)
        raise RuntimeError(where)

    async def _work(self, echo: HttpResponse) -> HttpResponse:
        await asyncio.shield(self.release)
        return echo


@pytest.fixture
async def service() -> Service:
    return Service()


@pytest.fixture
async def server(service: Service) -> AsyncIterator[HttpServer]:
    server = HttpServer(service.answer, largest_body=1000)
    yield server
    await server.end(0)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next whole answer: status, headers, body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name: value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers.get("content-length", "0")))

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        return await self.reader.read()


Connect = Callable[[], Any]


@pytest.fixture
async def connect(server: HttpServer) -> AsyncIterator[Connect]:
    listener = socket.create_server(("127.0.0.1", 0))
    await server.begin(listener)
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Client:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writers.append(writer)
        return Client(reader, writer)

    yield connect
    for writer in writers:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_a_connection_is_kept_for_further_requests(connect: Connect) -> None:
    client = await connect()
    for number in range(3):
        client.send(GET % str(number).encode())
        status, headers, _ = await client.answer()
        assert (status, headers["x-target"]) == (200, f"/{number}")
        assert "date" in headers


async def test_a_body_in_parts_comes_whole(connect: Connect, service: Service) -> None:
    client = await connect()
    client.send(POST[:-3])
    for part in (b"a", b"b", b"c"):
        assert service.requests == []
        client.send(part)
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.answer())[2] == b"abc"


@pytest.mark.parametrize("body", [b"3\r\nabc\r\n0\r\n\r\n", b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"])
async def test_chunked_bodies_are_read(connect: Connect, body: bytes) -> None:
    client = await connect()
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", body)
    assert (await client.answer())[2] == b"abc"


async def test_pipelined_requests_are_answered_in_their_order(connect: Connect, service: Service) -> None:
    client = await connect()
    client.send(GET % b"later", GET % b"work", GET % b"now")
    while len(service.requests) < 3:
        await asyncio.sleep(0)
    service.release.set_result(None)
    assert [(await client.answer())[1]["x-target"] for _ in range(3)] == ["/later", "/work", "/now"]


async def test_more_pipelined_requests_than_may_be_open_are_all_answered(connect: Connect, service: Service) -> None:
    client = await connect()
    count = 5 * http1_connection.MOST_OPEN
    client.send(GET % b"later", *[GET % b"now"] * count)
    await asyncio.sleep(0.01)
    service.release.set_result(None)
    answers = [(await client.answer())[1]["x-target"] for _ in range(count + 1)]
    assert answers == ["/later"] + ["/now"] * count


async def test_connection_close_is_honoured_and_nothing_is_read_behind_it(connect: Connect, service: Service) -> None:
    client = await connect()
    client.send(b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", GET % b"more")
    assert (await client.answer())[1]["connection"] == "close"
    assert await client.rest() == b""
    assert [request.target for request in service.requests] == ["/last"]


async def test_a_client_of_http_1_0_gets_its_answer_and_the_end(connect: Connect) -> None:
    client = await connect()
    client.send(b"GET /old HTTP/1.0\r\n\r\n")
    assert (await client.answer())[0] == 200
    assert await client.rest() == b""


async def test_who_says_everything_and_closes_its_side_is_answered(connect: Connect, service: Service) -> None:
    client = await connect()
    client.send(GET % b"later")
    client.writer.write_eof()
    while not service.requests:
        await asyncio.sleep(0)
    service.release.set_result(None)
    assert (await client.answer())[1]["x-target"] == "/later"
    assert await client.rest() == b""


async def test_half_a_request_is_none(connect: Connect, service: Service) -> None:
    client = await connect()
    client.send(POST[:-1])
    client.writer.write_eof()
    assert await client.rest() == b""
    assert service.requests == []


async def test_an_answer_to_head_has_no_body(connect: Connect) -> None:
    client = await connect()
    client.send(b"HEAD /h HTTP/1.1\r\nhost: x\r\n\r\n", GET % b"next")
    head = await client.reader.readuntil(b"\r\n\r\n")
    assert b"content-length: 0" in head
    assert (await client.answer())[1]["x-target"] == "/next"


async def test_who_asks_whether_to_go_on_is_told_to(connect: Connect) -> None:
    client = await connect()
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"abc")
    assert (await client.answer())[2] == b"abc"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\n\r\n" + b"a" * 1001, 413),
        (b"GET / HTTP/1.1\r\nhost: x\r\nlong: " + b"a" * 70_000, 431),
        (b"GET /" + b"a" * 70_000, 431),
    ],
)
async def test_what_cannot_be_read_is_refused_and_the_connection_closed(
    connect: Connect, service: Service, said: bytes, status: int
) -> None:
    client = await connect()
    client.send(said)
    answer = await client.answer()
    assert (answer[0], answer[1]["connection"]) == (status, "close")
    assert await client.rest() == b""
    assert service.requests == []


async def test_a_bad_request_does_not_overtake_the_answers_before_it(connect: Connect, service: Service) -> None:
    client = await connect()
    client.send(GET % b"later", b"GARBAGE\r\n\r\n")
    while not service.requests:
        await asyncio.sleep(0)
    service.release.set_result(None)
    assert [(await client.answer())[0] for _ in range(2)] == [200, 400]


@pytest.mark.parametrize("where", ["bug", "bug-later", "bug-kept"])
async def test_a_bug_is_answered_and_told(connect: Connect, caplog: pytest.LogCaptureFixture, where: str) -> None:
    client = await connect()
    client.send(GET % where.encode())
    assert (await client.answer())[0] == 500
    assert f"/{where}" in caplog.text


async def test_the_head_can_be_refused_before_the_body_is_there(service: Service) -> None:
    server = HttpServer(
        service.answer, largest_body=10, refuse=lambda method, headers, *, upgrade: HttpResponse(421, [], b"no")
    )
    listener = socket.create_server(("127.0.0.1", 0))
    await server.begin(listener)
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(POST[:-3])
    assert (await reader.read()).startswith(b"HTTP/1.1 421 ")
    assert service.requests == []
    writer.close()
    await server.end(0)


async def test_a_request_to_become_another_protocol_is_answered_as_http(connect: Connect) -> None:
    client = await connect()
    upgrade = b"connection: upgrade\r\nupgrade: h2c\r\n"
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\n", upgrade, b"content-length: 3\r\n\r\nabc", GET % b"next")
    assert (await client.answer())[2] == b"abc"
    assert (await client.answer())[1]["x-target"] == "/next"


async def test_the_end_waits_for_what_is_under_way(connect: Connect, server: HttpServer, service: Service) -> None:
    busy, idle = await connect(), await connect()
    idle.send(GET % b"now")
    await idle.answer()
    busy.send(GET % b"later")
    while len(service.requests) < 2:
        await asyncio.sleep(0)
    ending = asyncio.create_task(server.end(5))
    assert await idle.rest() == b""
    service.release.set_result(None)
    assert (await busy.answer())[1]["connection"] == "close"
    await ending


async def test_the_end_does_not_wait_for_ever(connect: Connect, server: HttpServer, service: Service) -> None:
    client = await connect()
    client.send(GET % b"work")
    while not service.requests:
        await asyncio.sleep(0)
    await server.end(0)
    assert await client.rest() == b""


async def test_quiet_connections_are_closed_and_stalled_requests_told(
    connect: Connect, server: HttpServer, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1_server, "SWEEP_S", 0.001)
    monkeypatch.setattr(http1_connection, "IDLE_S", 0.0)
    monkeypatch.setattr(http1_connection, "STALLED_S", 0.0)
    quiet = await connect()
    assert await quiet.rest() == b""
    stalled = await connect()
    stalled.send(POST[:-1])
    assert (await stalled.answer())[0] == 408
