"""One write for an answer: uvicorn writes head and body apart, which may cost 40 ms a hop."""

import asyncio
from typing import Any


class JoiningTransport:
    """A transport that holds an answer's head back until its body is written, or else until the turn of the loop
    ends."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self._head = data
            asyncio.get_running_loop().call_soon(self.release)
            return
        self.transport.write(data)

    def close(self) -> None:
        self.release()
        self.transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def release(self) -> None:
        """Write what is held back."""
        if self._head:
            head, self._head = self._head, b""
            self.transport.write(head)
