"""What a deployment needs of a cluster, and whether it is there: versions, kinds, brokers, mesh, Secrets, DNS …"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from trackway.deploy.checking import check
from trackway.deploy.cluster import Cluster, Refused
from trackway.deploy.kinds.knative import BROKER_CLASS
from trackway.deploy.manifest import Manifest
from trackway.deploy.readiness import readiness
from trackway.deploy.tree import Tree, at, listing, mapping

State = Literal["well", "unsure", "wrong"]
LEAST_KUBERNETES = (1, 27)
"""The first whose strict field validation is stable; Knative itself says at its start when it wants a newer one."""
LEAST_KNATIVE = (1, 17)
"""The oldest whose Triggers take all filters that ours have, without a feature to be switched on."""
_INSTALL = "https://knative.dev/docs/install"
_BRINGS = {
    "serving.knative.dev": f"install Knative Serving ({_INSTALL})",
    "eventing.knative.dev": f"install Knative Eventing ({_INSTALL})",
    "sources.knative.dev": f"install Knative Eventing ({_INSTALL})",
    "networking.istio.io": "install Istio (istioctl install), and Knative's net-istio",
    "security.istio.io": "install Istio (istioctl install)",
    "telemetry.istio.io": "install Istio (istioctl install)",
    "kafka.strimzi.io": "install Strimzi (https://strimzi.io/quickstarts), or leave the component connect out",
    "monitoring.coreos.com": "install Prometheus Operator, or leave the component monitoring out",
}
_KAFKA = f"install Knative's Kafka broker ({_INSTALL}/eventing/install-eventing-with-yaml)"
_CLASSES = {
    "MTChannelBasedBroker": (
        ("mt-broker-controller", "mt-broker-ingress", "mt-broker-filter"),
        _BRINGS["eventing.knative.dev"],
    ),
    "Kafka": (("kafka-controller", "kafka-broker-receiver"), _KAFKA),
}
"""What serves a class of Brokers: Deployments of knative-eventing, and where they are from."""
_SECRETS = {
    "trackway-store": "--from-literal=TRACKWAY_STORE=mongodb://USER:PASSWORD@HOST/trackway",
    "trackway-search": "--from-literal=TRACKWAY_ELASTICSEARCH=https://USER:PASSWORD@HOST:9200",
    "trackway-archive": "--from-literal=TRACKWAY_ARCHIVE=s3://BUCKET/PREFIX --from-literal=AWS_REGION=REGION …",
}
FORBIDDEN = 403
_VERBS = ("get", "list", "create", "patch")
"""What `deploy apply` does with objects: a server-side apply is a patch, and creates what is not there."""
_INJECTING = ("istio-injection", "istio.io/rev", "istio.io/dataplane-mode")
_METRICS = {
    "Resource": "metrics.k8s.io/v1beta1",
    "ContainerResource": "metrics.k8s.io/v1beta1",
    "Pods": "custom.metrics.k8s.io/v1beta1",
    "Object": "custom.metrics.k8s.io/v1beta1",
    "External": "external.metrics.k8s.io/v1beta1",
}


class Finding(NamedTuple):
    """One thing that was looked at; ``remedy`` says what to do where it is not well."""

    what: str
    state: State
    remedy: str = ""


def findings(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """All that these manifests need of the cluster. Raises Unreachable, Refused."""
    version = cluster.version()
    yield _at_least(f"Kubernetes {version}", version, LEAST_KUBERNETES, "update the cluster")
    for part in (_rights, _knative, _kinds, _brokers, _ingress, _mesh, _features, _scaling, _storage, _secrets, _names):
        try:
            yield from part(cluster, manifests)
        except Refused as refused:
            if refused.status != FORBIDDEN:
                raise
            yield Finding(f"what {part.__name__.strip('_')} there are", "unsure", f"not for you to see: {refused}")


def _at_least(what: str, version: str, least: tuple[int, int], remedy: str) -> Finding:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found is None:
        return Finding(what, "well")  # a build of somebody's own, who will know
    well = (int(found[1]), int(found[2])) >= least
    return (
        Finding(what, "well")
        if well
        else Finding(what, "wrong", f"{remedy}: {least[0]}.{least[1]} is the oldest that will do")
    )


def _rights(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """What whoever asks may do himself, of what `deploy apply` does; Pods say why something is not ready."""
    wanted = {(each.namespace, "v1", "Pod"): ("list",) for each in manifests if each.namespace}
    wanted |= {(each.namespace, each.api_version, each.kind): _VERBS for each in manifests}
    lacks = 0
    for (namespace, api_version, kind), verbs in wanted.items():
        if not cluster.knows(api_version, kind):
            continue  # which is told with the kinds
        missing = [verb for verb in verbs if not cluster.may(verb, api_version, kind, namespace)]
        if not missing:
            continue
        lacks += 1
        resource, may = cluster.resource(api_version, kind), ",".join(missing)
        role = f"kubectl -n {namespace} create role" if namespace else "kubectl create clusterrole"
        remedy = f"{role} deploy-{kind.lower()} --verb={may} --resource={resource}, and bind it to yourself"
        place = f" in {namespace}" if namespace else ""
        yield Finding(f"you may not {may} {resource}{place}", "wrong", remedy)
    if not lacks:
        yield Finding("you may do all that deploy apply does", "well")


def _knative(cluster: Cluster, _: Sequence[Manifest]) -> Iterator[Finding]:
    for part, namespace, group in (
        ("Knative Serving", "knative-serving", "serving.knative.dev"),
        ("Knative Eventing", "knative-eventing", "eventing.knative.dev"),
    ):
        deployments = cluster.list("apps/v1", "Deployment", namespace)
        if not deployments:
            yield Finding(part, "wrong", f"nothing of it is in the namespace {namespace}: {_BRINGS[group]}")
            continue
        versions = {str(at(each, "metadata", "labels", "app.kubernetes.io/version") or "") for each in deployments} - {
            ""
        }
        version = max(versions, default="of some version", key=_sortable)
        yield _at_least(f"{part} {version}", version, LEAST_KNATIVE, "update it")
        yield from _running(cluster, part, namespace, deployments)


def _sortable(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _running(cluster: Cluster, part: str, namespace: str, deployments: Sequence[Tree]) -> Iterator[Finding]:
    pods = cluster.list("v1", "Pod", namespace)
    late: dict[str, str] = {}
    for each in deployments:
        how = readiness(Manifest(each), each, pods)
        if not how.ready:
            late[str(at(each, "metadata", "name"))] = how.why
    for name, why in late.items():
        yield Finding(f"{part}: {name}", "wrong", f"{why} (kubectl -n {namespace} describe deployment {name})")
    if not late:
        yield Finding(f"{part}: {len(deployments)} Deployments run", "well")


def _kinds(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    wanted = sorted({(each.group, each.api_version, each.kind) for each in manifests})
    for group, found in groupby(wanted, key=lambda each: each[0]):
        kinds = [(version, kind) for _, version, kind in found]
        missing = [f"{kind} of {version}" for version, kind in kinds if not cluster.knows(version, kind)]
        names = ", ".join(kind for _, kind in kinds)
        if missing:
            remedy = _BRINGS.get(group, "update Kubernetes, or leave out what wants it")
            yield Finding(
                f"kinds of {group or 'v1'}", "wrong", f"the cluster knows no {', no '.join(missing)}: {remedy}"
            )
        else:
            yield Finding(f"kinds of {group or 'v1'}: {names}", "well")


def _brokers(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    running = {str(at(each, "metadata", "name")) for each in cluster.list("apps/v1", "Deployment", "knative-eventing")}
    for broker in (each for each in manifests if each.kind == "Broker"):
        named = at(broker.metadata, "annotations", BROKER_CLASS) or _default_class(cluster)
        deployments, remedy = _CLASSES.get(str(named), ((), ""))
        missing = [each for each in deployments if each not in running]
        what = f"{broker} of class {named}"
        if named not in _CLASSES:
            yield Finding(what, "unsure", "that class is not known here; see that something serves it")
        elif missing:
            yield Finding(what, "wrong", f"{', '.join(missing)} is not in knative-eventing: {remedy}")
        else:
            yield Finding(what, "well")


def _default_class(cluster: Cluster) -> str | None:
    """The class of Brokers that name none, as the cluster's ConfigMap has it (YAML within YAML)."""
    text = _config(cluster, "knative-eventing", "config-br-defaults", "default-br-config")
    found = re.search(r"brokerClass:\s*(\S+)", text or "")
    return found[1] if found else None


