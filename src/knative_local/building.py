"""From documents that were checked to the model's records: what runs, what it is given, and routes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, cast

from knative_local.durations import go_duration
from knative_local.model import ConfigMap, Container, CoreService, Deployment, EnvFrom, EnvVar, Ref, Secret, ServicePort
from knative_local.routing_model import HeaderMatch, HttpRoute, Match, VirtualService
from knative_local.source import Source
from knative_local.yaml_tree import Listing, Mapping, find, plain, text_at

Tree = dict[str, Any]

DEFAULT_NAMESPACE = "default"


def name_of(document: Mapping) -> tuple[str, str]:
    """Namespace and name."""
    return text_at(document, "metadata", "namespace") or DEFAULT_NAMESPACE, text_at(document, "metadata", "name") or ""


def deployment(document: Mapping) -> Deployment:
    """A Deployment; its labels are those of its Pods."""
    namespace, name = name_of(document)
    template = spec_of(document)["template"]
    pod_labels = part(part(template, "metadata"), "labels")
    process = container_of(template["spec"]["containers"][0], namespace)
    return Deployment(namespace, name, process, document.source, pod_labels, own_labels=labels_of(document))


def core_service(document: Mapping) -> CoreService:
    """A v1 Service."""
    namespace, name = name_of(document)
    spec = spec_of(document)
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


def virtual_service(document: Mapping) -> VirtualService:
    """A VirtualService; each route's source is where the route begins."""
    namespace, name = name_of(document)
    listing = cast("Listing", find(document, "spec", "http"))
    routes = tuple(_http_route(plain(item), item.source) for item in listing.items)
    return VirtualService(namespace, name, routes, document.source)


BUILDERS: dict[tuple[str, str], Callable[[Mapping], object]] = {
    ("apps", "Deployment"): deployment,
    ("", "Service"): core_service,
    ("", "ConfigMap"): config_map,
    ("", "Secret"): secret,
    ("networking.istio.io", "VirtualService"): virtual_service,
}
"""By group and kind; those of Knative are in `building_eventing` and `building_serving`."""


def part(tree: Tree, key: str) -> Tree:
    """The mapping at `key`, or an empty one."""
    return tree.get(key) or {}


def parts(tree: Tree, key: str) -> list[Tree]:
    """The list at `key`, or an empty one."""
    return tree.get(key) or []


def spec_of(document: Mapping) -> Tree:
    """What an object asks for."""
    return plain(find(document, "spec")) or {}


def annotations_of(document: Mapping) -> dict[str, str]:
    """An object's annotations."""
    return plain(find(document, "metadata", "annotations")) or {}


def labels_of(document: Mapping) -> dict[str, str]:
    """An object's own labels."""
    return plain(find(document, "metadata", "labels")) or {}


def container_of(tree: Tree, namespace: str) -> Container:
    """A container of a Pod template in `namespace`."""
    ports = parts(tree, "ports")
    port: Tree = ports[0] if ports else {}
    return Container(
        command=tuple(tree["command"]),
        args=tuple(tree.get("args") or ()),
        env=tuple(_variable(entry, namespace) for entry in parts(tree, "env")),
        env_from=tuple(_all_variables(entry, namespace) for entry in parts(tree, "envFrom")),
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
    rewrite = part(tree, "rewrite")
    return HttpRoute(
        match=tuple(_match(entry) for entry in parts(tree, "match")),
        host=to["host"],
        port=part(to, "port").get("number"),
        source=source,
        rewrite_uri=rewrite.get("uri"),
        rewrite_authority=rewrite.get("authority"),
        # Istio: no timeout, or 0s, waits without end.
        timeout_s=(go_duration(tree["timeout"]) or None) if "timeout" in tree else None,
    )


def _match(tree: Tree) -> Match:
    uri = part(tree, "uri")
    method = part(tree, "method")
    methods: str | None = next(iter(method.values()), None)
    return Match(
        uri_prefix=uri.get("prefix"),
        uri_exact=uri.get("exact"),
        uri_regex=uri.get("regex"),
        methods=tuple(methods.split("|")) if methods else None,
        headers=tuple(HeaderMatch(name.lower(), **condition) for name, condition in part(tree, "headers").items()),
    )
