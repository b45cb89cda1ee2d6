"""``GET /metrics`` on an address of its own, for Prometheus: a server of one page, so that a cold start stays cold."""

import asyncio
import logging
import os
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Final, cast

from trackway.metrics.address import MetricsAddress
from trackway.metrics.figures import Readings

PATIENCE: Final = 5.0
"""Seconds that somebody may take to ask, and to read."""

_LARGEST_HEAD: Final = 8192
_log = logging.getLogger(__name__)


class MetricsServer:
    """Tells ``readings`` at an address until it is closed. Its connections are good for one request each."""

    def __init__(self, readings: Callable[[], Readings]) -> None:
        self._readings = readings
        self._server: asyncio.Server | None = None

    async def open(self, address: MetricsAddress) -> None:
        """Listen. Raises OSError naming the address."""
        try:
            if address.path:
                self._server = await asyncio.start_unix_server(self._answer, address.path, limit=_LARGEST_HEAD)
            else:
                self._server = await asyncio.start_server(self._answer, address.host, address.port, limit=_LARGEST_HEAD)
        except OSError as error:
            where = address.path or f"{address.host}:{address.port}"
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(error.errno, f"cannot tell metrics on {where}: {reason}") from None

    @property
    def port(self) -> int:
        """The port that is listened on, which the kernel chose where the address said 0."""
        assert self._server is not None  # noqa: S101 - only what listens has a port; narrows the type
        return self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            with suppress(TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
                async with asyncio.timeout(PATIENCE):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(await self._message(head))
                    await writer.drain()
        except Exception:
            _log.exception("metrics cannot be told")
        finally:
            writer.close()

    async def _message(self, head: bytes) -> bytes:
        request, *lines = head.decode("latin-1").split("\r\n")
        method, _, rest = request.partition(" ")
        if rest.partition(" ")[0].partition("?")[0] != "/metrics":
            return _framed("404 Not Found", "text/plain", b"only /metrics is here\n")
        if method not in {"GET", "HEAD"}:
            return _framed("405 Method Not Allowed", "text/plain", b"only GET is served here\n", "allow: GET, HEAD\r\n")
        fields = (line.partition(":") for line in lines)
        accept = ",".join(value.strip() for name, _, value in fields if name.lower() == "accept")
        body, media_type = await self._page(accept)
        message = _framed("200 OK", media_type, body)
        return message if method == "GET" else message[: -len(body)]

    async def _page(self, accept: str) -> tuple[bytes, str]:
        # Loading takes some 25 ms, once, in which events would wait; another thread lets them through in between.
        exposition = await asyncio.to_thread(import_module, "trackway.metrics.exposition")
        expose = cast("Callable[[Readings, str], tuple[bytes, str]]", exposition.expose)
        return expose(self._readings(), accept)


def _framed(status: str, media_type: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n{more}"
    return f"{head}connection: close\r\n\r\n".encode("latin-1") + body
