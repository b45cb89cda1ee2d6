"""A request in its turn on a connection: one that is answered from there, or one that is passed on to the framework."""

import logging
from collections.abc import Callable, Coroutine
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from trackway.events import Event
from trackway.functions.exchange import Answered, Received
from trackway.functions.heads import Headers
from trackway.functions.host import Function, answer_of, too_large
from trackway.functions.meter import EVENTS, ONE_IN, REQUEST
from trackway.functions.routes import HotRoute
from trackway.functions.served import Served
from trackway.functions.turns import Turn
from trackway.telemetry.trace_context import in_trace, valid
from trackway.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_log = logging.getLogger(__name__)


class Line(Protocol):
    """The connection that a request came over, as far as the request needs it."""

    def run(self, work: Coroutine[Any, Any, None]) -> None: ...

    def settled(self) -> None:
        """The request has its answer."""
        ...


class OwnRequest(Turn):
    """A request that is answered without the framework. Having emitted a hot route's event, it is told what became of
    it: it is the emission."""

    is_over = False
    _chunks: list[bytes] | None = None
    _begun = 0.0
    _served: Served | None = None

    def __init__(
        self,
        function: Function,
        line: Line,
        method: bytes,
        path: bytes,
        query: bytes,
        headers: Headers,
        hot: HotRoute | None = None,
        most: int = 0,
        trace: bytes | None = None,
    ) -> None:
        """``hot`` is the short way, if there is one, ``most`` how many bytes the body may have, ``trace`` the
        traceparent."""
        self._function = function
        self._line = line
        self._method = method
        self._path = path
        self._query = query
        self._headers = headers
        self._hot = hot
        self._most = most
        self._trace = trace

    @property
    def is_hot(self) -> bool:
        """Whether there is a short way."""
        return self._hot is not None

    def expect(self, length: int) -> None:
        """The body will have so many bytes."""
        if length > self._most:
            self.refuse(too_large(self._most))

    def take(self, chunk: bytes) -> None:
        """A part of the body. What is too large is answered at once, and passes by."""
        if self.answer is not None:
            return
        if self.size + len(chunk) > self._most:
            self._chunks = None
            self.size = 0
            self.refuse(too_large(self._most))
            return
        self.size += len(chunk)
        if self._chunks is None:
            self._chunks = [chunk]
        else:
            self._chunks.append(chunk)

    def begin(self) -> None:
        if self._hot is None or self._chunks or not self._emit(self._hot):
            self._begun = perf_counter()
            self._line.run(self._answer())

    def refuse(self, answered: Answered) -> None:
        """Answer so."""
        self.answer = answered.wire()
        kind = EVENTS if self._hot is None and self._method else REQUEST
        self._function.meter.answered(kind, answered.status, perf_counter() - self._begun if self._begun else None)
        self._line.settled()

    def arrived(self) -> None:
        """The broker has the event."""
        assert self._hot is not None  # noqa: S101 - only a hot route's event is emitted from here; narrows the type
        self.answer = self._hot.answer
        meter = self._function.meter
        meter.answered_shortly += 1
        if self._begun:
            meter.timed(perf_counter() - self._begun)
        if self._served is not None:
            self._served.answered(200)
        self._line.settled()

    def failed(self, error: Exception) -> None:
        """The broker does not have the event."""
        if self._served is not None:
            self._served.failed(error)
        self.refuse(answer_of(error, self._what))

    def _emit(self, hot: HotRoute) -> bool:
        deps = self._function.deps
        try:
            event = hot.read(self._query, deps)
        except Exception:
            _log.exception("bug on the short way of %s", self._what)  # the long way remains
            return False
        if event is None:
            return False
        if self._trace is not None or deps.tracing is not None:
            event = self._in_trace(event, deps.tracing)
        meter = self._function.meter
        if not meter.begun % ONE_IN:
            self._begun = perf_counter()
        meter.begun += 1
        deps.sink.post(event, self)
        return True

    def _in_trace(self, event: Event, tracing: Tracing | None) -> Event:
        trace = None if self._trace is None else valid(self._trace.decode("latin-1"))
        if tracing is not None:
            self._served = Served(tracing, self._method.decode(), self._asked, trace)
            trace = self._served.traceparent
        return in_trace([event], trace)[0]

    async def _answer(self) -> None:
        chunks, self._chunks = self._chunks or [b""], None
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        received = Received(
            self._method.decode(), self._asked, self._query.decode("latin-1"), decoded(self._headers), body
        )
        answered = await self._function.answer(received)
        try:
            self.refuse(answered)
        except ValueError as error:  # an answer that cannot be written is a bug like any other
            self.refuse(answer_of(error, self._what))

    @property
    def _asked(self) -> str:
        return unquote(self._path.decode("latin-1"))

    @property
    def _what(self) -> str:
        return f"{self._method.decode()} {self._asked}"


class HealthQuestion(OwnRequest):
    """Whether requests may be sent here: answered at once, and not counted, since the runtime asks it."""

    def begin(self) -> None:
        self.answer = self._function.health().wire()
        self._line.settled()


class PassedOn(Turn):
    """A request that the framework's application answers."""

    is_passed_on = True

    def __init__(self, cycle: "RequestResponseCycle", start: Callable[[], None]) -> None:
        self.cycle = cycle
        self._start = start

    def begin(self) -> None:
        self._start()


def decoded(headers: Headers) -> dict[str, str]:
    """The headers as text; of several of the same name the last counts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
