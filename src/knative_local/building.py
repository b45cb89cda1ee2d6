"""From documents that were checked to the model's records, one function per kind."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, cast

from knative_local.broker_classes import BROKER_CLASSES, CLASS_ANNOTATION, KAFKA
from knative_local.durations import go_duration, iso_duration
from knative_local.fields import AUTOSCALING, BATCH, LINGER, ORDER
from knative_local.filters import EVERYTHING, All, Attributes, Exact, Filter, Not, Prefix, Suffix
from knative_local.filters import Any as AnyOf
from knative_local.model import (
    Broker,
    ConfigMap,
    Container,
    CoreService,
    Delivery,
    Deployment,
    Destination,
    EnvFrom,
    EnvVar,
    HeaderMatch,
    HttpRoute,
    KnService,
    Match,
    Ref,
    Secret,
    ServicePort,
    SinkBinding,
    Source,
    Trigger,
    VirtualService,
)
from knative_local.yaml_tree import Listing, Mapping, find, plain, text_at

Tree = dict[str, Any]

DEFAULT_NAMESPACE = "default"
# What Knative's own defaults (config-br-defaults) give to a Broker without `delivery`.
DEFAULT_DELIVERY = Delivery(retry=10, backoff_policy="exponential", backoff_delay=0.2)


def name_of(document: Mapping) -> tuple[str, str]:
    """Namespace and name."""
    return text_at(document, "metadata", "namespace") or DEFAULT_NAMESPACE, text_at(document, "metadata", "name") or ""


def broker(document: Mapping) -> Broker:
    """A Broker."""
    namespace, name = name_of(document)
    spec = _spec(document)
    delivery = delivery_of(spec["delivery"], namespace) if "delivery" in spec else DEFAULT_DELIVERY
    class_name = _annotations(document).get(CLASS_ANNOTATION, KAFKA.name)
    return Broker(namespace, name, delivery, document.source, BROKER_CLASSES[class_name])


def broker_of_trigger(document: Mapping) -> tuple[str, str]:
    """Namespace and name of the Broker that a Trigger names, by `broker` or by `brokerRef`."""
    namespace, _ = name_of(document)
    ref = _part(_spec(document), "brokerRef")
    return ref.get("namespace") or namespace, ref.get("name") or _spec(document)["broker"]


def trigger(document: Mapping, broker: Broker) -> Trigger:
    """A Trigger of `broker`; its own delivery takes the place of its Broker's whole."""
    namespace, name = name_of(document)
    spec = _spec(document)
    annotations = _annotations(document)
    return Trigger(
        namespace=namespace,
        name=name,
        broker=broker.name,
        subscriber=destination(spec["subscriber"], namespace),
        delivery=delivery_of(spec["delivery"], namespace) if "delivery" in spec else broker.delivery,
        source=document.source,
        filter=_filter_of_trigger(spec),
        annotations=annotations,
        batch=int(annotations[BATCH]) if BATCH in annotations else None,
        linger=go_duration(annotations.get(LINGER, "0")) or 0.0,
        broker_class=broker.broker_class,
        broker_namespace=broker.namespace,
        ordered=broker.broker_class.orders and annotations.get(ORDER) == "ordered",
    )


def delivery_of(tree: Tree, namespace: str) -> Delivery:
    """A delivery block; no `retry` is one attempt, as in Knative."""
    default = Delivery()
    sink = tree.get("deadLetterSink")
    return Delivery(
        retry=tree.get("retry", default.retry),
        backoff_policy=tree.get("backoffPolicy", default.backoff_policy),
        backoff_delay=_seconds(tree.get("backoffDelay"), default.backoff_delay),
        timeout=_seconds(tree.get("timeout"), default.timeout),
        dead_letter_sink=destination(sink, namespace) if sink else None,
        retry_after_max=iso_duration(tree["retryAfterMax"]) if "retryAfterMax" in tree else None,
        format=tree.get("format", default.format),
    )


def destination(tree: Tree, namespace: str) -> Destination:
    """A destination; a ref without a namespace means that of the object it stands in."""
    ref = tree.get("ref")
    if ref is None:
        return Destination(uri=tree.get("uri"))
    inside = ref.get("namespace") or namespace
    return Destination(Ref(ref["kind"], inside, ref["name"], ref["apiVersion"]), tree.get("uri"))


