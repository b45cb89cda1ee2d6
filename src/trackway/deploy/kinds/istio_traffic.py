"""Istio's DestinationRule, Gateway, Sidecar and ServiceEntry, as istiod's webhook takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Struct

from trackway.deploy.kinds.core import at_most_one, needs
from trackway.deploy.kinds.knative import Object
from trackway.deploy.shape import WholeRule
from trackway.deploy.tree import mapping
from trackway.deploy.values import (
    between,
    every,
    go_duration,
    host_or_any,
    label_texts,
    one_of,
    port_number,
    word,
)

Word = Annotated[str, word]
Duration = Annotated[str, go_duration]
Number = Annotated[int, port_number]
Percent = Annotated[int, between(0, 100)]
Labels = Annotated[dict[Any, Any], label_texts]
Hosts = Annotated[list[str], every(host_or_any)]


class PortSelector(Struct):
    number: Number


class Destination(Struct):
    host: Word
    port: PortSelector | None = None
    subset: Word | None = None


class TcpKeepalive(Struct):
    probes: int | None = None
    time: Duration | None = None
    interval: Duration | None = None


class TcpSettings(Struct):
    maxConnections: Annotated[int, between(1, 2**31 - 1)] | None = None
    connectTimeout: Duration | None = None
    idleTimeout: Duration | None = None
    maxConnectionDuration: Duration | None = None
    tcpKeepalive: TcpKeepalive | None = None


class HttpSettings(Struct):
    http1MaxPendingRequests: int | None = None
    http2MaxRequests: int | None = None
    maxRequestsPerConnection: int | None = None
    maxRetries: int | None = None
    idleTimeout: Duration | None = None
    h2UpgradePolicy: Annotated[str, one_of("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE")] | None = None
    useClientProtocol: bool | None = None
    maxConcurrentStreams: int | None = None


class ConnectionPool(Struct):
    tcp: TcpSettings | None = None
    http: HttpSettings | None = None


class Cookie(Struct):
    name: str
    ttl: Duration | None = None
    path: str | None = None


class ConsistentHash(Struct):
    httpHeaderName: str | None = None
    httpCookie: Cookie | None = None
    useSourceIp: bool | None = None
    httpQueryParameterName: str | None = None


class Warmup(Struct):
    duration: Duration
    minimumPercent: float | None = None
    aggression: float | None = None


_BALANCERS = ("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST")


class LoadBalancer(Struct):
    simple: Annotated[str, one_of(*_BALANCERS)] | None = None
    consistentHash: ConsistentHash | None = None
    localityLbSetting: dict[str, Any] | None = None
    warmup: Warmup | None = None


class OutlierDetection(Struct):
    consecutive5xxErrors: int | None = None
    consecutiveGatewayErrors: int | None = None
    consecutiveLocalOriginFailures: int | None = None
    splitExternalLocalOriginErrors: bool | None = None
    interval: Duration | None = None
    baseEjectionTime: Duration | None = None
    maxEjectionPercent: Percent | None = None
    minHealthPercent: Percent | None = None


class ClientTls(Struct):
    mode: Annotated[str, one_of("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")] | None = None
    clientCertificate: str | None = None
    privateKey: str | None = None
    caCertificates: str | None = None
    credentialName: str | None = None
    subjectAltNames: list[str] | None = None
    sni: str | None = None
    insecureSkipVerify: bool | None = None


class PortPolicy(Struct):
    port: PortSelector
    connectionPool: ConnectionPool | None = None
    loadBalancer: LoadBalancer | None = None
    outlierDetection: OutlierDetection | None = None
    tls: ClientTls | None = None


class TrafficPolicy(Struct):
    connectionPool: ConnectionPool | None = None
    loadBalancer: LoadBalancer | None = None
    outlierDetection: OutlierDetection | None = None
    tls: ClientTls | None = None
    portLevelSettings: list[PortPolicy] | None = None


class Subset(Struct):
    name: Word
    labels: Labels | None = None
    trafficPolicy: TrafficPolicy | None = None


class WorkloadLabels(Struct):
    matchLabels: Labels | None = None


class DestinationRuleSpec(Struct):
    host: Word
    trafficPolicy: TrafficPolicy | None = None
    subsets: list[Subset] | None = None
    exportTo: list[str] | None = None
    workloadSelector: WorkloadLabels | None = None


class DestinationRule(Object, kw_only=True):
    spec: DestinationRuleSpec


_TLS_VERSIONS = one_of("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")
_TLS_MODES = one_of("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL")
_PROTOCOLS = one_of("HTTP", "HTTPS", "GRPC", "GRPC-Web", "HTTP2", "MONGO", "TCP", "TLS")


class ServerPort(Struct):
    number: Number
    protocol: Annotated[str, _PROTOCOLS]
    name: Word


class ServerTls(Struct):
    mode: Annotated[str, _TLS_MODES] | None = None
    httpsRedirect: bool | None = None
    credentialName: str | None = None
    serverCertificate: str | None = None
    privateKey: str | None = None
    caCertificates: str | None = None
    subjectAltNames: list[str] | None = None
    minProtocolVersion: Annotated[str, _TLS_VERSIONS] | None = None
    maxProtocolVersion: Annotated[str, _TLS_VERSIONS] | None = None
    cipherSuites: list[str] | None = None


class Server(Struct):
    port: ServerPort
    hosts: Hosts
    name: str | None = None
    bind: str | None = None
    tls: ServerTls | None = None


class GatewaySpec(Struct):
    servers: list[Server]
    selector: Labels | None = None


class Gateway(Object, kw_only=True):
    spec: GatewaySpec


class SidecarPort(Struct):
    number: Number
    protocol: Annotated[str, _PROTOCOLS] | None = None
    name: str | None = None


_CAPTURE = one_of("DEFAULT", "IPTABLES", "NONE")


class SidecarIngress(Struct):
    port: SidecarPort
    defaultEndpoint: str | None = None
    bind: str | None = None
    captureMode: Annotated[str, _CAPTURE] | None = None
    tls: ServerTls | None = None
    connectionPool: ConnectionPool | None = None


class SidecarEgress(Struct):
    hosts: Hosts
    port: SidecarPort | None = None
    bind: str | None = None
    captureMode: Annotated[str, _CAPTURE] | None = None


class OutboundPolicy(Struct):
    mode: Annotated[str, one_of("REGISTRY_ONLY", "ALLOW_ANY")] | None = None
    egressProxy: Destination | None = None


class WorkloadSelector(Struct):
    labels: Labels | None = None


class SidecarSpec(Struct):
    workloadSelector: WorkloadSelector | None = None
    ingress: list[SidecarIngress] | None = None
    egress: list[SidecarEgress] | None = None
    outboundTrafficPolicy: OutboundPolicy | None = None
    inboundConnectionPool: ConnectionPool | None = None


class Sidecar(Object, kw_only=True):
    spec: SidecarSpec | None = None


class EntryPort(Struct):
    number: Number
    name: Word
    protocol: Annotated[str, _PROTOCOLS] | None = None
    targetPort: Number | None = None


class ServiceEntrySpec(Struct):
    hosts: Hosts
    ports: list[EntryPort] | None = None
    addresses: list[str] | None = None
    location: Annotated[str, one_of("MESH_EXTERNAL", "MESH_INTERNAL")] | None = None
    resolution: Annotated[str, one_of("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS")] | None = None
    endpoints: list[dict[str, Any]] | None = None
    workloadSelector: WorkloadSelector | None = None
    exportTo: list[str] | None = None
    subjectAltNames: list[str] | None = None


class ServiceEntry(Object, kw_only=True):
    spec: ServiceEntrySpec


def _server_tls(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tls = mapping(value, "tls")
    secure = value["port"]["protocol"] in ("HTTPS", "TLS")
    if secure and not tls:
        yield "tls", f"is missing, with protocol {value['port']['protocol']}"
    if (
        secure
        and tls.get("mode") in ("SIMPLE", "MUTUAL")
        and not (tls.get("credentialName") or tls.get("serverCertificate"))
    ):
        yield "tls.credentialName", "is missing: which Secret has the certificate?"
    if not value["hosts"]:
        yield "hosts", "is empty"


WHOLES: Mapping[type[Struct], tuple[WholeRule, ...]] = {
    LoadBalancer: (at_most_one("simple", "consistentHash"),),
    Server: (_server_tls,),
    GatewaySpec: (needs("servers"),),
    SidecarEgress: (needs("hosts"),),
    ServiceEntrySpec: (needs("hosts", "ports"),),
}
