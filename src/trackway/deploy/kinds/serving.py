"""Knative's Service: a container that scales by its requests, of whose Pod only some fields may be set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from lightkube.models import core_v1, meta_v1
from msgspec import Struct

from trackway.deploy.kinds.core import at_most_one, exactly_one, mounts, needs, requests_within_limits, unique
from trackway.deploy.kinds.knative import Object
from trackway.deploy.shape import Rule, WholeRule, meant
from trackway.deploy.tree import at, listing, mapping
from trackway.deploy.values import (
    absolute_path,
    between,
    dns_label,
    env_name,
    go_between,
    image_name,
    matching,
    name_or_none,
    one_of,
    port_number,
    quantities,
    service_name,
    written,
)

AUTOSCALING = "autoscaling.knative.dev/"
_LONGEST = 3_600.0
_RESERVED_PORTS = (8012, 8013, 8022, 9090, 9091, 8008)
_RESERVED_ENV = ("PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION")
_COUNT = written(int, between(0, 2**31 - 1))

ANNOTATIONS: Mapping[str, Rule] = {
    AUTOSCALING + "class": one_of("kpa.autoscaling.knative.dev", "hpa.autoscaling.knative.dev"),
    AUTOSCALING + "min-scale": _COUNT,
    AUTOSCALING + "max-scale": _COUNT,
    AUTOSCALING + "initial-scale": _COUNT,
    AUTOSCALING + "activation-scale": written(int, between(2, 2**31 - 1)),
    AUTOSCALING + "metric": one_of("concurrency", "rps", "cpu", "memory"),
    AUTOSCALING + "metric-aggregation-algorithm": one_of("linear", "weighted-exponential", "weightedExponential"),
    AUTOSCALING + "target": written(float, between(0.01, 1e9)),
    AUTOSCALING + "target-utilization-percentage": written(float, between(1, 100)),
    AUTOSCALING + "target-burst-capacity": matching(r"-1|\d+(\.\d+)?", "-1 or a number from 0 on"),
    AUTOSCALING + "window": go_between(6, _LONGEST),
    AUTOSCALING + "panic-window-percentage": written(float, between(1, 100)),
    AUTOSCALING + "panic-threshold-percentage": written(float, between(110, 1_000)),
    AUTOSCALING + "scale-down-delay": go_between(0, _LONGEST),
    AUTOSCALING + "scale-to-zero-pod-retention-period": go_between(0, _LONGEST),
}


def annotations_of_template(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a template's annotations: path below the annotations, and why."""
    for key, value in given.items():
        rule = ANNOTATIONS.get(key)
        if rule is not None and (wrong := rule(value)):
            yield key, wrong
        elif rule is None and key.startswith(AUTOSCALING):
            # Knative takes any, and does nothing about one that it does not know.
            yield key, f"is no annotation of Knative's{meant(key, ANNOTATIONS)}"
    least, most = given.get(AUTOSCALING + "min-scale", "0"), given.get(AUTOSCALING + "max-scale", "0")
    if least.isdigit() and most.isdigit() and 0 < int(most) < int(least):
        yield AUTOSCALING + "max-scale", f"is {most}, less than min-scale {least}"


class Port(Struct):
    containerPort: int | None = None
    name: Annotated[str, one_of("h2c", "http1", "")] | None = None
    protocol: Annotated[str, one_of("TCP")] | None = None


class Capabilities(Struct):
    drop: list[str] | None = None


def _false(value: Any) -> str | None:
    return "is false here" if value else None


class SecurityContext(Struct):
    capabilities: Capabilities | None = None
    readOnlyRootFilesystem: bool | None = None
    runAsUser: Annotated[int, between(0, 2**31 - 1)] | None = None
    runAsGroup: Annotated[int, between(0, 2**31 - 1)] | None = None
    runAsNonRoot: bool | None = None
    allowPrivilegeEscalation: bool | None = None
    seccompProfile: core_v1.SeccompProfile | None = None
    privileged: Annotated[bool, _false] | None = None


class Resources(Struct):
    limits: Annotated[dict[Any, Any], quantities] | None = None
    requests: Annotated[dict[Any, Any], quantities] | None = None


class Mount(Struct):
    name: str
    mountPath: Annotated[str, absolute_path]
    readOnly: bool | None = None
    subPath: str | None = None


class HttpGet(Struct):
    port: int | str | None = None
    host: str | None = None
    path: str | None = None
    scheme: Annotated[str, one_of("HTTP", "HTTPS")] | None = None
    httpHeaders: list[core_v1.HTTPHeader] | None = None


class TcpSocket(Struct):
    port: int | str | None = None
    host: str | None = None


class Grpc(Struct):
    port: int | None = None
    service: str | None = None


class Probe(Struct):
    """Its port is the container's, so it need not be said."""

    exec: core_v1.ExecAction | None = None
    httpGet: HttpGet | None = None
    tcpSocket: TcpSocket | None = None
    grpc: Grpc | None = None
    initialDelaySeconds: Annotated[int, between(0, 2**31 - 1)] | None = None
    timeoutSeconds: Annotated[int, between(0, 2**31 - 1)] | None = None
    periodSeconds: Annotated[int, between(0, 2**31 - 1)] | None = None
    successThreshold: Annotated[int, between(0, 2**31 - 1)] | None = None
    failureThreshold: Annotated[int, between(0, 2**31 - 1)] | None = None
    terminationGracePeriodSeconds: int | None = None