def filter_of(tree: Tree) -> Filter:
    """One entry of `filters`."""
    ((dialect, content),) = tree.items()
    if dialect in ("all", "any"):
        inside = tuple(filter_of(entry) for entry in content)
        return All(inside) if dialect == "all" else AnyOf(inside)
    if dialect == "not":
        return Not(filter_of(content))
    # The brokers pass over an empty value, and so over an empty map.
    wanted = tuple((name, value) for name, value in content.items() if value)
    if not wanted:
        return EVERYTHING
    return {"exact": Exact, "prefix": Prefix, "suffix": Suffix}[dialect](wanted)


def kn_service(document: Mapping) -> KnService:
    """A Knative Service."""
    namespace, name = name_of(document)
    template = _spec(document)["template"]
    scaling = _part(_part(template, "metadata"), "annotations")
    concurrency = template["spec"].get("containerConcurrency", 0)

    def said(annotation: str, default: str) -> str:
        return scaling.get(AUTOSCALING + annotation, default)

    return KnService(
        namespace=namespace,
        name=name,
        container=_container(template["spec"]["containers"][0], namespace),
        source=document.source,
        labels=_labels(document),
        concurrency=concurrency,
        timeout_seconds=float(template["spec"].get("timeoutSeconds") or 300),
        min_scale=int(said("min-scale", "0")),
        max_scale=int(said("max-scale", "0")),
        initial_scale=int(said("initial-scale", "1")),
        target=float(said("target", str(concurrency or 100))),
        target_utilization=float(said("target-utilization-percentage", "70")) / 100,
        window_s=go_duration(said("window", "60s")) or 60.0,
        scale_to_zero_pod_retention_s=go_duration(said("scale-to-zero-pod-retention-period", "0")) or 0.0,
    )


def deployment(document: Mapping) -> Deployment:
    """A Deployment; its labels are those of its Pods."""
    namespace, name = name_of(document)
    template = _spec(document)["template"]
    labels = _part(_part(template, "metadata"), "labels")
    return Deployment(
        namespace, name, _container(template["spec"]["containers"][0], namespace), document.source, labels
    )


def core_service(document: Mapping) -> CoreService:
    """A v1 Service."""
    namespace, name = name_of(document)
    spec = _spec(document)
    ports = tuple(ServicePort(port["port"], port.get("name", ""), port.get("targetPort")) for port in spec["ports"])
    return CoreService(namespace, name, spec["selector"], ports, document.source)


def config_map(document: Mapping) -> ConfigMap:
    """A ConfigMap."""
    namespace, name = name_of(document)
    return ConfigMap(namespace, name, plain(find(document, "data")) or {}, document.source)


def secret(document: Mapping) -> Secret:
    """A Secret, decoded; `stringData` goes over `data`. Raises ValueError for data that are not text."""
    namespace, name = name_of(document)
    encoded: dict[str, str] = plain(find(document, "data")) or {}
    data = {key: base64.b64decode(value).decode() for key, value in encoded.items()}
    data.update(plain(find(document, "stringData")) or {})
    return Secret(namespace, name, data, document.source)


def sink_binding(document: Mapping) -> SinkBinding:
    """A SinkBinding."""
    namespace, name = name_of(document)
    spec = _spec(document)
    subject = spec["subject"]
    return SinkBinding(
        namespace=namespace,
        name=name,
        subject_kind=subject["kind"],
        subject_name=subject.get("name"),
        subject_labels=_part(_part(subject, "selector"), "matchLabels"),
        sink=destination(spec["sink"], namespace),
        source=document.source,
        subject_namespace=subject.get("namespace") or namespace,
    )


def virtual_service(document: Mapping) -> VirtualService:
    """A VirtualService; each route's source is where the route begins."""
    namespace, name = name_of(document)
    listing = cast("Listing", find(document, "spec", "http"))
    routes = tuple(_http_route(plain(item), item.source) for item in listing.items)
    return VirtualService(namespace, name, routes, document.source)


