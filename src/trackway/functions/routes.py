"""Routes of a function that is asked over HTTP: path templates, methods, bodies, and the table that OpenAPI is made
from."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from trackway.events import NOT_JSON, Event
from trackway.functions.deps import Deps
from trackway.functions.exchange import Answered, Received
from trackway.functions.problem import Refused, blame

B = TypeVar("B")
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


class Request(Struct, Generic[B], frozen=True):
    """A request, decoded: ``path`` has the template's parameters, ``query`` the last of each name, header names are
    lower case. ``tenant`` is whose data it may see."""

    body: B
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    tenant: str


class Answer(Struct, frozen=True):
    """An answer; ``body`` goes out as JSON, and it goes out only after the broker has ``events``."""

    status: int
    body: object = None
    headers: Mapping[str, str] = {}
    events: Sequence[Event] = ()

    def encoded(self) -> Answered:
        """As it travels."""
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        if self.body is None:
            return Answered(self.status, headers)
        return Answered(self.status, [*headers, (b"content-type", JSON.encode())], msgspec.json.encode(self.body))


RouteHandler = Callable[[Request[Any], Deps], Awaitable[Answer]]
Reader = Callable[[bytes, Mapping[str, str]], object]
"""Makes a route's body of the bytes of another media type and the query. Raises Refused naming the field."""


class Hot(Struct, frozen=True):
    """A shorter way for what is asked very often without a body: ``read`` makes the one event of the raw query, and
    ``answer`` goes out when the broker has it. Where ``read`` gives None the request is an odd one, and the route's
    handler answers it; where it gives an event the handler would have emitted the same and answered the same."""

    read: Callable[[bytes, Deps], Event | None]
    answer: Answer


class Route(Struct, frozen=True, kw_only=True):
    """One line of the table. ``body`` is the type that JSON is decoded to (None: there is no body); with ``form`` it is
    read from query and form fields instead; ``readers`` make it of other media types. ``answers`` maps each status to
    the type of its body (None: there is none). ``hot`` is a shorter way to the same answer, on paths without
    parameters."""

    method: str
    path: str
    handler: RouteHandler
    summary: str
    body: type | UnionType | None = None
    form: bool = False
    readers: Mapping[str, Reader] = {}
    answers: Mapping[int, type | None] = {}
    hot: Hot | None = None

    @property
    def name(self) -> str:
        """The handler's name: OpenAPI's operationId."""
        return getattr(self.handler, "__name__", "")

    @property
    def media_types(self) -> list[str]:
        """What a body may be sent as."""
        if self.body is None:
            return []
        return [FORM] if self.form else [JSON, *self.readers]


class HotRoute(Struct, frozen=True):
    """A hot route as a connection needs it: ``answer`` is the whole message."""

    read: Callable[[bytes, Deps], Event | None]
    answer: bytes


class Routes:
    """The table of a function's routes."""

    def __init__(self) -> None:
        self.table: list[Route] = []
        self._plain: dict[str, dict[str, Route]] = {}
        self._templates: list[tuple[re.Pattern[str], dict[str, Route]]] = []

    @property
    def is_empty(self) -> bool:
        return not self.table

    def add(self, route: Route) -> None:
        """Add a route; the same path may be added with several methods."""
        self.table.append(route)
        if "{" not in route.path:
            self._plain.setdefault(route.path, {})[route.method] = route
            return
        pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(route.path)))
        for known, methods in self._templates:
            if known.pattern == pattern.pattern:
                methods[route.method] = route
                return
        self._templates.append((pattern, {route.method: route}))

    @property
    def hot(self) -> dict[tuple[bytes, bytes], HotRoute]:
        """The routes that have a shorter way, by method and path."""
        return {
            (route.method.encode(), route.path.encode()): HotRoute(route.hot.read, route.hot.answer.encoded().wire())
            for route in self.table
            if route.hot is not None
        }

    async def serve(self, received: Received, deps: Deps) -> Answer:
        """Answer by the route that fits. Raises Refused: 404, 405 with Allow, 400 naming the field, 415."""
        route, parameters = self._find(received.method, received.path)
        query = _fields(received.query, received.query)
        request = Request[Any](
            _body_of(route, received, query), parameters, query, received.headers, deps.settings.tenant
        )
        return await route.handler(request, deps)

    def template(self, method: str, path: str) -> str | None:
        """The path of the route that would answer, as it was declared; None where none would."""
        try:
            return self._find(method, path)[0].path
        except Refused:
            return None

    def _find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        methods, parameters = self._plain.get(path), dict[str, str]()
        if methods is None:
            for pattern, known in self._templates:
                match = pattern.fullmatch(path)
                if match is not None:
                    methods, parameters = known, match.groupdict()
                    break
            else:
                raise Refused(404, f"nothing is served at {path}")
        route = methods.get(method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise Refused(405, f"{method} is not served at {path}, only {allowed}", headers={"allow": allowed})
        return route, parameters


def _body_of(route: Route, received: Received, query: Mapping[str, str]) -> Any:
    if route.body is None:
        return None
    media_type = received.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if route.form:
            return msgspec.convert({**query, **_form(received, media_type)}, route.body, strict=False)
        if media_type in route.readers:
            return route.readers[media_type](received.body, query)
        if media_type == JSON or media_type.endswith("+json") or (not media_type) or not received.body:
            # An empty body counts as one without fields, so that the first required one is named.
            return msgspec.json.decode(received.body or b"{}", type=route.body)
    except msgspec.ValidationError as error:
        raise blame(error) from None
    except NOT_JSON as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    raise Refused(415, f"content type {media_type} is not read here, only {', '.join(route.media_types)}")


def _form(received: Received, media_type: str) -> Mapping[str, str]:
    if not received.body:
        return {}
    if media_type != FORM:
        raise Refused(415, f"content type {media_type or '(none)'} is not read here, only {FORM}")
    try:
        text = received.body.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, f"the form is not UTF-8: {error}") from None
    return _fields(text, "the form")


def _fields(text: str, what: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        return dict(parse_qsl(text, keep_blank_values=False, max_num_fields=200, errors="strict"))
    except ValueError as error:
        raise Refused(400, f"{what[:80]} is not a list of fields: {error}") from None
