"""The kinds that `trackway deploy render --check` knows, and what is wanted of each."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from msgspec import Struct

from trackway.deploy.kinds import core, istio_routes, istio_security, istio_traffic, knative, operators, serving
from trackway.deploy.shape import Rules


def _of(group: str, versions: tuple[str, ...], *kinds: type[Struct]) -> dict[tuple[str, str], type[Struct]]:
    return {(f"{group}/{version}", kind.__name__): kind for version in versions for kind in kinds}


KINDS: Mapping[tuple[str, str], type[Struct]] = {
    **core.KINDS,
    **_of("serving.knative.dev", ("v1",), serving.Service),
    **_of("eventing.knative.dev", ("v1",), knative.Broker, knative.Trigger),
    **_of("eventing.knative.dev", ("v1alpha1",), knative.EventPolicy, knative.KafkaSink),
    **_of("eventing.knative.dev", ("v1",), knative.KafkaSink),
    **_of("sources.knative.dev", ("v1",), knative.SinkBinding, knative.PingSource),
    **_of(
        "networking.istio.io",
        ("v1", "v1beta1", "v1alpha3"),
        istio_routes.VirtualService,
        istio_traffic.DestinationRule,
        istio_traffic.Gateway,
        istio_traffic.Sidecar,
        istio_traffic.ServiceEntry,
    ),
    **_of(
        "security.istio.io",
        ("v1", "v1beta1"),
        istio_security.PeerAuthentication,
        istio_security.RequestAuthentication,
        istio_security.AuthorizationPolicy,
    ),
    **_of("telemetry.istio.io", ("v1", "v1alpha1"), istio_security.Telemetry),
    **_of(
        "kafka.strimzi.io", ("v1", "v1beta2"), operators.KafkaConnect, operators.KafkaConnector, operators.KafkaTopic
    ),
    **_of("monitoring.coreos.com", ("v1",), operators.PodMonitor, operators.ServiceMonitor, operators.PrometheusRule),
}
"""By apiVersion and kind."""

RULES = Rules(
    core.FIELDS,
    {
        **core.WHOLES,
        **knative.WHOLES,
        **serving.WHOLES,
        **istio_routes.WHOLES,
        **istio_traffic.WHOLES,
        **istio_security.WHOLES,
        **operators.WHOLES,
    },
)
_CLOSE = 0.85


def meant_kind(api_version: str, kind: str) -> str | None:
    """The kind that one is a misspelling of, by its looks; None where it is none that is known."""
    known = [f"{group} {name}" for group, name in KINDS]
    groups = {group for group, _ in KINDS}
    there = api_version in groups or any(kind == name for _, name in KINDS)
    near = get_close_matches(f"{api_version} {kind}", known, 1, _CLOSE)
    return near[0] if near and there else None