BUILDERS: dict[tuple[str, str], Callable[[Mapping], object]] = {
    ("eventing.knative.dev", "Broker"): broker,
    ("serving.knative.dev", "Service"): kn_service,
    ("sources.knative.dev", "SinkBinding"): sink_binding,
    ("apps", "Deployment"): deployment,
    ("", "Service"): core_service,
    ("", "ConfigMap"): config_map,
    ("", "Secret"): secret,
    ("networking.istio.io", "VirtualService"): virtual_service,
}
"""By group and kind; Triggers are built last, as they need their Brokers."""


def _part(tree: Tree, key: str) -> Tree:
    return tree.get(key) or {}


def _parts(tree: Tree, key: str) -> list[Tree]:
    return tree.get(key) or []


def _spec(document: Mapping) -> Tree:
    return plain(find(document, "spec")) or {}


def _annotations(document: Mapping) -> dict[str, str]:
    return plain(find(document, "metadata", "annotations")) or {}


def _labels(document: Mapping) -> dict[str, str]:
    return plain(find(document, "metadata", "labels")) or {}


def _seconds(text: str | None, default: float) -> float:
    seconds = iso_duration(text) if text is not None else None
    return default if seconds is None else seconds


def _filter_of_trigger(spec: Tree) -> Filter:
    # `filters`, when there, takes the place of `filter` whole.
    if spec.get("filters"):
        inside = tuple(filter_of(entry) for entry in spec["filters"])
        return inside[0] if len(inside) == 1 else All(inside)
    attributes = _part(_part(spec, "filter"), "attributes")
    return Attributes(tuple(attributes.items())) if attributes else EVERYTHING


def _container(tree: Tree, namespace: str) -> Container:
    ports = _parts(tree, "ports")
    port: Tree = ports[0] if ports else {}
    return Container(
        command=tuple(tree["command"]),
        args=tuple(tree.get("args") or ()),
        env=tuple(_variable(entry, namespace) for entry in _parts(tree, "env")),
        env_from=tuple(_all_variables(entry, namespace) for entry in _parts(tree, "envFrom")),
        image=tree.get("image", ""),
        port=port.get("containerPort"),
        port_name=port.get("name", ""),
    )


def _variable(tree: Tree, namespace: str) -> EnvVar:
    origin = tree.get("valueFrom")
    if origin is None:
        return EnvVar(tree["name"], tree.get("value", ""))
    ((kind, key),) = origin.items()
    ref = Ref("ConfigMap" if kind == "configMapKeyRef" else "Secret", namespace, key["name"], "v1")
    return EnvVar(tree["name"], ref=ref, key=key["key"], optional=key.get("optional", False))


def _all_variables(tree: Tree, namespace: str) -> EnvFrom:
    kind, from_ = ("ConfigMap", tree["configMapRef"]) if "configMapRef" in tree else ("Secret", tree["secretRef"])
    ref = Ref(kind, namespace, from_["name"], "v1")
    return EnvFrom(ref, tree.get("prefix", ""), from_.get("optional", False))


def _http_route(tree: Tree, source: Source) -> HttpRoute:
    to = tree["route"][0]["destination"]
    rewrite = _part(tree, "rewrite")
    return HttpRoute(
        match=tuple(_match(entry) for entry in _parts(tree, "match")),
        host=to["host"],
        port=_part(to, "port").get("number"),
        source=source,
        rewrite_uri=rewrite.get("uri"),
        rewrite_authority=rewrite.get("authority"),
        # Istio: no timeout, or 0s, waits without end.
        timeout_s=(go_duration(tree["timeout"]) or None) if "timeout" in tree else None,
    )


def _match(tree: Tree) -> Match:
    uri = _part(tree, "uri")
    method = _part(tree, "method")
    methods: str | None = next(iter(method.values()), None)
    return Match(
        uri_prefix=uri.get("prefix"),
        uri_exact=uri.get("exact"),
        uri_regex=uri.get("regex"),
        methods=tuple(methods.split("|")) if methods else None,
        headers=tuple(HeaderMatch(name.lower(), **condition) for name, condition in _part(tree, "headers").items()),
    )
