"""Whether what manifests name is there: Services, Brokers, keys of ConfigMaps, ports, certificates …"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from trackway.deploy.kinds import KINDS
from trackway.deploy.manifest import Manifest
from trackway.deploy.pods import Container, Pod, pods
from trackway.deploy.shape import meant
from trackway.deploy.tree import Tree, at, listing, mapping

Found = tuple[Manifest, str, str]
_CLOSE = 0.9
"""How alike (difflib) the name of a Secret that is not there is to another one, to be taken for a misspelling."""
_DOMAIN = ".svc.cluster.local"


class References(NamedTuple):
    """Names that nothing has, and what is not ours to bring and has to be on the cluster."""

    broken: tuple[Found, ...]
    needed: tuple[str, ...]


def references(manifests: Sequence[Manifest]) -> References:
    """All names in these manifests, looked up among them."""
    among = _Among(manifests)
    known = (each for each in manifests if (each.api_version, each.kind) in KINDS)
    broken = [found for each in known for found in among.of(each)]
    return References((*broken, *among.misspelt_secrets()), tuple(among.needed()))


class _Among:
    """What there is, by kind and name."""

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self._there: dict[tuple[str, str], dict[tuple[str, str], Manifest]] = {}
        for each in manifests:
            self._there.setdefault((each.group, each.kind), {})[each.namespace, each.name] = each
        self._pods = [pod for each in manifests for pod in pods(each)]
        self._secrets: Counter[tuple[str, str]] = Counter()
        self._asks: list[tuple[Manifest, str, str]] = []

    def of(self, it: Manifest) -> Iterator[Found]:
        """What one manifest names and is not there."""
        for path, ref in _refs(it):
            yield from ((it, path, wrong) for wrong in self._of_ref(it, ref))
        for pod in pods(it):
            yield from self._of_pod(it, pod)
        special = {
            ("", "Service"): self._of_service,
            ("networking.istio.io", "VirtualService"): self._of_routes,
            ("policy", "PodDisruptionBudget"): self._of_selector,
            ("autoscaling", "HorizontalPodAutoscaler"): self._of_scaled,
            ("kafka.strimzi.io", "KafkaConnector"): self._of_connector,
            ("sources.knative.dev", "SinkBinding"): self._of_subject,
            ("networking.istio.io", "Gateway"): self._of_certificates,
        }.get((it.group, it.kind))
        if special is not None:
            yield from ((it, path, wrong) for path, wrong in special(it))

    # ---------------------------------------------------------------- names

    def _find(self, group: str, kind: str, namespace: str, name: str) -> Manifest | None:
        return self._there.get((group, kind), {}).get((namespace, name))

    def _names(self, group: str, kind: str, namespace: str) -> list[str]:
        return [name for inside, name in self._there.get((group, kind), {}) if inside == namespace]

    def _missing(self, group: str, kind: str, namespace: str, name: str) -> str | None:
        if self._find(group, kind, namespace, name) is not None:
            return None
        names = self._names(group, kind, namespace)
        listed = f"; there are {', '.join(sorted(names))}" if names else ""
        return f"names the {kind} {name}, which is not there{meant(name, names) or listed}"

    def _of_ref(self, it: Manifest, ref: Tree) -> Iterator[str]:
        group = str(ref.get("apiVersion", "")).rpartition("/")[0]
        kind, namespace = str(ref["kind"]), str(ref.get("namespace") or it.namespace)
        if namespace != it.namespace:
            return  # of others
        if group == "" and kind == "Service" and self._find("serving.knative.dev", kind, namespace, ref["name"]):
            return  # Knative makes a Service of the same name
        versions = [version for version, known in KINDS if known == kind]
        if versions and ref["apiVersion"] not in versions:
            yield f"names {kind} of {ref['apiVersion']}, and there is none{meant(ref['apiVersion'], versions)}"
            return
        wrong = self._missing(group, kind, namespace, str(ref["name"]))
        if wrong:
            yield wrong

    # ---------------------------------------------------------------- Pods

    def _of_pod(self, it: Manifest, pod: Pod) -> Iterator[Found]:
        account = pod.spec.get("serviceAccountName")
        if account not in (None, "default"):
            wrong = self._missing("", "ServiceAccount", it.namespace, str(account))
            if wrong:
                yield it, f"{pod.path}.serviceAccountName", wrong
        for container in pod.containers:
            yield from self._of_container(it, container)
        for index, volume in enumerate(listing(pod.spec, "volumes")):
            for path, kind, name, keys, optional in _volume(volume):
                where = f"{pod.path}.volumes[{index}].{path}"
                yield from self._of_config(it, where, kind, name, keys, optional=optional)

    def _of_container(self, it: Manifest, container: Container) -> Iterator[Found]:
        for index, each in enumerate(listing(container.tree, "envFrom")):
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in each:
                    ref, path = each[field], f"{container.path}.envFrom[{index}].{field}"
                    yield from self._of_config(it, path, kind, ref["name"], (), optional=bool(ref.get("optional")))
        for index, each in enumerate(listing(container.tree, "env")):
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                ref = at(each, "valueFrom", field)
                if ref:
                    path = f"{container.path}.env[{index}].valueFrom.{field}"
                    optional = bool(ref.get("optional"))
                    yield from self._of_config(it, path, kind, ref["name"], (ref["key"],), optional=optional)
        if it.group != "serving.knative.dev":
            yield from ((it, path, wrong) for path, wrong in _probe_ports(container))

    def _of_config(
        self, it: Manifest, path: str, kind: str, name: str, keys: Iterable[str], *, optional: bool
    ) -> Iterator[Found]:
        """A ConfigMap or a Secret, and keys in it. A Secret may be made by hand, so it need not be among ours."""
        found = self._find("", kind, it.namespace, name)
        if found is None:
            if kind == "Secret":
                self._secrets[it.namespace, name] += 0 if optional else 1
                self._asks.append((it, path, name))
            elif not optional:
                yield it, f"{path}.name", str(self._missing("", kind, it.namespace, name))
            return
        there = {**mapping(found.tree, "data"), **mapping(found.tree, "stringData")}
        for key in keys:
            if key not in there and not optional:
                listed = f"; there are {', '.join(sorted(there))}" if there else ""
                yield it, f"{path}.key", f"is {key}, which {kind} {name} has not{meant(key, there) or listed}"

    def misspelt_secrets(self) -> Iterator[Found]:
        """Names of Secrets that are so close to another one that they are hardly meant."""
        for it, path, name in self._asks:
            others = {
                *self._names("", "Secret", it.namespace),
                *(other for (inside, other), times in self._secrets.items() if inside == it.namespace and times > 1),
            } - {name}
            near = get_close_matches(name, others, 1, _CLOSE)
            if near and self._secrets[it.namespace, name] <= 1:
                yield it, f"{path}.name", f"names the Secret {name}; did you mean {near[0]}, as others do?"

    def needed(self) -> Iterator[str]:
        """Secrets that have to be made by hand, as `Secret trackway/trackway-store`."""
        for (namespace, name), times in sorted(self._secrets.items()):
            if times:
                yield f"Secret {namespace}/{name}"

    # ---------------------------------------------------------------- kinds

    def _selected(self, namespace: str, labels: Tree) -> list[Pod]:
        return [
            pod
            for pod in self._pods
            if pod.namespace == namespace and all(pod.labels.get(key) == value for key, value in labels.items())
        ]

    def _of_service(self, it: Manifest) -> Iterator[tuple[str, str]]:
        selector = mapping(it.spec, "selector")
        if not selector:
            return
        selected = self._selected(it.namespace, selector)
        if not selected:
            yield "spec.selector", f"selects no Pod ({_shown(selector)})"
            return
        names = {port.get("name") for pod in selected for each in pod.containers for port in each.ports}
        for index, port in enumerate(listing(it.spec, "ports")):
            target = port.get("targetPort")
            if isinstance(target, str) and target not in names:
                known = sorted(str(name) for name in names if name)
                yield f"spec.ports[{index}].targetPort", f"is {target}, which no container has{meant(target, known)}"

    def _of_selector(self, it: Manifest) -> Iterator[tuple[str, str]]:
        selector = mapping(it.spec, "selector", "matchLabels")
        if selector and not self._selected(it.namespace, selector):
            yield "spec.selector", f"selects no Pod ({_shown(selector)})"

    def _of_scaled(self, it: Manifest) -> Iterator[tuple[str, str]]:
        target = it.spec["scaleTargetRef"]
        wrong = next(self._of_ref(it, target), None)
        group, _, _ = str(target["apiVersion"]).rpartition("/")
        scaled = self._find(group, target["kind"], it.namespace, target["name"])
        if wrong:
            yield "spec.scaleTargetRef", wrong
        elif scaled is not None and "replicas" in scaled.spec:
            why = "leave them out there, or each apply takes back what was scaled"
            yield "spec.scaleTargetRef", f"scales the {scaled}, whose manifest sets spec.replicas too; {why}"

    def _of_connector(self, it: Manifest) -> Iterator[tuple[str, str]]:
        worker = at(it.metadata, "labels", "strimzi.io/cluster")
        wrong = self._missing("kafka.strimzi.io", "KafkaConnect", it.namespace, str(worker))
        if wrong:
            yield "metadata.labels.strimzi.io/cluster", wrong

    def _of_subject(self, it: Manifest) -> Iterator[tuple[str, str]]:
        subject = it.spec["subject"]
        group = str(subject["apiVersion"]).rpartition("/")[0]
        known = self._there.get((group, subject["kind"]), {})
        wanted = mapping(subject, "selector", "matchLabels")
        if "name" in subject:
            wrong = self._missing(group, subject["kind"], it.namespace, subject["name"])
            if wrong:
                yield "spec.subject", wrong
        elif wanted and not any(
            all(at(each.metadata, "labels", key) == value for key, value in wanted.items()) for each in known.values()
        ):
            yield "spec.subject", f"selects no {subject['kind']} of {subject['apiVersion']} ({_shown(wanted)})"

    def _of_routes(self, it: Manifest) -> Iterator[tuple[str, str]]:
        for index, gateway in enumerate(listing(it.spec, "gateways")):
            namespace, _, name = str(gateway).rpartition("/")
            if gateway != "mesh" and namespace in ("", it.namespace):
                wrong = self._missing("networking.istio.io", "Gateway", it.namespace, name)
                if wrong:
                    yield f"spec.gateways[{index}]", wrong
        for index, route in enumerate(listing(it.spec, "http")):
            authority = at(route, "rewrite", "authority")
            if authority and (wrong := self._of_host(it, str(authority).partition(":")[0], None)):
                yield f"spec.http[{index}].rewrite.authority", wrong
            for place, each in enumerate(listing(route, "route")):
                to = each["destination"]
                wrong = self._of_host(it, to["host"], at(to, "port", "number"))
                if wrong:
                    yield f"spec.http[{index}].route[{place}].destination", wrong

    def _of_host(self, it: Manifest, host: str, port: int | None) -> str | None:
        """What is wrong with the host of one of our own Services; of others we know nothing."""
        name, _, namespace = host.removesuffix(_DOMAIN).removesuffix(".svc").partition(".")
        if namespace not in ("", it.namespace):
            return None
        service = self._find("", "Service", it.namespace, name)
        if service is not None:
            ports = [each.get("port") for each in listing(service.spec, "ports")]
            listed = ", ".join(map(str, ports))
            return None if port is None or port in ports else f"has the port {port}, and Service {name} has {listed}"
        if self._find("serving.knative.dev", "Service", it.namespace, name):
            return None
        names = [
            *self._names("", "Service", it.namespace),
            *self._names("serving.knative.dev", "Service", it.namespace),
        ]
        return f"names the Service {name}, which is not there{meant(name, names)}"

    def _of_certificates(self, it: Manifest) -> Iterator[tuple[str, str]]:
        """They lie beside the ingress gateway's Pods, whose namespace the manifest does not say."""
        for server in it.spec["servers"]:
            name = at(server, "tls", "credentialName")
            if name and not any(each == name for _, each in self._there.get(("", "Secret"), {})):
                self._secrets["the ingress gateway's namespace", name] += 1
        yield from ()