def _config(cluster: Cluster, namespace: str, name: str, key: str) -> str | None:
    value = at(_one(cluster, "ConfigMap", namespace, name), "data", key)
    return None if value is None else str(value)


def _one(cluster: Cluster, kind: str, namespace: str, name: str) -> Tree | None:
    """An object of Kubernetes' core by its name."""
    return cluster.get(Manifest({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}))


def _ingress(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Knative's networking layer, which for a mesh's routes has to be Istio."""
    layer = (
        _config(cluster, "knative-serving", "config-network", "ingress-class") or "istio.ingress.networking.knative.dev"
    )
    wants_istio = any(each.kind == "VirtualService" for each in manifests)
    is_istio = layer.startswith("istio")
    if wants_istio and not is_istio:
        remedy = (
            "the VirtualService sends to its local gateway; install net-istio and set ingress-class in config-network"
        )
        yield Finding(f"Knative's networking layer is {layer}, not Istio's", "wrong", remedy)
        return
    yield Finding(f"Knative's networking layer: {layer}", "well")
    if is_istio:
        there = _one(cluster, "Service", "istio-system", "knative-local-gateway") is not None
        remedy = "it is not in istio-system: install Knative's net-istio"
        yield Finding("knative-local-gateway", "well" if there else "wrong", "" if there else remedy)


def _mesh(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Pods are in the mesh where their namespace says so; else its policies would bind nobody."""
    inside = {each.namespace for each in manifests if each.group == "security.istio.io" and each.namespace}
    ours = {each.name: mapping(each.metadata, "labels") for each in manifests if each.kind == "Namespace"}
    live = (
        {
            str(at(each, "metadata", "name")): mapping(each, "metadata", "labels")
            for each in cluster.list("v1", "Namespace")
        }
        if inside
        else {}
    )
    for namespace in sorted(inside):
        labels = {**live.get(namespace, {}), **ours.get(namespace, {})}
        injects = any(labels.get(name) not in (None, "disabled", "none") for name in _INJECTING)
        remedy = f"its policies bind nobody: kubectl label namespace {namespace} istio-injection=enabled"
        yield Finding(f"Istio's sidecars in {namespace}", "well" if injects else "wrong", "" if injects else remedy)


def _features(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    if any(each.kind == "EventPolicy" for each in manifests):
        on = _config(cluster, "knative-eventing", "config-features", "authentication-oidc") == "enabled"
        remedy = (
            "EventPolicies are refused without it: set authentication-oidc: enabled in its ConfigMap config-features"
        )
        yield Finding("Eventing's OIDC", "well" if on else "wrong", "" if on else remedy)


def _scaling(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    wanted = {
        _METRICS[str(at(metric, "type"))]
        for each in manifests
        if each.kind == "HorizontalPodAutoscaler"
        for metric in listing(each.spec, "metrics")
        if at(metric, "type") in _METRICS
    }
    for api in sorted(wanted):
        there = cluster.serves(api)
        remedy = (
            "the gateway will not scale: install metrics-server"
            if api.startswith("metrics")
            else "the gateway will not scale by it: install an adapter of metrics (prometheus-adapter)"
        )
        yield Finding(f"metrics for scaling ({api})", "well" if there else "unsure", "" if there else remedy)


def _storage(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    claims = [each for each in manifests if each.kind == "PersistentVolumeClaim"]
    if not claims:
        return
    classes = {str(at(each, "metadata", "name")): each for each in cluster.list("storage.k8s.io/v1", "StorageClass")}
    default = any(
        at(each, "metadata", "annotations", "storageclass.kubernetes.io/is-default-class") == "true"
        for each in classes.values()
    )
    for claim in claims:
        named = at(claim.spec, "storageClassName")
        well = named in classes if named else default
        remedy = (
            f"there is no storage class {named}"
            if named
            else "the cluster has no default storage class; name one in the claim"
        )
        yield Finding(f"storage for {claim}", "well" if well else "wrong", "" if well else remedy)


def _secrets(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[Finding]:
    for need in check(manifests).needed:
        namespace, _, name = need.removeprefix("Secret ").rpartition("/")
        if " " in namespace:  # in words: the manifests do not say which
            yield Finding(f"Secret {name}", "unsure", f"see that it is in {namespace}")
            continue
        what, found = f"Secret {name} in {namespace}", _one(cluster, "Secret", namespace, name)
        hint = _SECRETS.get(name, "--from-literal=KEY=VALUE")
        key = re.search(r"=(\w+)=", hint)
        if found is None:
            yield Finding(what, "wrong", f"kubectl -n {namespace} create secret generic {name} {hint}")
        elif name in _SECRETS and key is not None and key[1] not in mapping(found, "data"):
            yield Finding(what, "wrong", f"it has no {key[1]}; make it anew with {hint}")
        else:
            yield Finding(what, "well")


def _names(cluster: Cluster, _: Sequence[Manifest]) -> Iterator[Finding]:
    """The cluster's DNS, which the network policies let Pods ask in kube-system only."""
    pods = cluster.list("v1", "Pod", "kube-system", labels="k8s-app in (kube-dns,coredns)")
    ready = [
        each
        for each in pods
        if any(at(it, "type") == "Ready" and at(it, "status") == "True" for it in listing(each, "status", "conditions"))
    ]
    if ready:
        yield Finding(f"DNS: {len(ready)} Pods of kube-system answer", "well")
    elif pods:
        yield Finding("DNS", "wrong", "no Pod of it is ready: kubectl -n kube-system get pods -l k8s-app=kube-dns")
    else:
        remedy = "none of its Pods is in kube-system; if it is elsewhere, open that in the NetworkPolicy names"
        yield Finding("DNS", "unsure", remedy)
