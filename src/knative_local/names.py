"""Who is meant by a name: Kubernetes' host names, refs and URIs to what runs on this machine, and back to URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal
from urllib.parse import SplitResult, quote, urlsplit

from knative_local.addresses import TcpAddress
from knative_local.broker_classes import BROKER_CLASSES
from knative_local.model import CoreService, Deployment, Destination, Manifests, Ref
from knative_local.source import Source

BROKER_INGRESSES: Final = frozenset(each.ingress for each in BROKER_CLASSES.values())  # served the same
JOB_SINK_INGRESS: Final = "job-sink.knative-eventing"
KAFKA_SINK_INGRESS: Final = "kafka-sink-ingress.knative-eventing"
CHANNEL_HOST: Final = "-kn-channel"
_DOMAIN: Final = "svc.cluster.local"
_SERVICES: Final = frozenset({("", "Service"), ("serving.knative.dev", "Service")})
_TAKERS: Final = {
    "Broker": "eventing.knative.dev",
    "Channel": "messaging.knative.dev",
    "InMemoryChannel": "messaging.knative.dev",
    "Sequence": "flows.knative.dev",
    "Parallel": "flows.knative.dev",
    "JobSink": "sinks.knative.dev",
}
"""Kinds that take events in themselves, with their API groups."""
LOCAL_GATEWAY: Final = "knative-local-gateway.istio-system"
RESERVED: Final = "/_knative/"
CHANNEL_PATH: Final = "/channel/"
JOB_SINK_PATH: Final = "/jobsink/"
KAFKA_SINK_PATH: Final = f"{RESERVED}kafkasinks/"
"""Where the front door takes events for KafkaSinks."""
HTTP_PORT: Final = 80
_SUFFIXES: Final = (".svc.cluster.local", ".svc")

Kind = Literal["ingress", "gateway", "service", "deployment", "kafka-sink", "address"]


class UnknownName(Exception):
    """Nothing on this machine has this name; the message names it and what would do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Who is meant: the ingress of events (the path decides), Knative's local gateway (the authority decides),
    something by its key (`<namespace>/<name>`), or a plain address outside of the manifests."""

    kind: Kind
    key: str = ""
    address: TcpAddress | None = None


INGRESS: Final = Target("ingress")
GATEWAY: Final = Target("gateway")


class Names:
    """Answers by the manifests alone, so that a bad name is found before anything runs."""

    def __init__(self, manifests: Manifests) -> None:
        self._services = {service.key for service in manifests.services}
        self._services |= {
            f"{service.namespace}/{target.tag}-{service.name}"
            for service in manifests.services
            for target in service.traffic
            if target.tag
        }
        self._deployments = manifests.deployments
        self._core = {(service.namespace, service.name): service for service in manifests.core_services}
        self._hosts = {broker.key: broker.broker_class.ingress for broker in manifests.brokers}
        self._takers = _takers(manifests)
        self._paths = frozenset(self._takers.values())
        self._kafka_sinks = {sink.key for sink in manifests.kafka_sinks}

    def is_broker(self, key: str) -> bool:
        """Whether there is a Broker with this key."""
        return key in self._hosts

    def takes_events(self, path: str) -> bool:
        """Whether the ingress takes events at `path`: `/<namespace>/<broker>`, `/channel/…`, `/jobsink/…`."""
        return path in self._paths

    def of_host(self, host: str, port: int | None, namespace: str) -> Target:
        """`<name>`, `<name>.<namespace>` or `<name>.<namespace>.svc.cluster.local`, seen from `namespace`."""
        short = _short(host)
        if short in BROKER_INGRESSES:
            return INGRESS
        if short == LOCAL_GATEWAY:
            return GATEWAY
        name, _, rest = short.partition(".")
        if "." in rest:
            raise UnknownName(f"there is nothing named {host} on this machine")
        return self._of_name(name, rest or namespace, port)

    def of_authority(self, authority: str, namespace: str) -> Target:
        """A Knative Service by the host that its callers use (a port in it has no meaning)."""
        target = self.of_host(authority.partition(":")[0], None, namespace)
        if target.kind != "service":
            raise UnknownName(f"there is no Knative Service with the host {authority}")
        return target

    def of_destination(self, destination: Destination, namespace: str) -> tuple[Target, str]:
        """Who a destination means, and the path (with query) to ask for there."""
        uri = urlsplit(destination.uri or "")
        ref = destination.ref
        if ref is None:
            return self._of_uri(uri, namespace)
        key = f"{ref.namespace or namespace}/{ref.name}"
        if _is_kafka_sink(ref):
            _check_no_uri(destination, ref)
            return self._kafka_sink(key), "/"
        if _TAKERS.get(ref.kind) != ref.group:
            return self._of_service(ref, key, namespace), _path(uri)
        path = self._takers.get((ref.kind, key))
        if path is None:
            raise UnknownName(f"there is no {ref.kind} {key}")
        _check_no_uri(destination, ref)
        return INGRESS, path

    def url_of(self, destination: Destination, namespace: str) -> str:
        """The address as a cluster would tell it."""
        ref = destination.ref
        if ref is None:
            return destination.uri or ""
        key = f"{ref.namespace or namespace}/{ref.name}"
        taken_at = self._takers.get((ref.kind, key)) if _TAKERS.get(ref.kind) == ref.group else None
        if taken_at is not None:
            return self._url_of_taker(taken_at)
        if _is_kafka_sink(ref):
            return f"http://{KAFKA_SINK_INGRESS}.{_DOMAIN}/{key}"
        path = _path(urlsplit(destination.uri)) if destination.uri else "/"
        return f"http://{ref.name}.{ref.namespace or namespace}.{_DOMAIN}{'' if path == '/' else path}"

    def path_of(self, destination: Destination, namespace: str) -> str | None:
        """The path under which the front door serves a destination to processes here; None for one outside.

        Raises UnknownName.
        """
        target, path = self.of_destination(destination, namespace)
        if target == INGRESS:
            return f"/broker{path}" if self.is_broker(path[1:]) else path
        if target.address is not None:
            return None
        if target.kind == "kafka-sink":
            return f"{KAFKA_SINK_PATH}{target.key}"
        ref = destination.ref
        host = urlsplit(destination.uri or "").hostname or ""
        name, inside = (ref.name, ref.namespace) if ref else [*host.split("."), ""][:2]
        return f"{RESERVED}services/{inside or namespace}/{name}{'' if path == '/' else path}"

    def log_of(self, destination: Destination, namespace: str) -> str | None:
        """The key of the log in which a destination's events go, or None when they go elsewhere."""
        target, path = self.of_destination(destination, namespace)
        return path[1:] if target == INGRESS and not path.startswith(JOB_SINK_PATH) else None

    def _url_of_taker(self, path: str) -> str:
        first, _, rest = path[1:].partition("/")
        if path.startswith(JOB_SINK_PATH):
            return f"http://{JOB_SINK_INGRESS}.{_DOMAIN}/{rest}"
        if path.startswith(CHANNEL_PATH):
            inside, _, name = rest.partition("/")
            return f"http://{name}{CHANNEL_HOST}.{inside}.{_DOMAIN}"
        return f"http://{self._hosts[f'{first}/{rest}']}.{_DOMAIN}{path}"

    def problems(self, manifests: Manifests) -> list[str]:
        """Every name in the manifests that nothing answers to, as `file:line: sentence`."""
        found: list[str] = []
        for source, ask in self._questions(manifests):
            try:
                ask()
            except UnknownName as error:
                found.append(f"{source}: {error}")
        return found

    def _questions(self, manifests: Manifests) -> Iterator[tuple[Source, Callable[[], object]]]:
        for core in manifests.core_services:
            for port in core.ports:
                yield core.source, partial(self._deployment_of, core, port.port)
        for virtual in manifests.virtual_services:
            for route in virtual.routes:
                names = (route.host, route.port, route.rewrite_authority, virtual.namespace)
                yield route.source, partial(self.of_route, *names)
        for trigger in manifests.triggers:
            for end in (trigger.subscriber, trigger.reply, trigger.delivery.dead_letter_sink):
                if end is not None:
                    yield trigger.source, partial(self.of_destination, end, trigger.namespace)
        for source in (*manifests.sink_bindings, *manifests.ping_sources):
            yield source.source, partial(self.of_destination, source.sink, source.namespace)

    def of_route(self, host: str, port: int | None, authority: str | None, namespace: str) -> Target:
        """Who a VirtualService's route means; the gateway itself only where each request's Host has to decide."""
        target = self.of_host(host, port, namespace)
        return self.of_authority(authority, namespace) if target == GATEWAY and authority else target

    def _of_name(self, name: str, namespace: str, port: int | None) -> Target:
        core = self._core.get((namespace, name))
        if core is not None:
            return Target("deployment", self._deployment_of(core, port).key)
        if f"{namespace}/{name}" in self._services:  # Knative makes a v1 Service of the same name
            return Target("service", f"{namespace}/{name}")
        raise UnknownName(f"there is neither a Service nor a Knative Service {name} in {namespace}")

    def _of_service(self, ref: Ref, key: str, namespace: str) -> Target:
        if (ref.group, ref.kind) not in _SERVICES:
            known = f"a Service or a {', '.join((*_TAKERS, 'KafkaSink'))} can"
            raise UnknownName(f"a {ref.kind} of {ref.api_version or 'v1'} cannot receive events here; {known}")
        if ref.group:
            if key not in self._services:
                raise UnknownName(f"there is no Knative Service {key}")
            return Target("service", key)
        return self._of_name(ref.name, ref.namespace or namespace, HTTP_PORT)

    def _of_uri(self, uri: SplitResult, namespace: str) -> tuple[Target, str]:
        if uri.scheme != "http" or not uri.hostname:
            raise UnknownName(f"{uri.geturl()!r} is not an http:// address")
        if _short(uri.hostname) == KAFKA_SINK_INGRESS:
            return self._kafka_sink(uri.path.strip("/")), "/"
        path = _path_at(_short(uri.hostname), uri.path)
        if path is not None:
            if path not in self._paths:
                raise UnknownName(f"nothing takes events at {uri.geturl()}")
            return INGRESS, path
        try:
            return self.of_host(uri.hostname, uri.port or HTTP_PORT, namespace), _path(uri)
        except UnknownName:
            if uri.hostname != "localhost" and (uri.hostname.endswith(_SUFFIXES) or "." not in uri.hostname):
                raise
        return Target("address", address=TcpAddress(uri.hostname, uri.port or HTTP_PORT)), _path(uri)

    def _kafka_sink(self, key: str) -> Target:
        if key not in self._kafka_sinks:
            raise UnknownName(f"there is no KafkaSink {key}")
        return Target("kafka-sink", key)

    def _deployment_of(self, core: CoreService, port: int | None) -> Deployment:
        chosen = [
            deployment
            for deployment in self._deployments
            if deployment.namespace == core.namespace
            and core.selector
            and all(deployment.labels.get(key) == value for key, value in core.selector.items())
        ]
        if len(chosen) != 1:
            raise UnknownName(f"Service {core.name} selects {len(chosen)} Deployments; one is what can be served")
        _check_port(core, port, chosen[0])
        return chosen[0]


