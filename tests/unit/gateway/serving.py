"""A real gateway in the test's own event loop: uvicorn on a free port, a store in memory, and clients for both."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from realtime_gateway.__main__ import Server, server_for
from realtime_gateway.app import Gateway, create_app
from realtime_gateway.codecs import JSON, Codec
from realtime_gateway.protocol import Frame, Watch
from realtime_gateway.settings import Settings
from tests.unit.gateway.facts import NOON
from trackway.events import Event, event_of
from trackway.storage.memory import InMemoryStore
from trackway.storage.port import RouteSummary, Store, StoreUnavailable, TripView

TENANT = "default"


class Clock:
    """Noon, until a test says otherwise."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Fragile(InMemoryStore):
    """A store that cannot be reached while ``is_away``."""

    is_away = False

    async def open_trips(self, tenant: str, vehicle_ids: Sequence[str] | None = None) -> list[TripView]:
        if self.is_away:
            raise StoreUnavailable("busy")
        return await super().open_trips(tenant, vehicle_ids)

    async def routes(self, tenant: str) -> list[RouteSummary]:
        if self.is_away:
            raise StoreUnavailable("busy")
        return await super().routes(tenant)


class Serving:
    """A gateway that runs, with everything a test wants to hold."""

    def __init__(self, gateway: Gateway, server: Server, store: Store, clock: Clock) -> None:
        self.gateway, self.server, self.store, self.clock = gateway, server, store, clock
        self.port: int = server.servers[0].sockets[0].getsockname()[1]
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    async def feed(self, *facts: Any, name: str = "") -> None:
        """Post facts as the broker does, in a batch."""
        events = [fact_event(fact, f"{name}-{number}") for number, fact in enumerate(facts)]
        self.gateway.view.receive(events)

    async def settled(self) -> None:
        """Return when the gateway has noticed that no socket is open."""
        async with asyncio.timeout(5):
            while self.gateway.view.meter.connections:
                await asyncio.sleep(0.001)  # the end of another task; nothing tells of it

    def socket(self, codec: Codec = JSON, **options: Any) -> connect:
        """A client's socket; no compression and no proxy."""
        options = {"compression": None, "proxy": None, **options}
        return connect(f"ws://127.0.0.1:{self.port}/v1/live", subprotocols=[codec.subprotocol], **options)


async def say(socket: ClientConnection, watch: Watch, codec: Codec = JSON) -> None:
    await socket.send(codec.ask(watch))


async def hear(socket: ClientConnection, codec: Codec = JSON) -> Frame:
    async with asyncio.timeout(5):
        return codec.frame(await socket.recv())


def fact_event(fact: Any, id: str) -> Event:
    who = getattr(fact, "vehicle_id", fact.__struct_fields__[0])
    return event_of(fact, id=id, source="/test", subject=who, partitionkey=who, time=NOON)


@asynccontextmanager
async def serving(store: Store | None = None, **settings: Any) -> AsyncGenerator[Serving]:
    """Start, wait until it serves, and stop."""
    clock = Clock()
    store = store or InMemoryStore()
    missing = Path("/nonexistent")
    options = {"port": 0, "time_zone": "UTC", "frontend": missing, "map": missing, **settings}
    wanted = Settings(**options)
    gateway = create_app(wanted, store, clock)
    server = server_for(wanted, gateway)
    task = asyncio.create_task(server.serve())
    while not server.started and not task.done():
        await asyncio.sleep(0.001)  # uvicorn has no event for it
    if task.done():
        task.result()
        raise AssertionError("the gateway did not start")
    running = Serving(gateway, server, store, clock)
    try:
        yield running
    finally:
        await running.http.aclose()
        server.should_exit = True
        await task
