"""A small HTTP/1.1 client on the event loop: keep-alive per address, TCP and Unix sockets, answers as they arrive.

General clients cost about ten times as much per request, and every event passes here at least twice.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import httptools

from knative_local.addresses import Address, UnixAddress
from knative_local.http1_arriving import Answer
from knative_local.http1_request import encode_request
from knative_local.http_types import ConnectionFailed, Headers, HttpRequest, HttpResponse, TimedOut

# Servers close idle connections after some seconds (uvicorn after 5): using ours only while younger avoids the race in
# which a request meets a connection that is being closed.
IDLE_S: Final = 4.0
LARGEST_HEAD: Final = 64 * 1024
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class NotSent(ConnectionFailed):
    """No connection came about, so the other side has not seen the request."""


class _ClosedUnanswered(ConnectionFailed):
    """A kept connection ended before any byte of an answer: the sign of one that had been given up meanwhile."""


class _Connection(asyncio.Protocol):
    """One connection: at most one request at a time."""

    _transport: asyncio.Transport

    def __init__(self, client: HttpClient, address: Address) -> None:
        self.address = address
        self.idle_since = 0.0
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._open = False
        self._paused = False
        self._reused = False
        self._head: asyncio.Future[Answer] | None = None
        self._answer: Answer | None = None
        self._headers: Headers = []
        self._timer: asyncio.TimerHandle | None = None
        self._bodiless = False
        self._until_close = False
        self._heard = False
        self._head_bytes = 0

    # what the client asks

    @property
    def usable(self) -> bool:
        """True while the connection is open and nothing is under way on it."""
        return self._open and not self._transport.is_closing() and self._head is None

    @property
    def _awaits_head(self) -> bool:
        return self._head is not None and self._answer is None

    async def exchange(self, data: bytes, deadline: float, *, bodiless: bool) -> Answer:
        """Write a whole request and wait for the head of its answer; the deadline holds for the body too."""
        self._bodiless = bodiless
        self._headers = []
        self._answer = None
        self._until_close = self._heard = False
        self._head_bytes = 0
        self._head = self._loop.create_future()
        self._timer = self._loop.call_at(deadline, self._expire)
        self._transport.write(data)
        try:
            return await self._head
        except asyncio.CancelledError:
            self.abort()
            raise

    def break_off(self, error: Exception) -> None:
        """Fail what is under way with `error`, and close."""
        self._fail(error)
        self.abort()

    def abort(self) -> None:
        """Close at once; what is under way fails."""
        if self._open and not self._transport.is_closing():
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading until the reader of the answer has caught up."""
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open = True

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            self.abort()  # an answer nobody asked for
            return
        self._heard = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionFailed(f"{self.address} answered something that is not HTTP/1.1: {error}"))
            self.abort()
            return
        if self._awaits_head:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self._fail(ConnectionFailed(f"the head of {self.address}'s answer is over {LARGEST_HEAD} bytes"))
                self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        self._client.drop(self)
        if self._head is None:
            return
        if self._until_close and exc is None:
            self._complete()
        elif self._reused and not self._heard:
            self._fail(_ClosedUnanswered(f"{self.address} closed the connection"))
        else:
            self._fail(ConnectionFailed(f"{self.address} closed the connection before its answer was whole"))

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        """Callback of the parser."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Callback of the parser."""
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._headers = []
            self._head_bytes = 0
            return
        if self._head is None:
            self.abort()
            return
        names = {name for name, _ in self._headers}
        framed = b"content-length" in names or b"transfer-encoding" in names
        self._until_close = not framed and status not in {204, 304} and not self._bodiless
        self._answer = Answer(self, status, self._headers)
        if not self._head.done():
            self._head.set_result(self._answer)
        if self._bodiless:
            self._complete()

    def on_body(self, body: bytes) -> None:
        """Callback of the parser."""
        if self._answer is not None:
            self._answer.feed(body)

    def on_message_complete(self) -> None:
        """Callback of the parser."""
        if self._answer is not None:
            self._complete()

    # endings

    def _complete(self) -> None:
        answer, keep = self._answer, self._parser.should_keep_alive() and not self._until_close
        self._settle()
        self.resume()
        if answer is not None:
            answer.finish()
        # After a HEAD the parser still waits for the body that its length announced.
        if keep and self.usable and not self._bodiless:
            self._reused = True
            self.idle_since = self._loop.time()
            self._client.keep(self)
        else:
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        head, answer = self._head, self._answer
        self._settle()
        if head is not None and not head.done():
            head.set_exception(error)
        elif answer is not None:
            answer.finish(error)

    def _settle(self) -> None:
        self._head = self._answer = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self.break_off(TimedOut(f"no whole answer from {self.address} in time"))


