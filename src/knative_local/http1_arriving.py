"""An answer that is arriving: its body is passed on in parts, or read whole within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

from knative_local.http_types import ConnectionFailed, Headers, HttpResponse

HIGH_WATER: Final = 256 * 1024
# The answers of 50 deliveries at once are in memory for each Trigger. A reply is an event, which has its own bound,
# and of a refusal only the beginning is of use.
LARGEST_REPLY: Final = 2 * 1024 * 1024
REFUSAL_BYTES: Final = 4 * 1024


class Arrival(Protocol):
    """The connection that it comes by."""

    def pause(self) -> None:
        """Stop reading until the reader of the answer has caught up."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def break_off(self, error: Exception) -> None:
        """Close at once; whoever waits gets `error`."""
        ...

    def abort(self) -> None:
        """Close at once; what is under way fails."""
        ...


class Answer:
    """An answer that is arriving: status and headers are here, the body comes by `chunks` or `read`."""

    __slots__ = ("_arrival", "_buffered", "_connection", "_error", "_parts", "_whole", "headers", "on_data", "status")

    def __init__(self, connection: Arrival, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers
        self._connection = connection
        self._parts: list[bytes] = []
        self._buffered = 0
        self._whole = False
        self._error: Exception | None = None
        self._arrival: asyncio.Future[None] | None = None
        self.on_data: Callable[[], None] | None = None
        """Called when a part of the body has come."""

    @property
    def whole(self) -> bool:
        """True when the body has arrived to its end."""
        return self._whole

    def feed(self, data: bytes) -> None:
        """Take a part of the body (called by the connection)."""
        self._parts.append(data)
        self._buffered += len(data)
        if self._buffered > HIGH_WATER:
            self._connection.pause()
        if self.on_data is not None:
            self.on_data()
        self._wake()

    def finish(self, error: Exception | None = None) -> None:
        """End the body, well or with `error` (called by the connection)."""
        self._whole = error is None
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in parts as they arrive; raises ConnectionFailed or TimedOut when it breaks off."""
        try:
            while True:
                if self._parts:
                    data = b"".join(self._parts)
                    self._parts.clear()
                    self._buffered = 0
                    self._connection.resume()
                    yield data
                elif self._error is not None:
                    raise self._error
                elif self._whole:
                    return
                else:
                    self._arrival = asyncio.get_running_loop().create_future()
                    await self._arrival
        finally:
            self.close()

    async def read(self, limit: int = LARGEST_REPLY) -> bytes:
        """The whole body; raises ConnectionFailed or TimedOut, ConnectionFailed also over `limit` bytes."""
        body = await self._beginning(limit)
        if len(body) > limit and not self._whole:
            raise ConnectionFailed(f"the answer is over {limit} bytes")
        return body

    async def response(self) -> HttpResponse:
        """The answer as a whole, but of a refusal's body only the beginning. Raises as `read` does."""
        body = await self.read() if self.status < 300 else (await self._beginning(REFUSAL_BYTES))[:REFUSAL_BYTES]
        return HttpResponse(self.status, self.headers, body)

    async def _beginning(self, limit: int) -> bytes:
        """The body; when it has more than `limit` bytes, some of those too, and the rest is given up."""
        if self._whole:
            return b"".join(self._parts)
        parts: list[bytes] = []
        size = 0
        async for part in self.chunks():
            parts.append(part)
            size += len(part)
            if size > limit:
                self.close()
                break
        return b"".join(parts)

    def break_off(self, error: Exception) -> None:
        """Give up what has not arrived: whoever reads it gets `error`."""
        if not self._whole and self._error is None:
            self._connection.break_off(error)

    def close(self) -> None:
        """Give up what has not arrived; the connection is then of no further use."""
        if not self._whole and self._error is None:
            self._connection.abort()
