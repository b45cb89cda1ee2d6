"""Runs the gateway: uvicorn in this process, on the port that the runtime gives."""

import asyncio
import gc
import socket
import sys

import uvicorn
from pydantic import ValidationError
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from realtime_gateway.app import Gateway, create_app
from realtime_gateway.protocol import MAX_MESSAGE
from realtime_gateway.settings import Settings
from trackway.storage import open_store
from trackway.telemetry.logs import configure, last_words
from trackway.telemetry.tracing import open_tracing

FAILED, USAGE = 1, 2
SERVICE = "realtime-gateway"


class LiveProtocol(WebSocketsSansIOProtocol):
    """Drops the connection of a client that still does not read when the application has given it up: its close frame,
    and what stands before it, would wait in memory for ever."""

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        if not self.writable.is_set():
            self.transport.abort()


class Server(uvicorn.Server):
    """Tells the live sockets that the gateway is going away (1001) before uvicorn closes what is left (1012)."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # the framework's objects stay: else the collector goes through them again and again

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._gateway.sockets.close()
        await super().shutdown(sockets)


def server_for(settings: Settings, app: Gateway) -> Server:
    """The server, ready to run. Compression is off: the frames are small, and it costs a buffer for every socket."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws=LiveProtocol,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
    )
    return Server(config, app)


def main() -> int:
    """Exit code 0 after a signal, 1 when it cannot start, 2 when a setting is wrong."""
    try:
        configure(SERVICE)
        settings = Settings()
        store = open_store(settings.store)
        tracing = open_tracing(SERVICE)
    except ValidationError as error:
        last_words(f"{SERVICE}: {_sentence(error)}")
        return USAGE
    except ValueError as error:
        last_words(f"{SERVICE}: {error}")
        return USAGE
    server = server_for(settings, create_app(settings, store, tracing=tracing))
    server.run()
    return 0 if server.started else FAILED


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return ": ".join(filter(None, (where, first["msg"].removeprefix("Value error, "))))


if __name__ == "__main__":
    sys.exit(main())
