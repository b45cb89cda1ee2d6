"""What the gateway counts: sockets, frames, what slow readers were spared, the feed, and HTTP requests."""

from collections.abc import Callable, Iterable
from time import monotonic, perf_counter
from typing import Final, Protocol

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime_gateway.protocol import REPORT_EVERY
from trackway.metrics import Histogram, Reading, Readings
from trackway.metrics.names import (
    AGES,
    DURATIONS,
    GATEWAY_AGE_REPORTS,
    GATEWAY_ARRIVAL_AGE,
    GATEWAY_CLOSED,
    GATEWAY_CONNECTIONS,
    GATEWAY_CONNECTIONS_LIMIT,
    GATEWAY_DURATION,
    GATEWAY_EVENTS,
    GATEWAY_FRAME_BYTES,
    GATEWAY_FRAMES,
    GATEWAY_OPENED,
    GATEWAY_POSITION_AGE,
    GATEWAY_REQUESTS,
    Metric,
)

FEED_PATH: Final = "/feed"
FILES: Final = "files"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Reporter(Protocol):
    """Who reports ages: a socket, as far as its turn goes."""

    next_report: float


class Meter:
    """Plain figures, added to in place by who has something to count."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.connections = 0
        self.opened = 0
        self.closed: dict[str, int] = {"client": 0}
        self.frames: dict[str, int] = {}
        self.frame_bytes: dict[str, int] = {}
        self.events_applied = 0
        self.events_passed_over = 0
        self.arrival_age = Histogram(AGES)
        self.position_age = Histogram(AGES)
        self.age_reports = {"taken": 0, "too_many": 0}
        self._requests: dict[tuple[str, str, str], int] = {}
        self._durations: dict[str, Histogram] = {}

    def sent(self, encoding: str, size: int) -> None:
        """A message of ``size`` bytes (of characters, where it is text) was written to a socket."""
        self.frames[encoding] = self.frames.get(encoding, 0) + 1
        self.frame_bytes[encoding] = self.frame_bytes.get(encoding, 0) + size

    def ended(self, code: str) -> None:
        """A socket is closed."""
        self.closed[code] = self.closed.get(code, 0) + 1

    def aged(self, ages_ms: Iterable[float], reporter: Reporter) -> None:
        """A client has reported how old positions are with it; more often than REPORT_EVERY it is not listened to."""
        now = self._clock()
        if now < reporter.next_report:
            self.age_reports["too_many"] += 1
            return
        reporter.next_report = now + REPORT_EVERY
        self.age_reports["taken"] += 1
        for age_ms in ages_ms:
            self.position_age.observe(age_ms / 1000)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """An HTTP request was answered."""
        key = route, method if method in _METHODS else "other", str(status)
        self._requests[key] = self._requests.get(key, 0) + 1
        histogram = self._durations.get(route)
        if histogram is None:
            histogram = self._durations[route] = Histogram(DURATIONS)
        histogram.observe(seconds)

    def readings(self, most_connections: int) -> Readings:
        """How the figures stand."""
        yield GATEWAY_CONNECTIONS, (), self.connections
        yield GATEWAY_CONNECTIONS_LIMIT, (), most_connections
        yield GATEWAY_OPENED, (), self.opened
        yield from _by(GATEWAY_CLOSED, self.closed)
        yield from _by(GATEWAY_FRAMES, self.frames)
        yield from _by(GATEWAY_FRAME_BYTES, self.frame_bytes)
        yield GATEWAY_EVENTS, ("applied",), self.events_applied
        yield GATEWAY_EVENTS, ("passed_over",), self.events_passed_over
        yield GATEWAY_ARRIVAL_AGE, (), self.arrival_age
        yield GATEWAY_POSITION_AGE, (), self.position_age
        yield from _by(GATEWAY_AGE_REPORTS, self.age_reports)
        for labels, count in self._requests.items():
            yield GATEWAY_REQUESTS, labels, count
        for route, histogram in self._durations.items():
            yield GATEWAY_DURATION, (route,), histogram


def _by(metric: Metric, counts: dict[str, int]) -> list[Reading]:
    return [(metric, (label,), count) for label, count in counts.items()]


class Measured:
    """Counts and times the HTTP requests of the application behind it, the feed's too."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()

        async def noticing(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._meter.answered(_route(scope), scope["method"], message["status"], perf_counter() - begun)
            await send(message)

        await self._app(scope, receive, noticing)


def _route(scope: Scope) -> str:
    """The template of the path, of which there are as many as routes; what has none is a file, found or not."""
    route: BaseRoute | None = scope.get("route")
    path: str | None = getattr(route, "path", None)
    return path or (scope["path"] if scope["path"] == FEED_PATH else FILES)
