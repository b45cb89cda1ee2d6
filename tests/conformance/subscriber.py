"""The suite's subscriber: an HTTP server that keeps whatever is delivered, and answers as a test has planned."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar
from urllib.parse import unquote

T = TypeVar("T")


@dataclass(frozen=True)
class Planned:
    """An answer; with `gate` only once that is set, with `hang_up` none but a closed connection."""

    status: int = 202
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    gate: threading.Event | None = None
    hang_up: bool = False


@dataclass(frozen=True)
class Delivery:
    """A request that came, `number` being its place among all of them and `at` its time (monotonic seconds)."""

    number: int
    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The event's id."""
        return self.attributes.get("id", "")

    @property
    def attributes(self) -> dict[str, str]:
        """The event's attributes as CloudEvents' HTTP binding decodes them, binary mode."""
        found = {name[3:]: unquote(value) for name, value in self.headers.items() if name.startswith("ce-")}
        if "content-type" in self.headers:
            found["datacontenttype"] = self.headers["content-type"]
        return found


@dataclass
class _Kept:
    deliveries: list[Delivery] = field(default_factory=list)
    plan: list[Planned] = field(default_factory=list)


class Subscriber:
    """Listens on `host:port`. A path stands for one Trigger's subscriber, or for one dead letter sink."""

    def __init__(self, host: str, port: int, patience: float) -> None:
        self._patience = patience
        self._changed = threading.Condition()
        self._kept: defaultdict[tuple[str, str], _Kept] = defaultdict(_Kept)
        self._count = 0
        server = self._server = _Server((host, port), _handler(self))
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def plan(self, path: str, id: str, *answers: Planned) -> None:
        """Answer deliveries of event `id` at `path` so, one after the other, the last one for ever; else it is 202."""
        with self._changed:
            self._kept[path, id].plan = list(answers)

    def deliveries(self, path: str, id: str) -> list[Delivery]:
        """What came so far of event `id` at `path`, in order."""
        with self._changed:
            return list(self._kept[path, id].deliveries)

    def all_at(self, path: str) -> list[Delivery]:
        """What came so far at `path`, in order."""
        with self._changed:
            found = [one for (at, _), kept in self._kept.items() if at == path for one in kept.deliveries]
            return sorted(found, key=lambda one: one.number)

    def wait(self, path: str, id: str, count: int = 1) -> list[Delivery]:
        """The deliveries of event `id` at `path` once there are `count` of them."""
        return self.until(
            lambda: found if len(found := self.deliveries(path, id)) >= count else None,
            f"{count} deliveries of event {id} at {path}",
        )

    def until(self, ask: Callable[[], T | None], what: str) -> T:
        """What `ask` gives as soon as it is true, asked again after each delivery."""
        end = time.monotonic() + self._patience
        with self._changed:
            while not (found := ask()):
                left = end - time.monotonic()
                assert left > 0, f"waited {self._patience:g} s in vain for {what}; {self._summary()}"
                self._changed.wait(left)
            return found

    def receive(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Planned:
        """Keep a delivery, and give its answer (called by the server)."""
        with self._changed:
            delivery = Delivery(self._count, time.monotonic(), method, path, headers, body)
            self._count += 1
            kept = self._kept[path, delivery.id]
            kept.deliveries.append(delivery)
            self._changed.notify_all()
            if not kept.plan:
                return Planned()
            return kept.plan.pop(0) if len(kept.plan) > 1 else kept.plan[0]

    def _summary(self) -> str:
        last = sorted((one for kept in self._kept.values() for one in kept.deliveries), key=lambda one: one.number)
        return f"{self._count} deliveries came, the last ones {[(one.path, one.id) for one in last[-5:]]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1_024

    def handle_error(self, request: object, client_address: object) -> None:
        """A broker that closes its connection in the middle is for the test to notice."""


def _handler(subscriber: Subscriber) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            planned = subscriber.receive(self.command, self.path, headers, self.read_body())
            if planned.gate is not None:
                planned.gate.wait()
            if planned.hang_up:
                # A reset, which nobody can take for the end of an answer.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            lines = [f"HTTP/1.1 {planned.status} planned"]
            lines += [f"{name}: {value}" for name, value in planned.headers]
            if planned.status not in {204, 304}:
                lines.append(f"Content-Length: {len(planned.body)}")
            self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + planned.body)

        do_POST = do_GET = do_PUT = do_OPTIONS = do_HEAD = handle_any  # noqa: N815 - the base class looks for these

        def read_body(self) -> bytes:
            if self.headers.get("transfer-encoding", "").lower() == "chunked":
                parts: list[bytes] = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("content-length", "0")))

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a test says what is of interest."""

    return Handler