class ReadinessProbe(Probe):
    """Without a handler it is Knative's own: whether the port takes a connection."""


class ValueFrom(Struct):
    configMapKeyRef: core_v1.ConfigMapKeySelector | None = None
    secretKeyRef: core_v1.SecretKeySelector | None = None


def _free(value: Any) -> str | None:
    return f"is {value}, which Knative sets itself" if value in _RESERVED_ENV else env_name(value)


class Env(Struct):
    name: Annotated[str, _free]
    value: str | None = None
    valueFrom: ValueFrom | None = None


class Container(Struct):
    image: Annotated[str, image_name]
    name: Annotated[str, dns_label] | None = None
    args: list[str] | None = None
    command: list[str] | None = None
    env: list[Env] | None = None
    envFrom: list[core_v1.EnvFromSource] | None = None
    imagePullPolicy: Annotated[str, one_of("Always", "IfNotPresent", "Never")] | None = None
    livenessProbe: Probe | None = None
    readinessProbe: ReadinessProbe | None = None
    startupProbe: Probe | None = None
    ports: list[Port] | None = None
    resources: Resources | None = None
    securityContext: SecurityContext | None = None
    terminationMessagePath: str | None = None
    terminationMessagePolicy: Annotated[str, one_of("File", "FallbackToLogsOnError")] | None = None
    volumeMounts: list[Mount] | None = None
    workingDir: str | None = None


class Volume(Struct):
    name: Annotated[str, dns_label]
    secret: core_v1.SecretVolumeSource | None = None
    configMap: core_v1.ConfigMapVolumeSource | None = None
    projected: core_v1.ProjectedVolumeSource | None = None
    emptyDir: core_v1.EmptyDirVolumeSource | None = None
    persistentVolumeClaim: core_v1.PersistentVolumeClaimVolumeSource | None = None


class RevisionSpec(Struct):
    containers: list[Container]
    volumes: list[Volume] | None = None
    serviceAccountName: Annotated[str, name_or_none] | None = None
    automountServiceAccountToken: Annotated[bool, _false] | None = None
    enableServiceLinks: bool | None = None
    imagePullSecrets: list[core_v1.LocalObjectReference] | None = None
    containerConcurrency: Annotated[int, between(0, 1_000)] | None = None
    timeoutSeconds: Annotated[int, between(0, 600)] | None = None
    responseStartTimeoutSeconds: Annotated[int, between(0, 600)] | None = None
    idleTimeoutSeconds: Annotated[int, between(0, 600)] | None = None


class Template(Struct):
    spec: RevisionSpec
    metadata: meta_v1.ObjectMeta | None = None


class Traffic(Struct):
    percent: Annotated[int, between(0, 100)] | None = None
    latestRevision: bool | None = None
    revisionName: str | None = None
    tag: Annotated[str, service_name] | None = None


class ServiceSpec(Struct):
    template: Template
    traffic: list[Traffic] | None = None


class Service(Object, kw_only=True):
    spec: ServiceSpec


def _one_port(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    ports = [port for each in value["containers"] for port in listing(each, "ports")]
    if len(ports) > 1:
        yield "containers", f"have {len(ports)} ports, and one is what Knative sends requests to"
    for port in ports:
        number = port.get("containerPort", 8080)
        if number in _RESERVED_PORTS or port_number(number):
            yield "containers", f"have the port {number}, which is none that a function may take"


def _mounted(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    used = {mount["name"] for each in value["containers"] for mount in listing(each, "volumeMounts")}
    for index, volume in enumerate(listing(value, "volumes")):
        if volume["name"] not in used:
            yield f"volumes[{index}]", f"is {volume['name']}, which no container mounts"


def _template(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = mapping(value, "metadata", "annotations")
    yield from ((f"metadata.annotations.{key}", wrong) for key, wrong in annotations_of_template(given))


def _whole_traffic(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    traffic = listing(value, "traffic")
    whole = sum(each.get("percent") or 0 for each in traffic)
    if traffic and whole != 100:
        yield "traffic", f"adds up to {whole} percent, not to 100"


def _service(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wrong = service_name(value["metadata"].get("name", ""))
    if wrong:
        yield "metadata.name", wrong
    for key in mapping(value, "metadata", "annotations"):
        if key.startswith(AUTOSCALING):
            yield f"metadata.annotations.{key}", "belongs under spec.template.metadata.annotations"
    name = at(value, "spec", "template", "metadata", "name")
    if name is not None and not name.startswith(f"{value['metadata'].get('name')}-"):
        yield "spec.template.metadata.name", f"is {name}, which does not begin with {value['metadata'].get('name')}-"


_SOURCES = ("secret", "configMap", "projected", "emptyDir", "persistentVolumeClaim")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")

WHOLES: Mapping[type[Struct], tuple[WholeRule, ...]] = {
    Probe: (exactly_one(*_HANDLERS),),
    ReadinessProbe: (at_most_one(*_HANDLERS),),
    ValueFrom: (exactly_one("configMapKeyRef", "secretKeyRef"),),
    Container: (unique("volumeMounts", "mountPath"),),
    Resources: (requests_within_limits,),
    Volume: (exactly_one(*_SOURCES),),
    RevisionSpec: (needs("containers"), _one_port, mounts, _mounted, unique("volumes", "name")),
    Template: (_template,),
    ServiceSpec: (_whole_traffic,),
    Service: (_service,),
}
