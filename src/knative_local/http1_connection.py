"""One client's connection: requests are handled as they come, side by side, and answered in the order they came in."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import httptools

from knative_local.backend import Exchange
from knative_local.http1_answer import CONTINUE, encode_answer, encode_end, encode_part, encode_start
from knative_local.http_types import ConnectionFailed, Headers, HttpRequest, HttpResponse, Promise, TimedOut
from knative_local.problem import problem

if TYPE_CHECKING:
    from knative_local.http1_server import HttpServer

LARGEST_HEAD: Final = 64 * 1024
# So many pipelined requests of one connection may be open before no more is read from it.
MOST_OPEN: Final = 64
# Longer than clients keep an unused connection, so that it is they who close it and no request meets a closed one.
IDLE_S: Final = 75.0
# A request that has begun has to go on: who sends nothing for so long is gone, or means no good.
STALLED_S: Final = 60.0
logger = logging.getLogger(__name__)

_METHODS: Final = {method.encode(): method for method in ("GET", "POST")}


class _Turn:
    """One request's place in the order of answers."""

    __slots__ = ("close", "exchange", "head_only", "old", "response")

    def __init__(self, *, close: bool, head_only: bool, old: bool) -> None:
        self.close = close
        self.head_only = head_only
        self.old = old
        self.response: HttpResponse | None = None
        self.exchange: Exchange | None = None


