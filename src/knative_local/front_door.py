"""The one address of everything: takes requests by the VirtualServices' routes to a broker, a function or a process."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from knative_local.backend import Backend, Exchange, OutOfTime, Unavailable, open_exchange
from knative_local.cloudevent import CloudEvent
from knative_local.hot_posts import HotPosts
from knative_local.http1 import HttpClient
from knative_local.http1_handlers import Answering
from knative_local.http_types import ConnectionFailed, HttpRequest, HttpResponse, Promise, TimedOut, header
from knative_local.names import GATEWAY, INGRESS, RESERVED, Names, Target, UnknownName
from knative_local.problem import problem
from knative_local.routes import Routes

NO_TIMEOUT_S: Final = 24 * 3600.0
_SERVICE_PATH: Final = re.compile(r"/_knative/services/([^/?]+)/([^/?]+)(/[^?]*)?(\?.*)?")
_TAKER_PATH: Final = re.compile(r"(?:/broker(/[^/?]+/[^/?]+)|(/(?:channel|jobsink)/[^/?]+/[^/?]+))(/[^?]+)?/?(?:\?.*)?")

AdminHandler = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]


class Ingress(Protocol):
    """What takes events in."""

    def accept(self, request: HttpRequest, *, internal: bool) -> HttpResponse | Promise:
        """Answer a request to `/<namespace>/<broker>`."""
        ...

    async def receive(self, request: HttpRequest, *, internal: bool) -> HttpResponse:
        """As `accept`, for who can wait."""
        ...

    def take(self, broker: str, event: CloudEvent) -> Promise | None:
        """See Taker."""
        ...


@dataclass(frozen=True, slots=True)
class Onward:
    """A request on its way: to whom, as what, and how long it may take (seconds)."""

    target: Target
    request: HttpRequest
    timeout_s: float


class FrontDoor:
    """Answers requests. What takes events comes before all routes, so that `K_SINK` works whatever they say."""

    def __init__(
        self,
        routes: Routes,
        names: Names,
        backends: Mapping[Target, Backend],
        client: HttpClient,
        ingress: Ingress,
        admin: AdminHandler,
    ) -> None:
        self._routes = routes
        self._names = names
        self._backends = backends
        self._client = client
        self._ingress = ingress
        self._admin = admin
        self.closing = False
        self._takers: dict[str, str] = {}
        self.hot = HotPosts(self._takers.get, ingress)

    def apply(self, routes: Routes, names: Names) -> None:
        """Go by these routes and names from now on."""
        self._routes = routes
        self._names = names

    def answer(self, request: HttpRequest) -> Answering:
        """The answer, or the exchange that it comes from (to be closed by the caller)."""
        takes_events = self._takers.get(request.target)
        if takes_events is not None:
            return self._ingress.accept(
                HttpRequest(request.method, takes_events, request.headers, request.body), internal=False
            )
        if request.target.startswith(RESERVED) and not _SERVICE_PATH.fullmatch(request.target):
            return self._admin(request)
        onward = self.route(request)
        if onward is None:
            return problem(404, f"no route takes {request.method} {request.target.partition('?')[0]}")
        if onward.target == INGRESS:
            return self._ingress.accept(onward.request, internal=False)
        if self.closing:
            return problem(503, "everything here is being stopped", 5.0)
        return self._exchange(onward)

    async def _exchange(self, onward: Onward) -> HttpResponse | Exchange:
        backend = self._backends[onward.target]
        deadline = asyncio.get_running_loop().time() + onward.timeout_s
        try:
            return await open_exchange(backend, self._client, forwarded(onward.request), deadline)
        except Unavailable as error:
            return problem(503, str(error), error.retry_after_s)
        except (OutOfTime, TimedOut) as error:
            return problem(504, str(error))
        except ConnectionFailed as error:
            return problem(502, f"{backend.name} gave no answer: {error}")

    def route(self, request: HttpRequest) -> Onward | None:
        """Where `request` goes; None: nowhere."""
        direct = _SERVICE_PATH.fullmatch(request.target)
        if direct is not None:
            return self._to_service(direct, request)
        taker = _TAKER_PATH.fullmatch(request.target)
        if taker is not None and self._names.takes_events(path := taker[1] or taker[2]):
            if taker[3] is None and "?" not in request.target:
                self._takers[request.target] = path  # as many as there are Brokers and channels
            path += taker[3] or ""
            return Onward(INGRESS, HttpRequest(request.method, path, request.headers, request.body), NO_TIMEOUT_S)
        taken = self._routes.take(request)
        if taken is None:
            return None
        route = taken.route
        target = self._names.of_route(route.host, route.port, route.rewrite_authority, taken.namespace)
        if target == GATEWAY:
            authority = (header(taken.request.headers, b"host") or b"").decode("latin-1")
            try:
                target = self._names.of_authority(authority, taken.namespace)
            except UnknownName:
                return None
        return Onward(target, taken.request, route.timeout_s or NO_TIMEOUT_S)

    def backend_for_socket(self, request: HttpRequest) -> tuple[Backend, HttpRequest] | HttpResponse:
        """Who takes a WebSocket, and its opening request as it goes on; or the answer that refuses it."""
        onward = self.route(request)
        if onward is None or onward.target not in self._backends:
            return problem(404, f"no route takes a WebSocket to {request.target.partition('?')[0]}")
        if self.closing:
            return problem(503, "everything here is being stopped", 5.0)
        return self._backends[onward.target], onward.request

    def _to_service(self, match: re.Match[str], request: HttpRequest) -> Onward | None:
        namespace, name, path, query = match.groups()
        try:
            target = self._names.of_host(f"{name}.{namespace}", None, namespace)
        except UnknownName:
            return None
        host = (b"host", f"{name}.{namespace}.svc.cluster.local".encode())
        headers = [host, *(pair for pair in request.headers if pair[0] != b"host")]
        return Onward(
            target, HttpRequest(request.method, (path or "/") + (query or ""), headers, request.body), NO_TIMEOUT_S
        )


def forwarded(request: HttpRequest) -> HttpRequest:
    """The request with the headers by which a proxy says for whom it asks."""
    told = [(b"x-forwarded-for", b"127.0.0.1"), (b"x-forwarded-proto", b"http")]
    kept = [pair for pair in request.headers if pair[0] not in {b"x-forwarded-for", b"x-forwarded-proto"}]
    return HttpRequest(request.method, request.target, [*kept, *told], request.body)
