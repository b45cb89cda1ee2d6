"""Which field of which kind is honoured, taken without effect, or refused: the table that manifests are held against.

A field that is not in here is refused as unknown. `docs/knative-local.md` shows this table; a test keeps it so.
"""

from __future__ import annotations

from dataclasses import dataclass

from knative_local.fields.eventing import BATCH, BROKER, LINGER, ORDER, TRIGGER
from knative_local.fields.istio import VIRTUAL_SERVICE
from knative_local.fields.messaging import CHANNEL, IN_MEMORY_CHANNEL, PARALLEL, SEQUENCE, SUBSCRIPTION
from knative_local.fields.sinks import JOB_SINK, KAFKA_SINK
from knative_local.fields.sources import CONTAINER_SOURCE, PING_SOURCE, SINK_BINDING
from knative_local.fields.workloads import AUTOSCALING, CONFIG_MAP, CORE_SERVICE, DEPLOYMENT, KN_SERVICE, SECRET
from knative_local.schema import Object

__all__ = ["AUTOSCALING", "BATCH", "KINDS", "LINGER", "ORDER", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that is served: its API group (empty for the core), the versions that are read, and its shape."""

    name: str
    group: str
    versions: tuple[str, ...]
    shape: Object


KINDS = (
    Kind("Broker", "eventing.knative.dev", ("v1",), BROKER),
    Kind("Trigger", "eventing.knative.dev", ("v1",), TRIGGER),
    Kind("Service", "serving.knative.dev", ("v1",), KN_SERVICE),
    Kind("Channel", "messaging.knative.dev", ("v1",), CHANNEL),
    Kind("InMemoryChannel", "messaging.knative.dev", ("v1",), IN_MEMORY_CHANNEL),
    Kind("Subscription", "messaging.knative.dev", ("v1",), SUBSCRIPTION),
    Kind("Sequence", "flows.knative.dev", ("v1",), SEQUENCE),
    Kind("Parallel", "flows.knative.dev", ("v1",), PARALLEL),
    Kind("SinkBinding", "sources.knative.dev", ("v1",), SINK_BINDING),
    Kind("PingSource", "sources.knative.dev", ("v1",), PING_SOURCE),
    Kind("ContainerSource", "sources.knative.dev", ("v1",), CONTAINER_SOURCE),
    Kind("JobSink", "sinks.knative.dev", ("v1alpha1",), JOB_SINK),
    Kind("KafkaSink", "eventing.knative.dev", ("v1", "v1alpha1"), KAFKA_SINK),
    Kind("Deployment", "apps", ("v1",), DEPLOYMENT),
    Kind("Service", "", ("v1",), CORE_SERVICE),
    Kind("ConfigMap", "", ("v1",), CONFIG_MAP),
    Kind("Secret", "", ("v1",), SECRET),
    Kind("VirtualService", "networking.istio.io", ("v1", "v1beta1", "v1alpha3"), VIRTUAL_SERVICE),
)
