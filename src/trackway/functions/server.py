"""The process of a function: functions-framework's app, served by uvicorn in this very process.

The framework's own command starts workers, which stay behind when their parent is killed.
"""

import gc
import socket
import sys
from asyncio import Runner, gather
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from os import environ
from pathlib import Path
from signal import SIGINT
from threading import Thread
from types import FrameType
from typing import Final

import uvicorn
import uvloop

from trackway.functions.catalogue import function_in, source_of
from trackway.functions.connection import connection_for
from trackway.functions.deps import Deps
from trackway.functions.framework import create_asgi_app
from trackway.functions.host import Function
from trackway.functions.hot_address import HotAddress
from trackway.functions.settings import Settings
from trackway.metrics import Reading
from trackway.metrics.serving import MetricsServer
from trackway.storage import MONGO
from trackway.telemetry.tracing import open_tracing

DRAIN: Final = 30
"""Seconds that what is in flight may take after SIGTERM."""


class _Server(uvicorn.Server):
    """Drains on SIGTERM and SIGINT, and says so to the function. uvicorn itself would end by raising the signal once
    more, so that a clean stop would look like a killed process."""

    hot: HotAddress | None = None

    def __init__(self, config: uvicorn.Config, deps: Deps) -> None:
        super().__init__(config)
        self._deps = deps

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Both ways in are drained side by side."""
        if self.hot is None:
            await super().shutdown(sockets)
        else:
            await gather(super().shutdown(sockets), self.hot.close(DRAIN))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del frame
        self.force_exit = self.should_exit and sig == SIGINT
        self.should_exit = True
        self._deps.draining = True


def serve(name: str, settings: Settings) -> None:
    """Serve the function until SIGTERM or SIGINT, then let what is in flight end. Raises UnknownFunction,
    TracingUnavailable, and OSError when the port is taken."""
    source = source_of(settings.folder, name)
    app = create_asgi_app(name, str(source))
    # The framework has loaded main.py under its stem as the module's name.
    function = function_in(sys.modules[Path(source).stem], name)
    function.deps = Deps(settings, tracing=open_tracing(name))
    config = uvicorn.Config(
        app,
        http=connection_for(function),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=DRAIN,
    )
    # What is loaded now stays: the collector, which was off until here, need not look at it ever again.
    gc.freeze()
    gc.enable()
    with listen(settings.host, settings.port) as listener, Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(_Server(config, function.deps), function, name, listener))


async def _run(server: _Server, function: Function, name: str, listener: socket.socket) -> None:
    deps = function.deps

    def readings() -> Iterator[Reading]:
        yield from function.meter.readings(name)
        yield from deps.readings(name)

    metrics = MetricsServer(readings)
    try:
        server.hot = await HotAddress.open(server.config, environ)
        tell_ready()
        if deps.settings.store.startswith(MONGO):
            # Its client takes 0.1 s to load. Before a cluster has found that this listens, there is time for that.
            Thread(target=import_module, args=("trackway.storage.mongo",), daemon=True).start()
        if deps.settings.metrics is not None:
            await metrics.open(deps.settings.metrics)
        await server.serve(sockets=[listener])
    finally:
        metrics.close()
        await deps.close()


def tell_ready() -> None:
    """Say that connections are taken from now on, to whoever waits for it (sd_notify(3))."""
    name = environ.get("NOTIFY_SOCKET", "")
    if name:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notice:
            notice.sendto(b"READY=1", "\0" + name[1:] if name.startswith("@") else name)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. The server is handed one, so that it might as well be an inherited one. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener
