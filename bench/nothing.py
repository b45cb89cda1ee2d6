"""A subscriber that does nothing: reads each request whole, counts its events, and answers 204.

Says on standard output how many events came, whenever a line comes on standard input.
"""

import asyncio
import socket
import sys
from typing import cast

import httptools
import uvloop

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
# An event of a batch begins so, and nothing in the data of bench/posting.py does.
EVENT = b'{"specversion"'


class Nothing(asyncio.Protocol):
    """A connection."""

    events = 0
    deliveries = 0

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._is_batch = False
        self._counted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._is_batch = False
        self._counted = 0
        self._rest = b""

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002 - the signature of the callback
        if value == b"application/cloudevents-batch+json":
            self._is_batch = True

    def on_body(self, body: bytes) -> None:
        if self._is_batch:
            body = self._rest + body
            self._counted += body.count(EVENT)
            self._rest = body[-len(EVENT) + 1 :]  # what an event's beginning may be cut off in

    def on_message_complete(self) -> None:
        assert self._transport is not None
        Nothing.events += self._counted if self._is_batch else 1
        Nothing.deliveries += 1
        self._transport.write(ANSWER)


async def serve(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_server(Nothing, sock=listener)
    asked: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(sys.stdin, lambda: asked.put_nowait(sys.stdin.readline()))
    while await asked.get():
        print(Nothing.events, Nothing.deliveries, flush=True)


def main() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        uvloop.run(serve(listener))
    return 0


if __name__ == "__main__":
    sys.exit(main())
