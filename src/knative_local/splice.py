"""WebSockets through the front door: the opening request is routed, then raw bytes go both ways."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol, cast

from knative_local.backend import Backend, Lease, Unavailable
from knative_local.http1_handlers import Taker
from knative_local.http_types import HttpRequest, HttpResponse, TimedOut
from knative_local.problem import problem

OPEN_WITHIN_S: Final = 30.0
REFUSED_CLOSES_AFTER_S: Final = 2.0
SWITCHED: Final = b"HTTP/1.1 101"

logger = logging.getLogger(__name__)


class SocketDoor(Protocol):
    """What decides where a WebSocket goes."""

    def backend_for_socket(self, request: HttpRequest) -> tuple[Backend, HttpRequest] | HttpResponse:
        """Who takes it and its opening request as it goes on, or the answer that refuses it."""
        ...


def encode_head(request: HttpRequest) -> bytes:
    """The opening request as it goes on, with its `Upgrade` headers as they came."""
    lines = [f"{request.method} {request.target} HTTP/1.1".encode("latin-1")]
    lines += [name + b": " + value for name, value in request.headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


class Splice(Taker):
    """The client's side of one WebSocket, opened by `request`."""

    _client: asyncio.Transport

    def __init__(self, door: SocketDoor, request: HttpRequest) -> None:
        self._door = door
        self._request = request
        self._upstream: _Upstream | None = None
        self._opening: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._on_lost: Callable[[Taker], None] = lambda _: None

    def when_lost(self, callback: Callable[[Taker], None]) -> None:
        """See Taker."""
        self._on_lost = callback

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The server hands the connection over."""
        self._client = cast(asyncio.Transport, transport)
        self.pause_reading()
        self._opening = asyncio.get_running_loop().create_task(self._open(self._request))

    def data_received(self, data: bytes) -> None:
        """Whatever the client says; what it says before it is answered waits."""
        if self._upstream is not None:
            self._upstream.write(data)
        else:
            self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        logger.debug("WebSocket ended by its client: %s", exc)
        self._on_lost(self)
        if self._opening is not None:
            self._opening.cancel()
        if self._upstream is not None:
            self._upstream.close()

    def pause_writing(self) -> None:
        """The client reads slower than it is written to: let the other side wait."""
        if self._upstream is not None:
            self._upstream.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._upstream is not None:
            self._upstream.resume_reading()

    def shutdown(self) -> None:
        """See Taker."""
        self.close()

    def close(self) -> None:
        """Close the client's side after what is written."""
        if not self._client.is_closing():
            self._client.close()

    def write(self, data: bytes) -> None:
        """Pass on what the other side says."""
        if not self._client.is_closing():
            self._client.write(data)

    def pause_reading(self) -> None:
        """The other side reads slowly."""
        if not self._client.is_closing() and self._client.is_reading():
            self._client.pause_reading()

    def resume_reading(self) -> None:
        """The other side has caught up."""
        if not self._client.is_closing() and not self._client.is_reading():
            self._client.resume_reading()

    async def _open(self, request: HttpRequest) -> None:
        found = self._door.backend_for_socket(request)
        if isinstance(found, HttpResponse):
            self.refuse(found)
            return
        backend, onward = found
        loop = asyncio.get_running_loop()
        try:
            lease = await backend.acquire(loop.time() + OPEN_WITHIN_S)
        except Unavailable as error:
            self.refuse(problem(503, str(error), error.retry_after_s))
            return
        except TimedOut as error:
            self.refuse(problem(504, str(error)))
            return
        try:
            upstream = _Upstream(self, lease, backend.name)
            await loop.create_connection(lambda: upstream, lease.address.host, lease.address.port)
        except OSError as error:
            lease.release(refused=True)
            self.refuse(problem(502, f"{backend.name} takes no connection: {error.strerror}"))
            return
        except asyncio.CancelledError:
            lease.release()
            raise
        self._upstream = upstream
        upstream.write(encode_head(onward) + b"".join(self._early))
        self._early.clear()
        self.resume_reading()

    def refuse(self, answer: HttpResponse) -> None:
        """Answer that there will be no WebSocket."""
        head = [f"HTTP/1.1 {answer.status} ".encode()]
        head += [name + b": " + value for name, value in answer.headers]
        head += [b"content-length: %d" % len(answer.body), b"connection: close"]
        self.write(b"\r\n".join(head) + b"\r\n\r\n" + answer.body)
        self.close()


class _Upstream(asyncio.Protocol):
    """The instance's side."""

    _transport: asyncio.Transport

    def __init__(self, client: Splice, lease: Lease, name: str) -> None:
        self._client = client
        self._name = name
        self._lease = lease
        self._head = b""
        self._switched = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._client.write(data)
        if self._switched:
            return
        self._head = (self._head + data)[: len(SWITCHED)]
        if self._head == SWITCHED:
            self._switched = True
        elif not SWITCHED.startswith(self._head):
            # Refused. The connection must not go on past the front door's routes as plain HTTP.
            self._client.pause_reading()
            asyncio.get_running_loop().call_later(REFUSED_CLOSES_AFTER_S, self.close)

    def connection_lost(self, exc: Exception | None) -> None:
        logger.debug("WebSocket ended by the instance: %s", exc)
        self._lease.release()
        if self._head:
            self._client.close()
        else:
            self._client.refuse(problem(502, f"{self._name} ended before it answered"))

    def pause_writing(self) -> None:
        self._client.pause_reading()

    def resume_writing(self) -> None:
        self._client.resume_reading()

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if not self._transport.is_closing():
            self._transport.close()

    def pause_reading(self) -> None:
        if not self._transport.is_closing() and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()
