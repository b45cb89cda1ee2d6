"""Objects that tests add to a cluster, in the product's namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cluster.product import NAMESPACE

Manifest = dict[str, Any]
EVENTING = "eventing.knative.dev/v1"
SERVING = "serving.knative.dev/v1"
CHANNEL_BROKER = {"eventing.knative.dev/broker.class": "MTChannelBasedBroker"}


def service(name: str) -> Manifest:
    """A Knative Service as somebody's destination."""
    return {"ref": {"apiVersion": SERVING, "kind": "Service", "name": name}}


def broker(name: str) -> Manifest:
    """A channel broker that answers when all Triggers are through, what they replied included; 500 when one gave up."""
    return _object(EVENTING, "Broker", name, {}, CHANNEL_BROKER)


def trigger(name: str, broker: str, subscriber: Manifest, **spec: Any) -> Manifest:
    """A Trigger; `spec` is the rest of it."""
    return _object(EVENTING, "Trigger", name, {"broker": broker, "subscriber": subscriber, **spec})


def sequence(name: str, step: Manifest, reply: Manifest) -> Manifest:
    """A Sequence of one step over a channel in memory, whose answers go to `reply`, in chunks."""
    channel = {"apiVersion": "messaging.knative.dev/v1", "kind": "InMemoryChannel"}
    return _object(
        "flows.knative.dev/v1", "Sequence", name, {"channelTemplate": channel, "steps": [step], "reply": reply}
    )


def faulty_service(image: str) -> Manifest:
    """faulty.py in an image that has Python; always one Pod, since it remembers what came."""
    scale = {f"autoscaling.knative.dev/{each}-scale": "1" for each in ("min", "max")}
    source = Path(__file__).with_name("faulty.py").read_text()
    container = {"image": image, "command": ["python", "-c"], "args": [source]}
    template = {"metadata": {"annotations": scale}, "spec": {"containers": [container]}}
    return _object(SERVING, "Service", "faulty", {"template": template})


def kind_of_others(group: str, version: str, kind: str, plural: str) -> Manifest:
    """A kind that an operator would bring, taken whatever it says: `render --check` knows what it may say."""
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    versions = [{"name": version, "served": True, "storage": True, "schema": anything}]
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": versions}
    metadata = {"name": f"{plural}.{group}"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def _object(version: str, kind: str, name: str, spec: Manifest, annotations: dict[str, str] | None = None) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE, "annotations": annotations or {}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
