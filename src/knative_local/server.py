"""The HTTP servers: uvicorn around two raw ASGI applications, the front door's and the internal ingress's."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any, Final

import uvicorn

from knative_local.backend import Exchange
from knative_local.http1_request import HOP_BY_HOP
from knative_local.http_types import ConnectionFailed, Headers, HttpRequest, HttpResponse, TimedOut
from knative_local.loopback import refusal
from knative_local.problem import problem
from knative_local.splice import SocketDoor, Splice

REFRAMED: Final = HOP_BY_HOP - {b"content-length"} | {b"date"}  # uvicorn frames anew and tells the time
# Longer than clients keep an unused connection, so that it is they who close it and no request meets a closed one.
KEEP_ALIVE_S: Final = 75
LARGEST_BODY: Final = 8 * 1024 * 1024
LARGEST_BATCH: Final = 64 * 1024 * 1024

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answerer = Callable[[HttpRequest], Awaitable[HttpResponse | Exchange]]


class _Left(Exception):
    """The client left before its request was whole."""


class Application:
    """A raw ASGI application: reads the whole request, asks for an answer, and passes the answer on as it arrives."""

    def __init__(self, answer: Answerer, *, public: bool, largest_body: int) -> None:
        """`public`: check Host and Origin first (the internal socket is protected by its file)."""
        self._answer = answer
        self._public = public
        self._largest_body = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: Headers = scope["headers"]
        refused = refusal(scope["method"], headers) if self._public else None
        if refused is not None:
            await _send_whole(send, refused, close=True)
            return
        try:
            body = await self._read(receive)
        except _Left:
            return  # half a form is another form, and nobody is there to be told
        if body is None:
            await _send_whole(send, problem(413, f"a body may have {self._largest_body} bytes"), close=True)
            return
        query: bytes = scope["query_string"]
        raw: bytes = scope["raw_path"]
        target = (raw + b"?" + query if query else raw).decode("latin-1")
        answer = await self._answer(HttpRequest(scope["method"], target, headers, body))
        if isinstance(answer, HttpResponse):
            await _send_whole(send, answer)
        else:
            await _send_exchange(send, receive, answer)

    async def _read(self, receive: Receive) -> bytes | None:
        """The body, or None when it is too large. Raises _Left."""
        message = await _part(receive)
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            return body if len(body) <= self._largest_body else None
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await _part(receive)
            parts.append(message["body"])
            size += len(parts[-1])
            if size > self._largest_body:
                return None
        return b"".join(parts)


async def _part(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _Left
    return message


async def _send_whole(send: Send, answer: HttpResponse, *, close: bool = False) -> None:
    headers = [pair for pair in answer.headers if pair[0] not in HOP_BY_HOP]
    if answer.status not in {204, 304}:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_exchange(send: Send, receive: Receive, exchange: Exchange) -> None:
    """Pass an answer on; whole at once when it is here, else as it arrives until the client leaves."""
    answer = exchange.answer
    headers = [
        pair for pair in answer.headers if pair[0] not in HOP_BY_HOP - {b"content-length"} and pair[0] != b"date"
    ]
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.whole:
            await send({"type": "http.response.body", "body": await answer.read()})
            return
        left = asyncio.ensure_future(_client_left(receive))
        left.add_done_callback(lambda _: exchange.close())
        try:
            async for chunk in answer.chunks():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            left.cancel()
    except (ConnectionFailed, TimedOut):
        # The status is on its way already. Ending without the rest makes uvicorn close the connection, which is how
        # a client sees that the answer is not whole.
        return
    finally:
        exchange.close()


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Server(uvicorn.Server):
    """uvicorn's server without its signal handlers and its ten ticks a second; the runtime decides when it ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()
        self._clock: asyncio.Task[None] | None = None

    async def begin(self, listener: socket.socket) -> None:
        """Serve `listener` from now on."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[listener])
        self._clock = asyncio.create_task(self.main_loop())

    async def end(self) -> None:
        """Take no more connections, let requests end, and return when all is closed."""
        self._ending.set()
        if self._clock is not None:
            await self._clock
            await self.shutdown()

    async def main_loop(self) -> None:
        """Keep the Date header right until `end`."""
        while not self._ending.is_set():
            self.server_state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode())]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._ending.wait()


def _config(app: Application, ws: Any, grace_s: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws=ws,
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=grace_s,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=2048,
    )


def public_server(answer: Answerer, sockets: SocketDoor, grace_s: int) -> Server:
    """The server behind the front door's port."""
    app = Application(answer, public=True, largest_body=LARGEST_BODY)
    return Server(_config(app, functools.partial(Splice, sockets), grace_s))


def internal_server(answer: Answerer, grace_s: int) -> Server:
    """The server of the Unix socket by which instances post batches of events."""
    return Server(_config(Application(answer, public=False, largest_body=LARGEST_BATCH), "none", grace_s))