class HttpClient:
    """Sends requests to addresses and keeps connections open for the next ones."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._idle: dict[Address, list[_Connection]] = {}
        self._open: set[_Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def send(
        self, address: Address, request: HttpRequest, deadline: float, *, repeatable: bool = False
    ) -> HttpResponse:
        """Send `request` and return its whole answer, all before `deadline` (the loop's time).

        `repeatable` allows a second try on a new connection when a kept one turns out closed (safe methods always may).
        Raises NotSent, ConnectionFailed, TimedOut.
        """
        answer = await self.open(address, request, deadline, repeatable=repeatable)
        return await answer.response()

    async def open(
        self, address: Address, request: HttpRequest, deadline: float, *, repeatable: bool = False
    ) -> Answer:
        """As `send`, but returns when status and headers are here; `deadline` holds for the body too."""
        data = encode_request(request, address)
        bodiless = request.method == "HEAD"
        connection = self._take(address)
        if connection is not None:
            try:
                return await connection.exchange(data, deadline, bodiless=bodiless)
            except _ClosedUnanswered:
                if not repeatable and request.method not in SAFE_METHODS:
                    raise
        connection = await self._connect(address, deadline)
        return await connection.exchange(data, deadline, bodiless=bodiless)

    async def probe(self, address: Address, deadline: float) -> None:
        """Return when `address` takes a connection; raises NotSent when nobody listens, TimedOut.

        The connection is closed at once: a server with a single thread would wait on it and hear nobody else.
        """
        (await self._connect(address, deadline)).abort()

    def forget(self, address: Address) -> None:
        """Close the idle connections to `address`: who listens there is going away."""
        for connection in self._idle.pop(address, []):
            connection.abort()

    async def close(self) -> None:
        """Close every connection; what is under way fails."""
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()
        if self._sweep is not None:
            self._sweep.cancel()
        await asyncio.sleep(0)

    def keep(self, connection: _Connection) -> None:
        """Put a connection aside for the next request (called by connections)."""
        self._idle.setdefault(connection.address, []).append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._idle_s, self._close_old)

    def drop(self, connection: _Connection) -> None:
        """Forget a connection that is closed (called by connections)."""
        self._open.discard(connection)
        idle = self._idle.get(connection.address)
        if idle is not None and connection in idle:
            idle.remove(connection)
            if not idle:
                del self._idle[connection.address]

    def _close_old(self) -> None:
        """Close what nobody used in time; there is a timer for this only while there are idle connections."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._idle_s
        for idle in list(self._idle.values()):
            for connection in [connection for connection in idle if connection.idle_since <= oldest]:
                idle.remove(connection)
                connection.abort()
        self._idle = {address: idle for address, idle in self._idle.items() if idle}
        self._sweep = loop.call_later(self._idle_s, self._close_old) if self._idle else None

    def _take(self, address: Address) -> _Connection | None:
        idle = self._idle.get(address)
        oldest = asyncio.get_running_loop().time() - self._idle_s
        while idle:
            connection = idle.pop()
            if connection.usable and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    async def _connect(self, address: Address, deadline: float) -> _Connection:
        loop = asyncio.get_running_loop()
        connection = _Connection(self, address)
        try:
            async with asyncio.timeout_at(deadline):
                if isinstance(address, UnixAddress):
                    await loop.create_unix_connection(lambda: connection, address.path)
                else:
                    await loop.create_connection(lambda: connection, address.host, address.port)
        except TimeoutError:
            raise TimedOut(f"no connection to {address} in time") from None
        except OSError as error:
            raise NotSent(f"{address}: {error.strerror or error}") from error
        self._open.add(connection)
        return connection
