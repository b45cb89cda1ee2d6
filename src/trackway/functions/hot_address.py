"""A second way in, with no hop: the listening socket that knative_local lends to a function's instances.

It is asked for over the Unix socket that ``KNATIVE_LOCAL_LISTEN`` names; ``docs/knative-local.md`` has the messages.
When the function is to end, idle connections go back, so that no client sees its connection closed.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from contextlib import suppress
from os import close as close_descriptor
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from uvicorn.server import ServerState

from trackway.functions.heads import KnownHeads

if TYPE_CHECKING:
    from uvicorn import Config

    from trackway.functions.connection import Connection

VARIABLE: Final = "KNATIVE_LOCAL_LISTEN"
SAMPLES: Final = 10
SAMPLE_EVERY: Final = 0.05
"""Seconds; so often the requests under way are counted, and every so many counts their mean is told."""

LARGEST_MESSAGE: Final = 4096
MOST_DESCRIPTORS: Final = 200
LOOKS_EVERY: Final = 0.02
_log = logging.getLogger(__name__)


class HotAddress:
    """Accepts from the lent socket with the connections that ``config`` names, apart from the server of ``PORT``."""

    def __init__(self, config: "Config", control: socket.socket) -> None:
        self._config = config
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._state = ServerState()
        own = {"is_guarded": True, "known": KnownHeads()}  # not those of who comes by way of a guard
        self._connection: Any = type("HotConnection", (config.http_protocol_class,), own)
        self._server: asyncio.Server | None = None
        self._reports: asyncio.Task[None] | None = None
        self._heard: asyncio.Event = asyncio.Event()
        self._is_over = False  # nothing more comes from the runtime

    @classmethod
    async def open(cls, config: "Config", environment: Mapping[str, str]) -> "HotAddress | None":
        """Ask for the socket and accept from it; None where there is none to be had."""
        path = environment.get(VARIABLE)
        if not path:
            return None
        if not config.loaded:
            config.load()
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            control.connect(path)
        except OSError as error:
            control.close()
            _log.warning("%s=%s cannot be asked for the listening socket: %s", VARIABLE, path, error.strerror)
            return None
        control.setblocking(False)
        hot = cls(config, control)
        hot._begin()
        return hot

    def _begin(self) -> None:
        self._loop.add_reader(self._control, self._read)
        self._reports = self._loop.create_task(self._report())

    async def close(self, drain: float) -> None:
        """Accept no more, give idle connections back, and let what is under way end within ``drain`` seconds."""
        if self._reports is not None:
            self._reports.cancel()
        if self._server is not None:
            self._server.close()
        self._say({"leaving": 1})
        with suppress(TimeoutError):
            async with asyncio.timeout(drain):
                while not self._is_over:  # connections may be on their way here
                    self._heard.clear()
                    await self._heard.wait()
        self._give_back()
        deadline = self._loop.time() + drain
        while self._state.connections and self._loop.time() < deadline:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(LOOKS_EVERY)
        for connection in self._connections():
            connection.transport.close()
        self._loop.remove_reader(self._control)
        self._control.close()

    def _connections(self) -> "list[Connection]":
        return [cast("Connection", connection) for connection in self._state.connections]

    def _give_back(self) -> None:
        """Part with idle connections; the others end with the answer that they wait for."""
        descriptors: list[int] = []
        for connection in self._connections():
            descriptor = connection.release()
            if descriptor is None:
                connection.shutdown()
            else:
                descriptors.append(descriptor)
        for begin in range(0, len(descriptors), MOST_DESCRIPTORS):
            portion = descriptors[begin : begin + MOST_DESCRIPTORS]
            self._say({"connections": len(portion)}, portion)
        for descriptor in descriptors:
            close_descriptor(descriptor)

    async def _report(self) -> None:
        """Tell how much is under way, while something is."""
        told, counted, requests = 0.0, 0, 0
        number = 0
        while True:
            await asyncio.sleep(SAMPLE_EVERY)
            counted += sum([connection.open_requests for connection in self._connections()])
            number += 1
            if number < SAMPLES:
                continue
            mean, ended = counted / SAMPLES, self._state.total_requests - requests
            number = counted = 0
            requests += ended
            if mean or ended or told:
                self._say({"concurrency": mean, "requests": ended})
            told = mean or float(ended > 0)

    def _say(self, message: Mapping[str, Any], descriptors: list[int] | None = None) -> None:
        try:
            socket.send_fds(self._control, [msgspec.json.encode(message)], descriptors or [])
        except OSError as error:
            _log.debug("the runtime hears nothing more: %s", error)
            self._end()

    def _read(self) -> None:
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._control, LARGEST_MESSAGE, MOST_DESCRIPTORS)
            except BlockingIOError:
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                self._end()
                return
            said = msgspec.json.decode(data, type=dict[str, int])
            sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
            if "listener" in said:
                self._loop.create_task(self._accept(sockets[0]))
            elif "connections" in said:
                self._say({"took": len(sockets)})
                for taken in sockets:
                    self._loop.create_task(self._adopt(taken))
            else:
                self._end()

    def _end(self) -> None:
        self._is_over = True
        self._heard.set()
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control)

    async def _accept(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        self._server = await self._loop.create_server(self._protocol, sock=listener)

    async def _adopt(self, taken: socket.socket) -> None:
        taken.setblocking(False)
        with suppress(OSError):  # its client has gone
            await self._loop.connect_accepted_socket(self._protocol, taken)

    def _protocol(self) -> asyncio.Protocol:
        return self._connection(config=self._config, server_state=self._state, app_state={}, _loop=self._loop)