def _shown(labels: Tree) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def _refs(it: Manifest) -> Iterator[tuple[str, Tree]]:
    """References to objects by kind and name, in fields that mean one which receives events or is configured."""
    spec = it.spec
    if it.group == "eventing.knative.dev" and it.kind == "Trigger" and spec.get("broker"):
        broker = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": spec["broker"]}
        yield "spec.broker", broker
    if not it.group.endswith("knative.dev"):
        return
    ends = {
        "spec.subscriber.ref": at(spec, "subscriber", "ref"),
        "spec.sink.ref": at(spec, "sink", "ref"),
        "spec.reply.ref": at(spec, "reply", "ref"),
        "spec.brokerRef": spec.get("brokerRef"),
        "spec.config": spec.get("config"),
        "spec.delivery.deadLetterSink.ref": at(spec, "delivery", "deadLetterSink", "ref"),
    }
    yield from ((path, mapping(ref)) for path, ref in ends.items() if ref)
    if it.kind == "EventPolicy":
        for index, each in enumerate(listing(spec, "to")):
            if each.get("ref"):
                yield f"spec.to[{index}].ref", each["ref"]
        for index, each in enumerate(listing(spec, "from")):
            if each.get("ref"):
                yield f"spec.from[{index}].ref", each["ref"]


def _volume(volume: Tree) -> Iterator[tuple[str, str, str, tuple[str, ...], bool]]:
    """What a volume is made of: path, kind, name, keys, whether it may be missing."""
    projected = enumerate(listing(volume, "projected", "sources"))
    for path, each in [("", volume), *((f"projected.sources[{index}].", each) for index, each in projected)]:
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            source = mapping(each, field)
            if source:
                name = str(source.get("name") or source.get("secretName") or "")
                keys = tuple(str(item["key"]) for item in listing(source, "items"))
                yield f"{path}{field}", kind, name, keys, bool(source.get("optional"))


def _probe_ports(container: Container) -> Iterator[tuple[str, str]]:
    """Named ports of probes are the container's."""
    names = [str(port["name"]) for port in container.ports if port.get("name")]
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        for handler in ("httpGet", "tcpSocket"):
            port = at(container.tree, probe, handler, "port")
            if isinstance(port, str) and port not in names:
                yield (
                    f"{container.path}.{probe}.{handler}.port",
                    f"is {port}, which is no port of it{meant(port, names)}",
                )