class Connection(asyncio.Protocol):
    """One client. Requests are handled as they come, side by side, and answered in the order in which they came."""

    _transport: asyncio.Transport

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._answer = server.answer
        self._hot = server.hot
        self._whole: bytes | None = None  # what came at once, while the first request in it is read
        self._parser = httptools.HttpRequestParser(self)
        self._turns: deque[_Turn] = deque()
        self._streaming: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._last = False  # nothing is read after the request that was the last
        self._paused = False
        self._lost = False
        self._begun = False
        self._head_bytes = 0
        self._target = b""
        self._headers: Headers = []
        self._body = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._upgrading = False
        self._touched = server.now()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - part of the interface
        """The client is gone; what is under way for it ends by itself, as a delivery cannot be taken back."""
        self._lost = True
        self._server.closed(self)
        self.resume_writing()
        if self._streaming is not None:
            self._streaming.cancel()
        for turn in self._turns:
            if turn.exchange is not None:
                turn.exchange.close()
        self._turns.clear()

    def data_received(self, data: bytes) -> None:
        """The client says something."""
        if self._last:
            return
        self._touched = self._server.now()
        if self._hot is not None and not self._begun:
            promise = self._hot.take(data)
            if promise is not None:
                self._wait_for(promise, self._turn(_Turn(close=False, head_only=False, old=False)))
                return
            self._whole = data
        if not self._begun or self._head_bytes:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            logger.exception("a request failed in an unforeseen way")
            self._end_with(_bug())
        except httptools.HttpParserError as error:
            self._give_up(400, f"this is not HTTP/1.1: {error}")
        if self._head_bytes > LARGEST_HEAD and self._begun and not self._last:
            self._give_up(431, f"the head of a request may have {LARGEST_HEAD} bytes")

    def eof_received(self) -> bool:
        """The client has said everything; what it still waits for it gets."""
        self._last = True
        return bool(self._turns)  # whether the connection stays open to be written to

    def pause_writing(self) -> None:
        """The client reads slower than it is answered."""
        if self._writable is None:
            self._writable = self._server.loop.create_future()
        self._pause()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None
        self._resume()

    # httptools

    def on_message_begin(self) -> None:
        """Callback of the parser."""
        self._begun = True
        self._head_bytes = self._head_bytes or 1
        self._target = b""
        self._headers = []
        self._body = b""
        self._parts = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """Callback of the parser."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Callback of the parser."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Callback of the parser."""
        self._head_bytes = 0
        if self._last:
            return
        upgrade = self._parser.should_upgrade() and self._opens_websocket()
        refuse = self._server.refuse
        refused = refuse(self._method(), self._headers, upgrade=upgrade) if refuse is not None else None
        if refused is not None:
            self._end_with(refused)
            return
        self._upgrading = self._parser.should_upgrade()
        if (b"expect", b"100-continue") in self._headers and not self._turns:
            self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Callback of the parser."""
        if self._last:
            return
        self._size += len(body)
        if self._size > self._server.largest_body:
            self._give_up(413, f"a body may have {self._server.largest_body} bytes")
        elif self._body:
            self._parts.append(body)
        else:
            self._body = body

    def on_message_complete(self) -> None:
        """Callback of the parser."""
        self._begun = False
        if self._last or self._upgrading:
            return
        body = self._body
        if self._parts:
            body = b"".join((body, *self._parts))
            self._parts = []
        method = self._method()
        old = self._parser.get_http_version() == "1.0"
        turn = self._turn(_Turn(close=not self._parser.should_keep_alive(), head_only=method == "HEAD", old=old))
        self._last = turn.close
        request = HttpRequest(method, self._target.decode("latin-1"), self._headers, body)
        try:
            answering = self._answer(request)
        except Exception:
            logger.exception("a request failed in an unforeseen way")
            answering = _bug()
        if isinstance(answering, HttpResponse):
            self._answered(turn, answering)
        elif isinstance(answering, Promise):
            self._wait_for(answering, turn)
            if self._hot is not None and self._whole is not None:
                self._hot.learn(self._whole, request)
        else:
            self._server.start(self._work(turn, answering))
        self._whole = None

    def _turn(self, turn: _Turn) -> _Turn:
        self._turns.append(turn)
        if len(self._turns) >= MOST_OPEN:
            self._pause()
        return turn

    # answering

    def _wait_for(self, promise: Promise, turn: _Turn) -> None:
        promise.future.add_done_callback(partial(self._kept, turn, promise.answer))

    def _kept(
        self, turn: _Turn, make: Callable[[asyncio.Future[Any]], HttpResponse], future: asyncio.Future[Any]
    ) -> None:
        """What a promise hangs on is done."""
        try:
            response = make(future)
        except Exception:
            logger.exception("a request failed in an unforeseen way")
            response = _bug()
        self._answered(turn, response)

    async def _work(self, turn: _Turn, work: Coroutine[Any, Any, HttpResponse | Exchange]) -> None:
        try:
            answer = await work
        except Exception:
            logger.exception("a request failed in an unforeseen way")
            answer = _bug()
        if isinstance(answer, HttpResponse):
            self._answered(turn, answer)
        elif self._lost:
            answer.close()
        else:
            turn.exchange = answer
            self._flush()

    def _answered(self, turn: _Turn, response: HttpResponse) -> None:
        turn.response = response
        self._flush()

    def _flush(self) -> None:
        """Write what can be written: the answers at the front of the line, in one piece."""
        turns = self._turns
        if self._lost or not turns or self._streaming is not None:
            return
        date = self._server.date()
        written: list[bytes] = []
        close = False
        while turns and (response := turns[0].response) is not None:
            turn = turns.popleft()
            close = turn.close or self._server.ending
            written.append(encode_answer(response, date, close=close, head_only=turn.head_only, old=turn.old))
        if written:
            self._touched = self._server.now()
            self._transport.write(written[0] if len(written) == 1 else b"".join(written))
        if close or (self._last and not turns):
            self._last = True
            self._transport.close()
        elif turns and turns[0].exchange is not None:
            self._streaming = self._server.start(self._stream(turns[0], turns[0].exchange))
        elif len(turns) < MOST_OPEN:
            self._resume()

    async def _stream(self, turn: _Turn, exchange: Exchange) -> None:
        """Pass an answer on: whole at once when it is here, else as it arrives."""
        answer = exchange.answer
        close = turn.close or self._server.ending
        start = encode_start(answer.status, answer.headers, self._server.date(), close=close, old=turn.old)
        try:
            if answer.whole or turn.head_only:
                body = b"" if turn.head_only else await answer.read()
                self._write(start.head + encode_part(body, chunked=start.chunked) + encode_end(chunked=start.chunked))
            else:
                self._write(start.head)
                async for part in answer.chunks():
                    await self._write_patiently(encode_part(part, chunked=start.chunked))
                self._write(encode_end(chunked=start.chunked))
        except (ConnectionFailed, TimedOut):
            # The status is on its way already; an end without the rest is how a client sees that something is missing.
            self._transport.abort()
            return
        finally:
            exchange.close()
            self._streaming = None
        if self._lost:
            return
        self._turns.popleft()
        if start.close or (self._last and not self._turns):
            self._last = True
            self._transport.close()
        else:
            self._flush()
            self._resume()

    def _write(self, data: bytes) -> None:
        if data and not self._lost:
            self._transport.write(data)

    async def _write_patiently(self, data: bytes) -> None:
        self._write(data)
        self._touched = self._server.now()
        if self._writable is not None:
            await self._writable

    # endings

    def close_if_idle(self) -> None:
        """Close unless a request is under way, after which it will be closed."""
        if not self._turns and not self._begun and not self._lost:
            self._last = True
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if not self._lost:
            self._transport.abort()

    def sweep(self, now: float) -> None:
        """Close what has been quiet for too long."""
        if self._begun and now - self._touched > STALLED_S:
            self._give_up(408, f"nothing came for {STALLED_S:g} s in the middle of a request")
        elif not self._turns and now - self._touched > IDLE_S:
            self.close_if_idle()

    def _give_up(self, status: int, detail: str) -> None:
        self._end_with(problem(status, detail))

    def _end_with(self, response: HttpResponse) -> None:
        """Answer in turn, and read nothing more."""
        if self._last:
            return
        self._last = True
        turn = _Turn(close=True, head_only=False, old=False)
        self._turns.append(turn)
        self._answered(turn, response)

    def _upgraded(self, rest: bytes) -> None:
        """The parser has read a head with `Upgrade`, behind which it reads no more, not even the body."""
        if self._last:
            return
        self._upgrading = False
        if not self._opens_websocket():
            self._read_without_upgrade(rest)
            return
        open_socket = self._server.open_socket
        if open_socket is None or self._turns:
            self._give_up(400, "a WebSocket cannot be opened here")
            return
        self._lost = True  # to us
        taker = open_socket(HttpRequest(self._method(), self._target.decode("latin-1"), self._headers))
        self._server.hand_over(self, taker)
        self._transport.set_protocol(taker)
        taker.connection_made(self._transport)
        if rest:
            taker.data_received(rest)

    def _opens_websocket(self) -> bool:
        return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in self._headers)

    def _read_without_upgrade(self, rest: bytes) -> None:
        """Whoever offers HTTP/2 (Java's client does with every request) gets HTTP/1.1, as if it had offered nothing."""
        lines = [self._parser.get_method() + b" " + self._target + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in self._headers if name not in (b"upgrade", b"connection")]
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def _method(self) -> str:
        method: bytes = self._parser.get_method()
        return _METHODS.get(method) or method.decode("latin-1")

    def _pause(self) -> None:
        if not self._paused and not self._lost and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._lost and self._writable is None and len(self._turns) < MOST_OPEN:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()


def _bug() -> HttpResponse:
    return problem(500, "an error on our side; what knative-local writes says more")
