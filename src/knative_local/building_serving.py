"""From documents that were checked to the model's records: the Knative Service and its revisions."""

from __future__ import annotations

from dataclasses import replace

from knative_local.building import Tree, container_of, labels_of, name_of, part, parts, spec_of
from knative_local.durations import go_duration
from knative_local.fields import AUTOSCALING
from knative_local.fields.workloads import LISTEN, PRELOAD
from knative_local.model import KnService
from knative_local.serving_model import ALL_TO_LATEST, Probe, Probes, Scaling, TrafficTarget
from knative_local.yaml_tree import Mapping

# Knative's own default (config-defaults, revision-timeout-seconds).
TIMEOUT_S = 300


def kn_service(document: Mapping) -> KnService:
    """A Knative Service as its newest revision has it."""
    namespace, name = name_of(document)
    spec = spec_of(document)
    container = container_of(spec["template"]["spec"]["containers"][0], namespace)
    traffic = tuple(_target(entry) for entry in parts(spec, "traffic")) or ALL_TO_LATEST
    bare = KnService(namespace, name, container, document.source, labels_of(document), traffic=traffic)
    return as_revision(bare, spec["template"])


def as_revision(service: KnService, template: Tree) -> KnService:
    """The Service as a revision has it that was made from `template`."""
    spec: Tree = template["spec"]
    annotations: dict[str, str] = part(part(template, "metadata"), "annotations")
    preload = annotations.get(PRELOAD)
    listen = annotations.get(LISTEN)
    return replace(
        service,
        container=container_of(spec["containers"][0], service.namespace),
        concurrency=spec.get("containerConcurrency", 0),
        timeout_seconds=float(spec.get("timeoutSeconds") or TIMEOUT_S),
        response_start_timeout_s=float(spec.get("responseStartTimeoutSeconds") or 0),
        idle_timeout_s=float(spec.get("idleTimeoutSeconds") or 0),
        scaling=_scaling(annotations),
        probes=_probes(spec["containers"][0]),
        preload=tuple(name.strip() for name in preload.split(",")) if preload else (),
        listen=None if listen is None else 0 if listen == "auto" else int(listen),
        revision=part(template, "metadata").get("name") or "",
        template=template,
    )


def _probes(container: Tree) -> Probes:
    return Probes(
        # Asked until it succeeds where it has no period of its own: Knative's default, unlike Kubernetes'.
        readiness=_probe(container.get("readinessProbe"), period_s=0),
        liveness=_probe(container.get("livenessProbe"), period_s=10),
        startup=_probe(container.get("startupProbe"), period_s=10),
    )


def _probe(tree: Tree | None, period_s: int) -> Probe | None:
    if not tree:
        return None
    get: Tree | None = tree.get("httpGet")
    # `path` may lack its slash, as health.getURL of queue-proxy puts one.
    path = None if get is None else "/" + get.get("path", "").removeprefix("/")
    return Probe(
        path=path,
        headers=tuple((each["name"], each["value"]) for each in parts(get or {}, "httpHeaders")),
        initial_delay_s=tree.get("initialDelaySeconds", 0),
        period_s=tree.get("periodSeconds") or period_s,
        timeout_s=tree.get("timeoutSeconds", 0),
        success_threshold=tree.get("successThreshold") or 1,
        failure_threshold=tree.get("failureThreshold") or 3,
    )


def _scaling(annotations: dict[str, str]) -> Scaling:
    default = Scaling()

    def number(annotation: str, otherwise: float) -> float:
        return float(annotations.get(AUTOSCALING + annotation, otherwise))

    def seconds(annotation: str, otherwise: float) -> float:
        text = annotations.get(AUTOSCALING + annotation)
        return otherwise if text is None else go_duration(text) or 0.0

    return Scaling(
        metric="rps" if annotations.get(AUTOSCALING + "metric") == "rps" else "concurrency",
        target=number("target", 0.0) or None,
        target_utilization=number("target-utilization-percentage", 100 * default.target_utilization) / 100,
        min_scale=int(number("min-scale", default.min_scale)),
        max_scale=int(number("max-scale", default.max_scale)),
        initial_scale=int(number("initial-scale", default.initial_scale)),
        activation_scale=int(number("activation-scale", default.activation_scale)),
        window_s=seconds("window", default.window_s),
        panic_window=number("panic-window-percentage", 100 * default.panic_window) / 100,
        panic_threshold=number("panic-threshold-percentage", 100 * default.panic_threshold) / 100,
        scale_down_delay_s=seconds("scale-down-delay", default.scale_down_delay_s),
        retention_s=seconds("scale-to-zero-pod-retention-period", default.retention_s),
        burst_capacity=number("target-burst-capacity", default.burst_capacity),
    )


def _target(tree: Tree) -> TrafficTarget:
    name = tree.get("revisionName") or None
    return TrafficTarget(name, tree.get("percent") or 0, tree.get("tag", ""), tree.get("latestRevision"))
