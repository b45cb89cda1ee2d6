"""Which way a request takes through the VirtualServices, by Istio's rules."""

from __future__ import annotations

from typing import Any

import pytest

from knative_local.http_types import HttpRequest, header
from knative_local.routes import Routes
from knative_local.routing_model import HeaderMatch, HttpRoute, Match, VirtualService
from knative_local.source import Source

HERE = Source("routes.yaml", 1)


def routes(*entries: tuple[str, list[Match], dict[str, Any]]) -> Routes:
    made = tuple(HttpRoute(tuple(matches), host, None, HERE, **more) for host, matches, more in entries)
    return Routes([VirtualService("shop", "front", made, HERE)])


ALL = routes(
    ("exact", [Match(uri_exact="/v1/trips", methods=("POST", "PUT"))], {}),
    ("regex", [Match(uri_regex="/v1/trips/[^/]+/cancel")], {}),
    ("broker", [Match(uri_prefix="/broker/")], {"rewrite_uri": "/"}),
    ("header", [Match(headers=(HeaderMatch("x-canary", exact="yes"),))], {}),
    ("two", [Match(uri_exact="/a"), Match(uri_exact="/b")], {}),
    ("rest", [], {}),
)


@pytest.mark.parametrize(
    ("method", "target", "headers", "host"),
    [
        ("POST", "/v1/trips", [], "exact"),
        ("POST", "/v1/trips?x=/y", [], "exact"),
        ("GET", "/v1/trips", [], "rest"),
        ("POST", "/v1/trips/", [], "rest"),
        ("POST", "/v1/trips/7/cancel", [], "regex"),
        ("POST", "/v1/trips/7/cancel/now", [], "rest"),
        ("POST", "/v1/trips/7/8/cancel", [], "rest"),
        ("POST", "/broker/shop/default", [], "broker"),
        ("POST", "/broker", [], "rest"),
        ("GET", "/", [(b"x-canary", b"yes")], "header"),
        ("GET", "/", [(b"x-canary", b"no")], "rest"),
        ("GET", "/b", [], "two"),
    ],
)
def test_the_first_match_wins(method: str, target: str, headers: list[tuple[bytes, bytes]], host: str) -> None:
    taken = ALL.take(HttpRequest(method, target, headers))
    assert taken is not None
    assert (taken.route.host, taken.namespace) == (host, "shop")


def test_no_match_is_no_route() -> None:
    assert routes(("a", [Match(uri_exact="/a")], {})).take(HttpRequest("GET", "/b")) is None


@pytest.mark.parametrize(
    ("match", "rewrite", "target", "expected"),
    [
        (Match(uri_prefix="/broker/"), "/", "/broker/shop/default?x=1", "/shop/default?x=1"),
        (Match(uri_prefix="/api"), "/v2", "/api/things", "/v2/things"),
        (Match(uri_exact="/old"), "/new", "/old?q", "/new?q"),
        (Match(uri_regex="/r/.*"), "/fixed", "/r/anything", "/fixed"),
        (Match(), "/app/", "/x/y", "/app/x/y"),
    ],
)
def test_rewrites_the_path_and_keeps_the_query(match: Match, rewrite: str, target: str, expected: str) -> None:
    taken = routes(("a", [match], {"rewrite_uri": rewrite})).take(HttpRequest("GET", target))
    assert taken is not None
    assert taken.request.target == expected


def test_rewrites_the_authority_and_leaves_the_rest() -> None:
    request = HttpRequest("POST", "/x", [(b"a", b"1"), (b"host", b"127.0.0.1:8080")], b"body")
    taken = routes(("a", [], {"rewrite_authority": "plan.shop.svc.cluster.local"})).take(request)
    assert taken is not None
    assert header(taken.request.headers, b"host") == b"plan.shop.svc.cluster.local"
    assert (header(taken.request.headers, b"a"), taken.request.body, taken.request.target) == (b"1", b"body", "/x")
    assert header(request.headers, b"host") == b"127.0.0.1:8080"


@pytest.mark.parametrize(
    ("condition", "value", "matches"),
    [
        (HeaderMatch("x"), b"anything", True),
        (HeaderMatch("x"), None, False),
        (HeaderMatch("x", prefix="ab"), b"abc", True),
        (HeaderMatch("x", prefix="ab"), b"ba", False),
        (HeaderMatch("x", regex="a+"), b"aaa", True),
        (HeaderMatch("x", regex="a+"), b"aab", False),
    ],
)
def test_header_conditions(condition: HeaderMatch, value: bytes | None, matches: bool) -> None:
    headers = [] if value is None else [(b"x", value)]
    taken = routes(("a", [Match(headers=(condition,))], {})).take(HttpRequest("GET", "/", headers))
    assert (taken is not None) is matches
