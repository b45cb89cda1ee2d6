"""A small HTTP/1.1 server on the event loop: whole requests in, answers out in order, whatever their handler needs.

Every event passes here, and a general server with its application interface costs four times as much a request.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

from knative_local.http1_answer import Date
from knative_local.http1_connection import Connection
from knative_local.http1_handlers import Answerer, Hot, Refuser, Taker, Upgrader

SWEEP_S: Final = 5.0


class HttpServer:
    """Serves one listening socket."""

    def __init__(
        self,
        answer: Answerer,
        *,
        largest_body: int,
        refuse: Refuser | None = None,
        open_socket: Upgrader | None = None,
        hot: Hot | None = None,
    ) -> None:
        """`refuse` looks at each head first, but of requests that are `hot`; `open_socket` makes what takes a WebSocket
        over."""
        self.answer = answer
        self.refuse = refuse
        self.open_socket = open_socket
        self.hot = hot
        self.largest_body = largest_body
        self.ending = False
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self.date = Date()
        self._connections: set[Connection] = set()
        self._taken: set[Taker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None

    async def begin(self, listener: socket.socket) -> None:
        """Serve `listener`, which listens already, from now on."""
        factory: Callable[[], Connection] = lambda: Connection(self)  # noqa: E731 - shorter than a method with a docstring
        if listener.family == socket.AF_UNIX:
            self._server = await self.loop.create_unix_server(factory, sock=listener)
        else:
            self._server = await self.loop.create_server(factory, sock=listener)

    async def end(self, grace_s: float) -> None:
        """Take no more connections, give requests `grace_s` seconds to end, and return when all is closed."""
        self.ending = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close_if_idle()
        for taker in list(self._taken):
            taker.shutdown()
        if self._connections:
            self._empty = self.loop.create_future()
            await asyncio.wait((self._empty,), timeout=grace_s)
        for connection in list(self._connections):
            connection.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sweeping is not None:
            self._sweeping.cancel()

    def opened(self, connection: Connection) -> None:
        """A connection is there (called by connections)."""
        self._connections.add(connection)
        if self._sweeping is None:
            self._sweeping = self.loop.call_later(SWEEP_S, self._sweep)

    def closed(self, connection: Connection) -> None:
        """A connection is gone (called by connections)."""
        self._connections.discard(connection)
        if not self._connections and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def hand_over(self, connection: Connection, taker: Taker) -> None:
        """A connection is somebody else's from now on (called by connections)."""
        self.closed(connection)
        self._taken.add(taker)
        taker.when_lost(self._taken.discard)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work`, held on to until it ends."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _sweep(self) -> None:
        """There is a timer for this only while there are connections."""
        now = self.now()
        for connection in list(self._connections):
            connection.sweep(now)
        self._sweeping = self.loop.call_later(SWEEP_S, self._sweep) if self._connections else None
