"""How a process says that it is ready, without being asked again and again: systemd's `READY=1` on `NOTIFY_SOCKET`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from typing import Final

VARIABLE: Final = "NOTIFY_SOCKET"
MESSAGE: Final = b"READY=1"
LARGEST: Final = 4096


class ReadySocket:
    """A socket of one process's own (sd_notify(3)). Linux only; on other systems nobody is told of it."""

    def __init__(self) -> None:
        self.told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.environment: dict[str, str] = {}
        self._socket: socket.socket | None = None
        if sys.platform != "linux":
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind("")  # the kernel chooses a name, in the abstract namespace: there is no file to clean up
        name: bytes = self._socket.getsockname()
        self.environment = {VARIABLE: "@" + name[1:].decode()}
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Listen no longer."""
        if self._socket is not None:
            self.told.get_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if not self.told.done():
            self.told.cancel()

    def _read(self) -> None:
        assert self._socket is not None  # noqa: S101 only an open one is read; narrows the type
        with contextlib.suppress(BlockingIOError):
            message = self._socket.recv(LARGEST)
            if MESSAGE in message.split(b"\n") and not self.told.done():
                self.told.set_result(None)
