"""A function as the world meets it: events and requests in, one table of answers out, whatever server carries them."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from os import environ
from typing import Final

from trackway.events import BATCH_MEDIA_TYPE, STRUCTURED_MEDIA_TYPE, Event, InvalidEvent, from_http, to_binary
from trackway.functions.deps import Deps
from trackway.functions.exchange import Answered, Received
from trackway.functions.meter import Meter
from trackway.functions.problem import Refused, problem, problem_of
from trackway.functions.routes import Routes
from trackway.functions.served import Served
from trackway.functions.settings import Settings
from trackway.telemetry.delivered import delivered
from trackway.telemetry.logs import About, about
from trackway.telemetry.trace_context import carried_on, in_trace, valid

LARGEST_REQUEST: Final = 1024 * 1024
LARGEST_DELIVERY: Final = 64 * 1024 * 1024
"""Bytes; a delivery may hold a batch, each event of which the broker has taken before."""

Handler = Callable[[Sequence[Event], Deps], Awaitable[Iterable[Event]]]
Salvage = Callable[[Received, InvalidEvent], Event]

_log = logging.getLogger(__name__)
_DONE: Final = Answered(204, [])


class Function:
    """What one folder under functions/ serves: a handler of events, routes, or both.

    ``salvage`` makes an event of a delivery that cannot be read; without it such a delivery is answered 400.
    """

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.salvage: Salvage | None = None
        self.routes = Routes()
        self.meter = Meter()
        self._deps: Deps | None = None

    @property
    def deps(self) -> Deps:
        """Made from the environment on first use, unless set before. Raises InvalidSettings."""
        if self._deps is None:
            self._deps = Deps(Settings.from_environment(environ))
        return self._deps

    @deps.setter
    def deps(self, deps: Deps) -> None:
        self._deps = deps

    def is_delivery(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request brings events: it says so, or the function takes nothing else."""
        if self.handler is None or method != "POST":
            return False
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        says_so = media_type in {BATCH_MEDIA_TYPE, STRUCTURED_MEDIA_TYPE} or any(
            name.startswith("ce-") for name in headers
        )
        return says_so or self.routes.is_empty

    def health(self) -> Answered:
        """What is told to who asks whether requests may be sent here. A store or a broker that is away is no reason
        against it: no other instance would have one, and each request is told by itself."""
        if self.deps.draining:
            return problem(503, "this instance ends; another one takes requests")
        return _DONE

    async def answer(self, received: Received) -> Answered:
        """The answer to a request. Never raises: what the function raises is turned into a status here."""
        delivery = self.is_delivery(received.method, received.headers)
        task = About()
        token = about.set(task)
        why = ""
        try:
            answered = await (self._deliver(received, task) if delivery else self._serve(received, task))
        except Exception as error:
            why = f" for {type(error).__name__}"
            answered = problem_of(error, for_event=delivery) or _bug(
                error, self._what(received, delivery), for_event=delivery
            )
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s is answered %d%s", self._what(received, delivery), answered.status, why)
        about.reset(token)
        return answered

    async def _deliver(self, received: Received, task: About) -> Answered:
        """Hand events to the handler; what it emits is the reply if that can be one, else posted to the broker
        first."""
        assert self.handler is not None  # noqa: S101 - is_delivery says so; narrows the type
        events = self._events(received)
        if not events:
            return _DONE
        self.meter.events += len(events)
        task.events = events
        tracing = self.deps.tracing
        if tracing is None:
            return await self._handle(events, received)
        with delivered(tracing, events) as spans:
            return await self._handle(events, received, spans)

    async def _handle(
        self, events: Sequence[Event], received: Received, spans: Mapping[str, str] | None = None
    ) -> Answered:
        assert self.handler is not None  # noqa: S101 - as above
        emitted = carried_on(await self.handler(events, self.deps), events, spans)
        if len(emitted) == 1 and _may_reply(received.headers):
            headers, body = to_binary(emitted[0])
            return Answered(200, headers, body)
        if emitted:
            await self.deps.sink.emit(emitted)
        return _DONE

    def _events(self, received: Received) -> list[Event]:
        try:
            return from_http(received.headers, received.body)
        except InvalidEvent as error:
            if self.salvage is None:
                raise
            return [self.salvage(received, error)]

    async def _serve(self, received: Received, task: About) -> Answered:
        if self.routes.is_empty:
            raise Refused(
                405, f"{received.method} is not served here, only POST of CloudEvents", headers={"allow": "POST"}
            )
        trace, tracing = valid(received.headers.get("traceparent")), self.deps.tracing
        task.traceparent = trace
        if tracing is None:
            return await self._ask(received, trace)
        served = Served(tracing, received.method, self.routes.template(received.method, received.path), trace)
        task.traceparent = served.traceparent
        try:
            answered = await self._ask(received, served.traceparent)
        except Exception as error:
            served.failed(error)
            raise
        served.answered(answered.status)
        return answered

    def _what(self, received: Received, delivery: bool) -> str:
        """What was asked, without what somebody filled in: a path may hold a secret."""
        known = None if delivery else self.routes.template(received.method, received.path)
        return f"{received.method} {known or ('of events' if delivery else 'of what is not served')}"

    async def _ask(self, received: Received, trace: str | None) -> Answered:
        answer = await self.routes.serve(received, self.deps)
        if answer.events:
            await self.deps.sink.emit(in_trace(answer.events, trace))
        return answer.encoded()


def largest_body(*, delivery: bool) -> int:
    """How many bytes the body of a delivery, or of any other request, may have."""
    return LARGEST_DELIVERY if delivery else LARGEST_REQUEST


def too_large(most: int) -> Answered:
    """What is told to somebody whose request's body is larger than that."""
    return problem(413, f"the body has more than {most} bytes, the most that is read here")


def long_head(most: int) -> Answered:
    """What is told to somebody whose request's target and headers have more bytes than that."""
    return problem(431, f"the request's target and headers have more than {most} bytes, the most that is read")


def answer_of(error: Exception, what: str) -> Answered:
    """What is told to somebody who asked ``what`` over HTTP; what no table knows is a bug, and is logged."""
    return problem_of(error, for_event=False) or _bug(error, what, for_event=False)


def _bug(error: Exception, what: str, *, for_event: bool) -> Answered:
    _log.error("bug while answering %s", what, exc_info=error)
    return problem(
        500, f"{type(error).__name__}: {error}" if for_event else "an error on our side; the function's log has it"
    )


def _may_reply(headers: Mapping[str, str]) -> bool:
    """Whether the one who delivers reads an event in the answer: Knative says so, but not for a batch."""
    batch = headers.get("content-type", "").startswith(BATCH_MEDIA_TYPE)
    return not batch and "reply" in headers.get("prefer", "")
