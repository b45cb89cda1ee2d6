"""Somebody connected to a function, over a transport that keeps each write, and a broker that answers on demand."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from functions_framework.aio import create_asgi_app
from uvicorn import Config
from uvicorn.server import ServerState

from tests.unit.functions.fakes import World
from trackway.events import Event
from trackway.functions.catalogue import function_in
from trackway.functions.connection import Connection, connection_for
from trackway.functions.sink import Emission

SOURCE = """
import asyncio
from trackway.events import Event
from trackway.functions import Answer, Hot, Http

door = Http()
handled = []
gate = asyncio.Event()

def read(query, deps):
    if query == b"odd":
        return None
    if query == b"bug":
        raise ZeroDivisionError
    return Event(id=query.decode(), source="/test", type="test")

@door.get("/hot", summary="", answers={}, hot=Hot(read, Answer(200, "hot")))
@door.post("/hot", summary="", answers={}, hot=Hot(read, Answer(200, "hot")))
async def slow_way(request, deps):
    return Answer(200, "slow")

@door.get("/cold", summary="", answers={})
async def cold(request, deps):
    await gate.wait()
    return Answer(200, "cold")

@door.post("/body", body=dict, summary="", answers={})
async def body(request, deps):
    return Answer(200, request.body)

@door.on_events
async def handle(events, deps):
    handled.extend(events)
    return events[1:] if len(events) > 1 else ([events[0]] if events[0].subject == "echo" else [])
"""


class Transport:
    """What a connection writes to: each write by itself."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False
        self.is_reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in {"peername", "sockname"} else default

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.writes.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True


class HeldSink:
    """A broker that acknowledges when the test says so."""

    def __init__(self) -> None:
        self.posted: dict[str, tuple[Event, Emission]] = {}
        self.acknowledged: set[str] = set()

    def post(self, event: Event, emission: Emission) -> None:
        self.posted[event.id] = event, emission

    async def emit(self, events: Sequence[Event]) -> None: ...

    async def close(self) -> None: ...

    def acknowledge(self, *ids: str) -> None:
        for each in ids:
            self.acknowledged.add(each)
            self.posted[each][1].arrived()


class Timers:
    """An event loop whose clock stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> "Timers":
        self.timers.append((self.now + delay, callback))
        return self

    def cancel(self) -> None: ...

    def move(self, seconds: float) -> None:
        self.now += seconds
        due, self.timers = self.timers, []
        for when, callback in due:
            if when <= self.now:
                callback()
            else:
                self.timers.append((when, callback))


class Peer:
    """Somebody connected to the function ``door``."""

    def __init__(self, folder: Path) -> None:
        source = folder / "main.py"
        source.write_text(SOURCE)
        app = create_asgi_app(target="door", source=str(source), signature_type="http")
        self.module: Any = sys.modules["main"]
        self.sink = HeldSink()
        self.function = function_in(self.module, "door")
        deps = World().deps()
        deps._sink = self.sink  # pyright: ignore[reportPrivateUsage]
        self.function.deps = deps
        config = Config(app, lifespan="off", log_config=None, server_header=False, date_header=False, ws="none")
        config.timeout_keep_alive = 60
        config.load()
        self.loop, self.state = Timers(), ServerState()
        loop: Any = self.loop
        kind = connection_for(self.function)
        self._connection: Callable[[], Connection] = lambda: kind(config, self.state, {}, loop)
        self.connect()

    def connect(self) -> None:
        """Over a new connection from now on."""
        self.transport, self.connection = Transport(), self._connection()
        transport: Any = self.transport
        self.connection.connection_made(transport)

    def send(self, *requests: bytes) -> None:
        """In one piece."""
        self.connection.data_received(b"".join(requests))

    @property
    def heard(self) -> bytes:
        return b"".join(self.transport.writes)

    async def hears(self, what: bytes) -> None:
        """Return when it was told; fails when the loop goes idle before."""
        for _ in range(200):
            if what in self.heard:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{what!r} is not in {self.heard!r}")

    async def settle(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)


def get(target: str, *lines: str, version: str = "1.1", method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/{version}", "host: x", *lines, "", ""]).encode()


def answer(body: object) -> bytes:
    told = msgspec.json.encode(body)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(told), told)


HOT, SLOW, COLD = answer("hot"), answer("slow"), answer("cold")
