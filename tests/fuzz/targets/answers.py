"""Bytes that a subscriber answers with, in any pieces: an answer, or a connection that failed, and nothing else."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from atheris import FuzzedDataProvider

from knative_local.addresses import UnixAddress
from knative_local.http1 import HttpClient
from knative_local.http_types import ConnectionFailed, HttpRequest, TimedOut
from tests.fuzz.targets.wire import message

WORDS = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 204 \r\n", b"HTTP/1.0 500 No\r\n", b"HTTP/1.1 102 Processing\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", b"HTTP/1.1 999\r\n",
    b"HTTP/2 200\r\n", b"content-length: 2\r\n", b"content-length: 0\r\n", b"content-length: -1\r\n",
    b"content-length: 99999999999999999999\r\n", b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip\r\n",
    b"connection: close\r\n", b"\r\n", b"ok", b"2\r\nok\r\n", b"0\r\n\r\n", b"ffffffffffffffffff\r\n",
    b"x: " + b"y" * 70_000 + b"\r\n", b"\x00", b"\n\n", b" folded\r\n",
]  # fmt: skip
PATH = Path(tempfile.mkdtemp(prefix="fuzz-answers-")) / "subscriber.sock"
REQUEST = HttpRequest("POST", "/", [(b"host", b"subscriber")], b"{}")


class Subscriber:
    """Answers every request with `pieces`, and closes."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1 << 16)
            for piece in self.pieces:
                if not writer.is_closing():
                    writer.write(piece)
                await asyncio.sleep(0)
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            pass  # the client has had enough


LOOP = asyncio.new_event_loop()
RAISED: list[dict[str, Any]] = []
LOOP.set_exception_handler(lambda _, context: RAISED.append(context))
SUBSCRIBER = Subscriber()
SERVER = LOOP.run_until_complete(asyncio.start_unix_server(SUBSCRIBER.serve, PATH))


def one(data: bytes) -> None:
    provider = FuzzedDataProvider(data)
    said = b"".join(_answer(provider) for _ in range(provider.ConsumeIntInRange(0, 2)))
    SUBSCRIBER.pieces = []
    while said:
        size = provider.ConsumeIntInRange(1, len(said)) if provider.ConsumeBool() else len(said)
        SUBSCRIBER.pieces.append(said[:size])
        said = said[size:]
    LOOP.run_until_complete(_ask())
    assert not RAISED, RAISED


async def _ask() -> None:
    client = HttpClient()
    try:
        for _ in range(2):  # the second one may find a connection that was kept
            answer = await client.send(UnixAddress(str(PATH)), REQUEST, LOOP.time() + 10, repeatable=True)
            assert 200 <= answer.status <= 999
            assert len(answer.body) <= len(b"".join(SUBSCRIBER.pieces))
    except TimedOut:
        raise
    except ConnectionFailed as error:
        assert str(error)
    finally:
        await client.close()


def _answer(provider: FuzzedDataProvider) -> bytes:
    if provider.ConsumeBool():
        return b"".join(provider.PickValueInList(WORDS) for _ in range(provider.ConsumeIntInRange(1, 10)))
    headers, body = message(provider)
    lines = [b"HTTP/1.1 %d x" % provider.ConsumeIntInRange(100, 700), b"content-length: %d" % len(body)]
    return b"\r\n".join([*lines, *(name + b": " + value for name, value in headers)]) + b"\r\n\r\n" + body
