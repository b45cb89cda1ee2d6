"""A small HTTP/1.1 client that posts to one address over keep-alive connections.

Our own, since every event passes here: the well-known clients cost some ten times of this a request. It does what a
sink needs and no more: POST with a known length, one request at a time on a connection, answers of any framing.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self, cast

import httptools

from trackway.functions.address import SinkAddress
from trackway.functions.sink_token import TokenFile

LONGEST_ANSWER: Final = 64 * 1024


class Posted:
    """An answer to a post: its status, and the body as far as LONGEST_ANSWER."""

    __slots__ = ("body", "status")

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body


class _Connection(asyncio.Protocol):
    """One connection, one request at a time. A parser's callbacks are the ``on_`` methods."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Posted] | None = None
        self._body = bytearray()
        self._keep = True
        self._heads = False
        self._framed = False
        self.used = False

    @property
    def is_reusable(self) -> bool:
        return self._keep and self._transport is not None and not self._transport.is_closing()

    def post(self, message: bytes) -> asyncio.Future[Posted]:
        assert self._transport is not None  # noqa: S101 - the pool hands out connected ones only; narrows the type
        self._answer = asyncio.get_running_loop().create_future()
        self._body.clear()
        self._heads = False
        self._transport.write(message)
        return self._answer

    def close(self) -> None:
        self._keep = False
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"the answer is not HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep = False
        if self._heads and exc is None and not self._framed:
            self.on_message_complete()  # a body without a length ends with its connection
        self._fail(ConnectionError(f"connection lost: {exc or 'closed by the other side'}"))

    # httptools

    def on_message_begin(self) -> None:
        self._framed = False

    def on_header(self, name: bytes, _value: bytes) -> None:
        self._framed = self._framed or name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        self._heads = True

    def on_body(self, body: bytes) -> None:
        if len(self._body) < LONGEST_ANSWER:
            self._body += body[: LONGEST_ANSWER - len(self._body)]

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._heads = False
            return  # an interim answer, the real one follows
        self._keep = self._keep and self._parser.should_keep_alive()
        self.used = True
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(Posted(status, bytes(self._body)))

    def _fail(self, error: ConnectionError) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)


class Client:
    """Posts to one address over at most ``connections`` keep-alive connections; the caller keeps to that number."""

    def __init__(self, address: SinkAddress, connections: int, token: TokenFile | None = None) -> None:
        self._address = address
        self._token = token
        self._idle: deque[_Connection] = deque(maxlen=connections)
        self._head = f"POST {address.target} HTTP/1.1\r\nhost: {address.authority}\r\n".encode()

    async def post(self, headers: list[tuple[bytes, bytes]], body: bytes) -> Posted:
        """Post, and give the answer. Raises OSError when it cannot be reached or goes away.

        A kept connection may have been closed by the other side at the same moment; then the post is made once more on
        a fresh one. It may arrive twice, which is harmless: a repeated event has the same id.
        """
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        head = self._head if self._token is None else self._head + self._token.line()
        message = b"%bcontent-length: %d\r\n%b\r\n%b" % (head, len(body), lines, body)
        connection = await self._connection()
        try:
            return await self._exchange(connection, message)
        except ConnectionError:
            if not connection.used:
                raise
        return await self._exchange(await self._connect(), message)

    async def _exchange(self, connection: _Connection, message: bytes) -> Posted:
        try:
            answer = await connection.post(message)
        except BaseException:  # a cancelled exchange leaves an answer on its way: the connection cannot be used again
            connection.close()
            raise
        if connection.is_reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                return connection
        return await self._connect()

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        if self._address.socket is not None:
            _, connection = await loop.create_unix_connection(_Connection, self._address.socket)
        else:
            _, connection = await loop.create_connection(_Connection, self._address.host, self._address.port)
        return connection

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
