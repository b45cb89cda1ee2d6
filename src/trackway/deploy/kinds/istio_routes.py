"""Istio's VirtualService: which requests go where, as istiod's webhook takes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Struct

from trackway.deploy.kinds.core import exactly_one, needs
from trackway.deploy.kinds.istio_traffic import Destination, Duration, Hosts, Labels, Number, Percent, Word
from trackway.deploy.kinds.knative import Object
from trackway.deploy.shape import WholeRule
from trackway.deploy.tree import listing
from trackway.deploy.values import between, one_of, texts

Texts = Annotated[dict[Any, Any], texts]
Status = Annotated[int, between(200, 599)]


class StringMatch(Struct):
    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


class RouteMatch(Struct):
    name: str | None = None
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: dict[str, StringMatch] | None = None
    withoutHeaders: dict[str, StringMatch] | None = None
    queryParams: dict[str, StringMatch] | None = None
    ignoreUriCase: bool | None = None
    port: Number | None = None
    sourceLabels: Labels | None = None
    sourceNamespace: str | None = None
    gateways: list[Word] | None = None
    statPrefix: str | None = None


class HeaderOperations(Struct):
    set: Texts | None = None
    add: Texts | None = None
    remove: list[str] | None = None


class Headers(Struct):
    request: HeaderOperations | None = None
    response: HeaderOperations | None = None


class RouteDestination(Struct):
    destination: Destination
    weight: Percent | None = None
    headers: Headers | None = None


class RegexRewrite(Struct):
    match: str
    rewrite: str


class Rewrite(Struct):
    uri: str | None = None
    authority: str | None = None
    uriRegexRewrite: RegexRewrite | None = None


class Redirect(Struct):
    uri: str | None = None
    authority: str | None = None
    port: Number | None = None
    derivePort: Annotated[str, one_of("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT")] | None = None
    scheme: Annotated[str, one_of("http", "https")] | None = None
    redirectCode: Annotated[int, between(300, 399)] | None = None


class Body(Struct):
    string: str | None = None
    bytes: str | None = None


class DirectResponse(Struct):
    status: Status
    body: Body | None = None


class Retries(Struct):
    attempts: Annotated[int, between(0, 1_000)] | None = None
    perTryTimeout: Duration | None = None
    retryOn: str | None = None
    retryRemoteLocalities: bool | None = None
    retryIgnorePreviousHosts: bool | None = None
    backoff: Duration | None = None


class Cors(Struct):
    allowOrigins: list[StringMatch] | None = None
    allowMethods: list[str] | None = None
    allowHeaders: list[str] | None = None
    exposeHeaders: list[str] | None = None
    maxAge: Duration | None = None
    allowCredentials: bool | None = None
    unmatchedPreflights: Annotated[str, one_of("UNSPECIFIED", "FORWARD", "IGNORE")] | None = None


class Delegate(Struct):
    name: Word
    namespace: str | None = None


class Route(Struct):
    name: str | None = None
    match: list[RouteMatch] | None = None
    route: list[RouteDestination] | None = None
    rewrite: Rewrite | None = None
    redirect: Redirect | None = None
    directResponse: DirectResponse | None = None
    delegate: Delegate | None = None
    timeout: Duration | None = None
    retries: Retries | None = None
    headers: Headers | None = None
    corsPolicy: Cors | None = None


class VirtualServiceSpec(Struct):
    hosts: Hosts | None = None
    gateways: list[Word] | None = None
    http: list[Route] | None = None
    exportTo: list[str] | None = None


class VirtualService(Object, kw_only=True):
    spec: VirtualServiceSpec


def _regexes(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        re.compile(value.get("regex", ""))
    except re.error as error:
        yield "regex", f"is no regular expression: {error}"


def _weights(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    routes = listing(value, "route")
    if len(routes) > 1 and not sum(each.get("weight") or 0 for each in routes):
        yield "route", "has several destinations, and no weights above 0"


def _has_hosts(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from needs("hosts")(value)
    if "http" not in value:
        yield "http", "is missing"


WHOLES: Mapping[type[Struct], tuple[WholeRule, ...]] = {
    StringMatch: (exactly_one("exact", "prefix", "regex"), _regexes),
    Route: (exactly_one("route", "redirect", "directResponse", "delegate"), _weights),
    VirtualServiceSpec: (_has_hosts,),
}
