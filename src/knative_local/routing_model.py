"""What a VirtualService says, as plain records: Istio's routes from the front door to the inside."""

from __future__ import annotations

from dataclasses import dataclass

from knative_local.source import Source


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """A condition on one request header (name in lower case): exactly one of the texts is set, or none for presence."""

    name: str
    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions on a request that hold together; None or empty asks nothing. `methods` are upper case."""

    uri_prefix: str | None = None
    uri_exact: str | None = None
    uri_regex: str | None = None
    methods: tuple[str, ...] | None = None
    headers: tuple[HeaderMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """The first route with a match wins; no matches at all means every request. `timeout_s` None waits without end."""

    match: tuple[Match, ...]
    host: str
    port: int | None
    source: Source
    rewrite_uri: str | None = None
    rewrite_authority: str | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class VirtualService:
    """Istio's routes from the front door to the inside, in order."""

    namespace: str
    name: str
    routes: tuple[HttpRoute, ...]
    source: Source
