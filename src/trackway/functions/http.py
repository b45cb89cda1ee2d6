"""Declaring what a function serves: ``@on_events`` for one that only takes events, ``Http()`` for one with routes."""

from collections.abc import Callable, Mapping
from time import perf_counter
from types import UnionType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

from trackway.functions.exchange import Answered, Received
from trackway.functions.host import Function, Handler, Salvage, largest_body, too_large
from trackway.functions.meter import EVENTS, REQUEST
from trackway.functions.routes import Hot, Reader, Route, RouteHandler

if TYPE_CHECKING:
    from starlette.requests import Request as FrameworkRequest
    from starlette.responses import Response as FrameworkResponse

H = TypeVar("H", bound=RouteHandler)


class Entry(Protocol):
    """What functions-framework calls (its http signature); ``function`` is what stands behind it."""

    function: Function

    async def __call__(self, request: "FrameworkRequest") -> "FrameworkResponse": ...


def on_events(handler: Handler) -> Entry:
    """Make a function of a handler of events: ``async def persist(events, deps) -> Iterable[Event]``.

    It gets one event or a batch; what it gives goes to the broker before the delivery is answered. What it may raise,
    and what that is answered with, is the table in problem.py.
    """
    function = Function()
    function.handler = handler
    return _entry(function)


class Http:
    """Makes a function that is asked over HTTP, by the routes that are declared on it; it may take events as well."""

    function: Function

    def __new__(cls) -> Self:
        # functions-framework takes plain functions only as targets. So what Http() gives is one, and carries the
        # methods.
        declarations = super().__new__(cls)
        declarations.function = Function()
        entry = _entry(declarations.function)
        for name in ("get", "post", "put", "delete", "on_events", "on_unreadable"):
            setattr(entry, name, getattr(declarations, name))
        return cast(Self, entry)

    async def __call__(self, request: "FrameworkRequest") -> "FrameworkResponse":
        """Answer a request; this is what functions-framework calls."""
        return await _answer(self.function, request)

    def on_events(self, handler: Handler) -> Handler:
        """Declare the handler of events."""
        self.function.handler = handler
        return handler

    def on_unreadable(self, salvage: Salvage) -> Salvage:
        """Declare what makes an event of a delivery that is none, for a function that must not refuse any."""
        self.function.salvage = salvage
        return salvage

    def get(
        self,
        path: str,
        *,
        summary: str,
        answers: Mapping[int, type | None],
        body: type | UnionType | None = None,
        form: bool = False,
        hot: Hot | None = None,
    ) -> Callable[[H], H]:
        """Declare a route for GET; with ``form`` the body's fields are read from the query. See ``Route``."""
        return self._declare("GET", path, summary, answers, body, form, {}, hot)

    def post(
        self,
        path: str,
        *,
        summary: str,
        answers: Mapping[int, type | None],
        body: type | UnionType | None = None,
        form: bool = False,
        readers: Mapping[str, Reader] | None = None,
        hot: Hot | None = None,
    ) -> Callable[[H], H]:
        """Declare a route for POST. See ``Route``."""
        return self._declare("POST", path, summary, answers, body, form, readers or {}, hot)

    def put(
        self, path: str, *, summary: str, answers: Mapping[int, type | None], body: type | UnionType | None = None
    ) -> Callable[[H], H]:
        """Declare a route for PUT. See ``Route``."""
        return self._declare("PUT", path, summary, answers, body, False, {})

    def delete(self, path: str, *, summary: str, answers: Mapping[int, type | None]) -> Callable[[H], H]:
        """Declare a route for DELETE. See ``Route``."""
        return self._declare("DELETE", path, summary, answers, None, False, {})

    def _declare(
        self,
        method: str,
        path: str,
        summary: str,
        answers: Mapping[int, type | None],
        body: type | UnionType | None,
        form: bool,
        readers: Mapping[str, Reader],
        hot: Hot | None = None,
    ) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            self.function.routes.add(
                Route(
                    method=method,
                    path=path,
                    handler=handler,
                    summary=summary,
                    body=body,
                    form=form,
                    readers=readers,
                    answers=answers,
                    hot=hot,
                )
            )
            return handler

        return declare


def _entry(function: Function) -> Entry:
    async def serve(request: "FrameworkRequest") -> "FrameworkResponse":
        return await _answer(function, request)

    entry = cast(Any, serve)
    entry.function = function
    return cast(Entry, entry)


async def _answer(function: Function, request: "FrameworkRequest") -> "FrameworkResponse":
    """Read the framework's request whole, and give its response, written at once."""
    from starlette.responses import Response  # noqa: PLC0415 - the framework has loaded it; tables of routes do without

    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
    begun, delivery = perf_counter(), function.is_delivery(request.method, headers)
    body = await _body(request, largest_body(delivery=delivery))
    if isinstance(body, bytes):
        query = request.scope["query_string"].decode("latin-1")
        answered = await function.answer(Received(request.method, request.scope["path"], query, headers, body))
    else:
        answered = body
    function.meter.answered(EVENTS if delivery else REQUEST, answered.status, perf_counter() - begun)
    response = Response(status_code=answered.status)
    response.body = answered.body
    response.raw_headers = list(answered.headers)
    if answered.status != 204:
        response.raw_headers.append((b"content-length", b"%d" % len(answered.body)))
    return response


async def _body(request: "FrameworkRequest", most: int) -> bytes | Answered:
    """The whole body, with or without a Content-Length; a 413 as soon as it is known to be over ``most`` bytes."""
    chunks: list[bytes] = []
    size = int(request.headers.get("content-length", "0"))
    if size <= most:
        size = 0
        async for chunk in request.stream():
            chunks.append(chunk)
            size += len(chunk)
            if size > most:
                break
    if size > most:
        return too_large(most)
    return b"".join(chunks)
