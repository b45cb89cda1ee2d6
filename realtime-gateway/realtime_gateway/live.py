"""The WebSocket /v1/live: says hello, watches, sends what is new, and never holds more than one message for anybody."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from random import random
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace
from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime_gateway.codecs import JSON, Codec, InvalidWatch, Message, codec_for
from realtime_gateway.live_view import LiveView, Session
from realtime_gateway.protocol import GOING_AWAY, INVALID_WATCH, NO_WATCH, TOO_MANY, TOO_SLOW, Close, Watch

REASON_BYTES = 123
"""What a close frame has room for (RFC 6455, 5.5)."""


class LiveSockets:
    """The sockets of one live view.

    ``patience`` is how many seconds a client may take to say its first watch, and to read a message. ``origins`` are
    pages of other hosts that may connect, as ``https://host[:port]``. At the end sockets are closed over ``drain``
    seconds.
    """

    def __init__(
        self,
        view: LiveView,
        *,
        most: int = 1000,
        patience: float = 10.0,
        origins: frozenset[str] = frozenset(),
        drain: float = 0.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._view = view
        self.most = most
        self.patience = patience
        self._origins = origins
        self._meter = view.meter
        self._drain = drain
        self.pause = pause
        self._closing = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    async def serve(self, socket: WebSocket) -> None:
        """One socket, from its opening to its end."""
        if not self._is_welcome(socket):
            await socket.close()  # before it is accepted: the answer is 403
            return
        offered: list[str] = socket.scope["subprotocols"]
        codec = codec_for(offered)
        await socket.accept(codec.subprotocol if codec.subprotocol in offered else None)
        self._meter.opened += 1
        self._meter.connections += 1
        self._empty.clear()
        ended = "client"
        try:
            why = await _first_of(self._converse(socket, codec), self._until_closing())
            if why is not None:
                ended = str(why.code)
                with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
                    async with asyncio.timeout(1):
                        await socket.close(why.code, _short(why.reason))
        finally:
            self._meter.ended(ended)
            self._meter.connections -= 1
            if not self._meter.connections:
                self._empty.set()

    async def close(self, within: float = 2.0) -> None:
        """The gateway is going away: tell all sockets, one after the other, and wait until they are told."""
        self._closing.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain + within):
                await self._empty.wait()

    def _is_welcome(self, socket: WebSocket) -> bool:
        # A browser sends Origin with every WebSocket, and nothing else keeps a foreign page from opening one.
        origin = socket.headers.get("origin")
        return origin is None or origin in self._origins or urlsplit(origin).netloc == socket.headers.get("host")

    async def _converse(self, socket: WebSocket, codec: Codec) -> Close | None:
        """Until one side has enough: why the socket is to be closed, or None when the client is gone already."""
        if self._meter.connections > self.most:
            return TOO_MANY
        try:
            async with asyncio.timeout(self.patience):
                first = codec.watch(await _receive(socket))
        except TimeoutError:
            return NO_WATCH
        except InvalidWatch as error:
            return _invalid(error)
        except WebSocketDisconnect:
            return None
        session = self._view.join(codec, first)
        try:
            return await _first_of(self._listen(socket, codec, session), self._speak(socket, session))
        finally:
            self._view.leave(session)

    async def _listen(self, socket: WebSocket, codec: Codec, session: Session) -> Close | None:
        try:
            while True:
                said = codec.said(await _receive(socket))
                if isinstance(said, Watch):
                    session.watch(said)
                else:
                    self._meter.aged(said.ages_ms, session)
        except InvalidWatch as error:
            return _invalid(error)
        except WebSocketDisconnect:
            return None

    async def _speak(self, socket: WebSocket, session: Session) -> Close | None:
        try:
            encoding = "json" if session.subscriber.codec is JSON else "msgpack"
            async for message in session.messages():
                async with asyncio.timeout(self.patience):
                    await _send(socket, message)
                self._meter.sent(encoding, len(message))
        except TimeoutError:
            return TOO_SLOW
        except (WebSocketDisconnect, RuntimeError):  # starlette's word for a socket that was closed meanwhile
            return None
        return None

    async def _until_closing(self) -> Close:
        """A moment of its own for each socket, which goes on until then."""
        await self._closing.wait()
        await self.pause(self._drain * random())  # noqa: S311 - spreads, and keeps no secret
        return GOING_AWAY


async def _first_of(*ways: Coroutine[Any, Any, Close | None]) -> Close | None:
    """What the first to end says; the others are cancelled, and their ends awaited."""
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _receive(socket: WebSocket) -> Message:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
    text: str | None = message.get("text")
    return message["bytes"] if text is None else text


async def _send(socket: WebSocket, message: Message) -> None:
    if isinstance(message, str):
        await socket.send_text(message)
    else:
        await socket.send_bytes(message)


def _invalid(error: InvalidWatch) -> Close:
    return replace(INVALID_WATCH, reason=str(error))


def _short(reason: str) -> str:
    return reason.encode()[:REASON_BYTES].decode(errors="ignore")
