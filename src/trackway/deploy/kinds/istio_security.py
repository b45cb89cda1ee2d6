"""Istio's kinds of who may do what, and of what is told about it: PeerAuthentication, RequestAuthentication,
AuthorizationPolicy, Telemetry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Struct, field

from trackway.deploy.kinds.core import at_most_one, needs
from trackway.deploy.kinds.istio_traffic import Duration, Labels, Word
from trackway.deploy.kinds.knative import Object
from trackway.deploy.shape import WholeRule, shown
from trackway.deploy.tree import listing
from trackway.deploy.values import between, one_of


class Selector(Struct):
    matchLabels: Labels | None = None


class TargetRef(Struct):
    kind: Word
    name: Word
    group: str | None = None
    namespace: str | None = None


class Mtls(Struct):
    mode: Annotated[str, one_of("UNSET", "DISABLE", "PERMISSIVE", "STRICT")] | None = None


class PeerAuthenticationSpec(Struct):
    selector: Selector | None = None
    mtls: Mtls | None = None
    portLevelMtls: dict[Any, Mtls] | None = None


class PeerAuthentication(Object):
    spec: PeerAuthenticationSpec | None = None


class FromHeader(Struct):
    name: Word
    prefix: str | None = None


class ClaimToHeader(Struct):
    header: Word
    claim: Word


class JwtRule(Struct):
    issuer: Word
    jwksUri: str | None = None
    jwks: str | None = None
    audiences: list[Word] | None = None
    fromHeaders: list[FromHeader] | None = None
    fromParams: list[Word] | None = None
    fromCookies: list[Word] | None = None
    outputPayloadToHeader: str | None = None
    outputClaimToHeaders: list[ClaimToHeader] | None = None
    forwardOriginalToken: bool | None = None
    timeout: Duration | None = None


class RequestAuthenticationSpec(Struct):
    selector: Selector | None = None
    targetRefs: list[TargetRef] | None = None
    jwtRules: list[JwtRule] | None = None


class RequestAuthentication(Object):
    spec: RequestAuthenticationSpec | None = None


class Source(Struct):
    principals: list[Word] | None = None
    notPrincipals: list[Word] | None = None
    requestPrincipals: list[Word] | None = None
    notRequestPrincipals: list[Word] | None = None
    namespaces: list[Word] | None = None
    notNamespaces: list[Word] | None = None
    serviceAccounts: list[Word] | None = None
    notServiceAccounts: list[Word] | None = None
    ipBlocks: list[Word] | None = None
    notIpBlocks: list[Word] | None = None
    remoteIpBlocks: list[Word] | None = None
    notRemoteIpBlocks: list[Word] | None = None


class From(Struct):
    source: Source


class Operation(Struct):
    hosts: list[Word] | None = None
    notHosts: list[Word] | None = None
    ports: list[Word] | None = None
    notPorts: list[Word] | None = None
    methods: list[Word] | None = None
    notMethods: list[Word] | None = None
    paths: list[Word] | None = None
    notPaths: list[Word] | None = None


class To(Struct):
    operation: Operation


class When(Struct):
    key: Word
    values: list[str] | None = None
    notValues: list[str] | None = None


class AccessRule(Struct):
    from_: list[From] | None = field(name="from", default=None)
    to: list[To] | None = None
    when: list[When] | None = None


class Provider(Struct):
    name: Word


class AuthorizationPolicySpec(Struct):
    selector: Selector | None = None
    targetRefs: list[TargetRef] | None = None
    action: Annotated[str, one_of("ALLOW", "DENY", "AUDIT", "CUSTOM")] | None = None
    rules: list[AccessRule] | None = None
    provider: Provider | None = None


class AuthorizationPolicy(Object):
    spec: AuthorizationPolicySpec | None = None


_MODES = one_of("CLIENT_AND_SERVER", "CLIENT", "SERVER")
_METRICS = one_of(
    "ALL_METRICS",
    "REQUEST_COUNT",
    "REQUEST_DURATION",
    "REQUEST_SIZE",
    "RESPONSE_SIZE",
    "TCP_OPENED_CONNECTIONS",
    "TCP_CLOSED_CONNECTIONS",
    "TCP_SENT_BYTES",
    "TCP_RECEIVED_BYTES",
    "GRPC_REQUEST_MESSAGES",
    "GRPC_RESPONSE_MESSAGES",
)


class Match(Struct):
    mode: Annotated[str, _MODES] | None = None


class MetricMatch(Struct):
    metric: Annotated[str, _METRICS] | None = None
    customMetric: str | None = None
    mode: Annotated[str, _MODES] | None = None


class TagOverride(Struct):
    operation: Annotated[str, one_of("UPSERT", "REMOVE")] | None = None
    value: str | None = None


class MetricOverride(Struct):
    match: MetricMatch | None = None
    disabled: bool | None = None
    tagOverrides: dict[str, TagOverride] | None = None


class Metrics(Struct):
    providers: list[Provider] | None = None
    overrides: list[MetricOverride] | None = None
    reportingInterval: Duration | None = None


class LiteralTag(Struct):
    value: str


class NamedTag(Struct):
    name: Word
    defaultValue: str | None = None


class CustomTag(Struct):
    literal: LiteralTag | None = None
    environment: NamedTag | None = None
    header: NamedTag | None = None
    formatter: LiteralTag | None = None


class Tracing(Struct):
    match: Match | None = None
    providers: list[Provider] | None = None
    randomSamplingPercentage: Annotated[float, between(0, 100)] | None = None
    disableSpanReporting: bool | None = None
    disableContextPropagation: bool | None = None
    enableIstioTags: bool | None = None
    useRequestIdForTraceSampling: bool | None = None
    customTags: dict[str, CustomTag] | None = None


class LogFilter(Struct):
    expression: str | None = None


class AccessLogging(Struct):
    match: Match | None = None
    providers: list[Provider] | None = None
    disabled: bool | None = None
    filter: LogFilter | None = None


class TelemetrySpec(Struct):
    selector: Selector | None = None
    targetRefs: list[TargetRef] | None = None
    tracing: list[Tracing] | None = None
    metrics: list[Metrics] | None = None
    accessLogging: list[AccessLogging] | None = None


class Telemetry(Object):
    spec: TelemetrySpec | None = None


def _one_key_set(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from at_most_one("jwks", "jwksUri")(value)
    uri = value.get("jwksUri")
    if uri is not None and not str(uri).startswith(("http://", "https://")):
        yield "jwksUri", f"is a whole http:// or https:// address, not {shown(uri)}"


def _something(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not any(value.values()):
        yield "", "names nothing"


def _values(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not value.get("values") and not value.get("notValues"):
        yield "", "needs values or notValues"


def _provider(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    custom = value.get("action") == "CUSTOM"
    if custom != ("provider" in value):
        yield "provider", "goes with action CUSTOM, and with no other"
    if value.get("action") == "DENY" and not value.get("rules"):
        yield "rules", "is missing: a DENY without rules denies nothing"


def _positive_ports(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("ports", "notPorts"):
        for index, each in enumerate(listing(value, name)):
            if not (each.isdigit() and 0 < int(each) < 65_536):
                yield f"{name}[{index}]", f"is a port's number in quotes, not {shown(each)}"
    yield from _something(value)


WHOLES: Mapping[type[Struct], tuple[WholeRule, ...]] = {
    Selector: (needs("matchLabels"),),
    JwtRule: (_one_key_set,),
    Source: (_something,),
    Operation: (_positive_ports,),
    When: (_values,),
    AuthorizationPolicySpec: (at_most_one("selector", "targetRefs"), _provider),
    RequestAuthenticationSpec: (at_most_one("selector", "targetRefs"),),
    TelemetrySpec: (at_most_one("selector", "targetRefs"),),
    MetricMatch: (at_most_one("metric", "customMetric"),),
}
