"""Which route of the VirtualServices a request takes, and how that rewrites it: Istio's rules, pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from knative_local.http_types import Headers, HttpRequest, header
from knative_local.routing_model import HeaderMatch, HttpRoute, Match, VirtualService


@dataclass(frozen=True, slots=True)
class Taken:
    """A route, the namespace that its names are seen from, and the request as it goes on."""

    route: HttpRoute
    namespace: str
    request: HttpRequest


class Routes:
    """All routes in order: the first that matches wins. Prefixes are prefixes of text, as in Istio."""

    def __init__(self, virtual_services: Iterable[VirtualService]) -> None:
        self._routes = [(virtual.namespace, route) for virtual in virtual_services for route in virtual.routes]

    def take(self, request: HttpRequest) -> Taken | None:
        """The route that `request` takes, or None."""
        path = request.target.partition("?")[0]
        for namespace, route in self._routes:
            for match in route.match or (Match(),):
                if _matches(match, request, path):
                    return Taken(route, namespace, _rewritten(route, match, request))
        return None


def _matches(match: Match, request: HttpRequest, path: str) -> bool:
    return (
        (match.uri_exact is None or path == match.uri_exact)
        and (match.uri_prefix is None or path.startswith(match.uri_prefix))
        and (match.uri_regex is None or re.fullmatch(match.uri_regex, path) is not None)
        and (match.methods is None or request.method in match.methods)
        and all(_header_matches(condition, request.headers) for condition in match.headers)
    )


def _header_matches(condition: HeaderMatch, headers: Headers) -> bool:
    found = header(headers, condition.name.encode())
    if found is None:
        return False
    value = found.decode("latin-1")
    return (
        (condition.exact is None or value == condition.exact)
        and (condition.prefix is None or value.startswith(condition.prefix))
        and (condition.regex is None or re.fullmatch(condition.regex, value) is not None)
    )


def _rewritten(route: HttpRoute, match: Match, request: HttpRequest) -> HttpRequest:
    """The request after `rewrite`: a matched prefix is replaced, any other match replaces the whole path."""
    if route.rewrite_uri is None and route.rewrite_authority is None:
        return request
    target, headers = request.target, request.headers
    if route.rewrite_uri is not None:
        path, mark, query = target.partition("?")
        kept = path.removeprefix(match.uri_prefix) if match.uri_prefix is not None else ""
        if match.uri_prefix is None and match.uri_exact is None and match.uri_regex is None:
            kept = path.removeprefix("/")  # no condition on the path stands for the prefix "/"
        target = f"{route.rewrite_uri}{kept}{mark}{query}"
    if route.rewrite_authority is not None:
        host = (b"host", route.rewrite_authority.encode())
        headers = [host, *(pair for pair in headers if pair[0] != b"host")]
    return HttpRequest(request.method, target, headers, request.body)
