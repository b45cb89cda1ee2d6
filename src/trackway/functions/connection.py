"""uvicorn's connection, but for one thing: head and body of an answer leave in one write.

uvicorn writes them apart, which are two packets, and with delayed acknowledgements on the other side 40 ms a hop.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 connection over a transport that joins."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] - as uvicorn narrows it
        super().connection_made(cast(asyncio.Transport, _Joining(transport)))


class _Joining:
    """A transport that holds an answer's head back until its body is written, or else until the turn of the loop
    ends."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self._head = data
            asyncio.get_running_loop().call_soon(self._release)
            return
        self._transport.write(data)

    def close(self) -> None:
        self._release()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _release(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)
