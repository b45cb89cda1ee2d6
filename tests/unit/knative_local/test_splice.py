"""A WebSocket through the front door whose process ends at the wrong moment."""

import asyncio
import socket

from knative_local.addresses import TcpAddress
from knative_local.backend import UNLIMITED, Backend, Lease, Timeouts
from knative_local.http1_server import HttpServer
from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.splice import Splice

OPENING = b"GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"


class Place:
    """Where the process listens, taken for one socket."""

    name = "Deployment gateway"
    timeouts: Timeouts = UNLIMITED

    def __init__(self, port: int) -> None:
        self.address = TcpAddress("127.0.0.1", port)
        self.released = 0

    def pick(self) -> Backend:
        return self

    def try_acquire(self) -> Lease | None:
        return self

    async def acquire(self, deadline: float) -> Lease:
        return self

    def release(self, *, refused: bool = False) -> None:
        self.released += 1

    def backend_for_socket(self, request: HttpRequest) -> tuple[Backend, HttpRequest] | HttpResponse:
        return self, request


async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_a_process_that_ends_before_it_answers_is_told_as_502() -> None:
    process = await asyncio.start_server(dies, "127.0.0.1", 0)
    place = Place(process.sockets[0].getsockname()[1])
    door = HttpServer(lambda _: HttpResponse(404), largest_body=10, open_socket=lambda request: Splice(place, request))
    listener = socket.create_server(("127.0.0.1", 0))
    await door.begin(listener)
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(OPENING)
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"Deployment gateway ended before it answered" in answer
    assert place.released == 1
    writer.close()
    await door.end(1)
    process.close()
    await process.wait_closed()