def _check_port(core: CoreService, port: int | None, deployment: Deployment) -> None:
    """A process here listens on one port, the one it is told; the manifest has to mean that one."""
    entries = [entry for entry in core.ports if port is None or entry.port == port]
    if not entries:
        raise UnknownName(f"Service {core.name} has no port {port}")
    container = deployment.container
    target = entries[0].target if entries[0].target is not None else entries[0].port
    if container.port is None:
        raise UnknownName(f"Deployment {deployment.name}, behind Service {core.name}, names no containerPort")
    if target not in {container.port, container.port_name}:
        raise UnknownName(f"Service {core.name} targets port {target}, but {deployment.name} has {container.port}")


def _check_no_uri(destination: Destination, ref: Ref) -> None:
    if destination.uri:
        raise UnknownName(f"a {ref.kind} takes events at its own address; leave the uri {destination.uri} out")


def _is_kafka_sink(ref: Ref) -> bool:
    return (ref.group, ref.kind) == ("eventing.knative.dev", "KafkaSink")


def _takers(manifests: Manifests) -> dict[tuple[str, str], str]:
    """By kind and key: the path at which the ingress takes events for what takes them itself."""
    takers = {("Broker", broker.key): f"/{broker.key}" for broker in manifests.brokers}
    for channel in manifests.channels:
        # A Channel is backed by an InMemoryChannel of the same name, and may be named as either.
        for kind in {channel.kind, "InMemoryChannel"}:
            takers[kind, f"{channel.namespace}/{channel.name}"] = f"/{channel.key}"
    takers |= {(flow.kind, f"{flow.namespace}/{flow.name}"): f"/{flow.channel}" for flow in manifests.flows}
    return takers | {("JobSink", sink.key): f"{JOB_SINK_PATH}{sink.key}" for sink in manifests.job_sinks}


def _path_at(short: str, path: str) -> str | None:
    """Where the ingress takes what a cluster takes at a host (without its domain); None for other hosts."""
    if short in BROKER_INGRESSES:
        return path.rstrip("/")
    if short == JOB_SINK_INGRESS:
        return f"{JOB_SINK_PATH}{path.strip('/')}"
    name, _, inside = short.partition(".")
    if name.endswith(CHANNEL_HOST) and inside:
        return f"{CHANNEL_PATH}{inside}/{name.removesuffix(CHANNEL_HOST)}"
    return None


def _short(host: str) -> str:
    """A host's name without the cluster's domain."""
    short = host.lower()
    for suffix in _SUFFIXES:
        short = short.removesuffix(suffix)
    return short


def _path(uri: SplitResult) -> str:
    path = quote(uri.path, safe="/%:@!$&'()*+,;=~") or "/"
    if not path.startswith("/"):
        path = f"/{path}"
    return f"{path}?{uri.query}" if uri.query else path
