"""The HTTP client of the event path, against servers that answer byte for byte what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from knative_local.addresses import Address, TcpAddress, UnixAddress
from knative_local.http1 import HttpClient, NotSent
from knative_local.http1_request import encode_request
from knative_local.http_types import ConnectionFailed, HttpRequest, TimedOut

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SOON = 5.0


class Peer:
    """A server that runs a script per connection and counts connections."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.connections = 0

    async def start(self, path: str | None = None) -> Address:
        if path is not None:
            self._server = await asyncio.start_unix_server(self._serve, path)
            return UnixAddress(path)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return TcpAddress("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._script(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    it = HttpClient()
    yield it
    await it.close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[tuple[Peer, Address]]]]:
    peers: list[Peer] = []

    async def start(script: Script, path: str | None = None) -> tuple[Peer, Address]:
        peer = Peer(script)
        address = await peer.start(path)
        peers.append(peer)
        return peer, address

    yield start
    for peer in peers:
        await peer.stop()


Serve = Callable[..., Awaitable[tuple[Peer, Address]]]


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head, await reader.readexactly(length)


def answers(*parts: bytes, then_close: bool = False) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for part in parts:
                writer.write(part)
                await writer.drain()
            if then_close:
                return

    return script


def deadline(seconds: float = SOON) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.parametrize(
    ("parts", "close", "status", "body"),
    [
        ((b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",), False, 200, b"hi"),
        ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n", b"0\r\n\r\n"), False, 200, b"hi"),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), False, 204, b""),
        ((b"HTTP/1.1 200 OK\r\n\r\nuntil ", b"close"), True, 200, b"until close"),
        ((b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold",), True, 200, b"old"),
        ((b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\nx",), False, 201, b"x"),
        ((b"HTTP/1.1 500 ", b"Oops\r\nContent-", b"Length: 4\r\n\r\nda", b"mn"), False, 500, b"damn"),
    ],
)
async def test_reads_every_way_to_frame_an_answer(
    client: HttpClient, serve: Serve, parts: tuple[bytes, ...], close: bool, status: int, body: bytes
) -> None:
    _, address = await serve(answers(*parts, then_close=close))
    for _ in range(2):
        answer = await client.send(address, HttpRequest("POST", "/", [], b"{}"), deadline())
        assert (answer.status, answer.body) == (status, body)


async def test_keeps_a_connection_for_the_next_request(client: HttpClient, serve: Serve) -> None:
    peer, address = await serve(answers(b"HTTP/1.1 204 No Content\r\n\r\n"))
    for _ in range(5):
        await client.send(address, HttpRequest("POST", "/", [], b"x"), deadline())
    assert peer.connections == 1


async def test_uses_no_connection_that_was_idle_for_long(serve: Serve) -> None:
    client = HttpClient(idle_s=0.0)
    peer, address = await serve(answers(b"HTTP/1.1 204 No Content\r\n\r\n"))
    for _ in range(3):
        await client.send(address, HttpRequest("GET", "/"), deadline())
    assert peer.connections == 3
    await client.close()


async def test_closes_what_nobody_uses() -> None:
    closed = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await reader.read()
        closed.set()

    client, peer = HttpClient(idle_s=0.02), Peer(script)
    await client.send(await peer.start(), HttpRequest("GET", "/"), deadline())
    async with asyncio.timeout(SOON):
        await closed.wait()
    await client.close()
    await peer.stop()


async def closes_second_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that gives up a kept connection just when the next request arrives."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    await read_request(reader)


@pytest.mark.parametrize(("method", "repeatable"), [("POST", True), ("GET", False)])
async def test_tries_again_when_a_kept_connection_turns_out_closed(
    client: HttpClient, serve: Serve, method: str, repeatable: bool
) -> None:
    peer, address = await serve(closes_second_request)
    for _ in range(2):
        answer = await client.send(address, HttpRequest(method, "/"), deadline(), repeatable=repeatable)
        assert answer.status == 204
    assert peer.connections == 2


async def test_does_not_repeat_what_may_have_been_done_already(client: HttpClient, serve: Serve) -> None:
    peer, address = await serve(closes_second_request)
    await client.send(address, HttpRequest("POST", "/"), deadline())
    with pytest.raises(ConnectionFailed):
        await client.send(address, HttpRequest("POST", "/"), deadline())
    assert peer.connections == 1


async def test_a_fresh_connection_that_breaks_is_not_tried_again(client: HttpClient, serve: Serve) -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    peer, address = await serve(hangs_up)
    with pytest.raises(ConnectionFailed, match="before its answer was whole"):
        await client.send(address, HttpRequest("POST", "/"), deadline(), repeatable=True)
    assert peer.connections == 1


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",),
        (b"HTTP/1.1 200",),
        (b"SSH-2.0-OpenSSH_9.2\r\n",),
    ],
)
async def test_half_an_answer_is_a_failure(client: HttpClient, serve: Serve, parts: tuple[bytes, ...]) -> None:
    _, address = await serve(answers(*parts, then_close=True))
    with pytest.raises(ConnectionFailed):
        await client.send(address, HttpRequest("GET", "/"), deadline())


@pytest.mark.parametrize("said", [(), (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",)])
async def test_the_deadline_holds_for_head_and_body(client: HttpClient, serve: Serve, said: tuple[bytes, ...]) -> None:
    _, address = await serve(answers(*said))
    with pytest.raises(TimedOut):
        await client.send(address, HttpRequest("GET", "/"), deadline(0.05))


async def test_nobody_there_is_told_apart_from_an_answer_that_broke(
    client: HttpClient, serve: Serve, tmp_path: Path
) -> None:
    peer, address = await serve(answers())
    await peer.stop()
    with pytest.raises(NotSent):
        await client.send(address, HttpRequest("GET", "/"), deadline())
    with pytest.raises(NotSent):
        await client.send(UnixAddress(str(tmp_path / "none.sock")), HttpRequest("GET", "/"), deadline())


async def test_speaks_over_a_unix_socket(client: HttpClient, serve: Serve, tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        seen.extend((head, body))
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")

    path = str(tmp_path / "a.sock")
    _, address = await serve(script, path)
    answer = await client.send(address, HttpRequest("POST", "/x/y", [], b"body"), deadline())
    assert answer.status == 202
    assert seen[0].startswith(b"POST /x/y HTTP/1.1\r\n")
    assert seen[1] == b"body"


async def test_head_has_no_body_whatever_its_length_says(client: HttpClient, serve: Serve) -> None:
    _, address = await serve(answers(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"))
    for _ in range(2):
        answer = await client.send(address, HttpRequest("HEAD", "/"), deadline())
        assert (answer.status, answer.body) == (200, b"")


async def test_a_long_answer_waits_for_its_reader(client: HttpClient, serve: Serve) -> None:
    chunk, count = b"x" * 65536, 200

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(chunk) * count))
        for _ in range(count):
            writer.write(chunk)
            await writer.drain()
        await read_request(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    peer, address = await serve(script)
    answer = await client.open(address, HttpRequest("GET", "/"), deadline(30))
    assert not answer.whole
    size = 0
    async for part in answer.chunks():
        size += len(part)
        await asyncio.sleep(0)
    assert size == len(chunk) * count
    assert (await client.send(address, HttpRequest("GET", "/"), deadline())).status == 204
    assert peer.connections == 1


async def test_a_reader_that_leaves_takes_the_connection_with_it(client: HttpClient, serve: Serve) -> None:
    closed = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await reader.read()
        closed.set()

    _, address = await serve(script)
    answer = await client.open(address, HttpRequest("GET", "/"), deadline())
    answer.close()
    async with asyncio.timeout(SOON):
        await closed.wait()


async def test_a_cancelled_request_closes_its_connection(client: HttpClient, serve: Serve) -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await reader.read()
        closed.set()

    _, address = await serve(script)
    sending = asyncio.create_task(client.send(address, HttpRequest("GET", "/"), deadline()))
    await arrived.wait()
    sending.cancel()
    async with asyncio.timeout(SOON):
        await closed.wait()


def test_a_request_is_one_block_with_its_own_framing() -> None:
    request = HttpRequest("POST", "/a?b=1", [(b"host", b"x.y"), (b"transfer-encoding", b"chunked")], b"body")
    assert encode_request(request, TcpAddress("127.0.0.1", 1)) == (
        b"POST /a?b=1 HTTP/1.1\r\nhost: x.y\r\ncontent-length: 4\r\n\r\nbody"
    )
    assert b"\r\nhost: 127.0.0.1:81\r\n" in encode_request(HttpRequest("GET", "/"), TcpAddress("127.0.0.1", 81))
    assert b"content-length: 0\r\n" in encode_request(HttpRequest("POST", "/"), TcpAddress("127.0.0.1", 81))


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("GET", "/", [(b"ce-id", b"1\r\nx-evil: 1")]),
        HttpRequest("GET", "/", [(b"ce-id", b"1\n")]),
        HttpRequest("GET", "/a b HTTP/1.1"),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(request_: HttpRequest) -> None:
    with pytest.raises(ValueError, match=r"line break|space"):
        encode_request(request_, TcpAddress("127.0.0.1", 1))
