"""What the manifests say of a Knative Service's scale and traffic, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Metric = Literal["concurrency", "rps"]


@dataclass(frozen=True, slots=True)
class Scaling:
    """The autoscaling annotations, with Knative's defaults (config-autoscaler); times in seconds, shares as fractions.

    `target` None is containerConcurrency or 100, and 200 requests per second. `max_scale` 0 is unbounded,
    `activation_scale` 0 is none. `burst_capacity` 0 takes the activator, and so its queue, out of the way of requests.
    """

    metric: Metric = "concurrency"
    target: float | None = None
    target_utilization: float = 0.7
    min_scale: int = 0
    max_scale: int = 0
    initial_scale: int = 1
    activation_scale: int = 0
    window_s: float = 60.0
    panic_window: float = 0.1
    panic_threshold: float = 2.0
    scale_down_delay_s: float = 0.0
    retention_s: float = 0.0
    burst_capacity: float = 211.0


@dataclass(frozen=True, slots=True)
class TrafficTarget:
    """A share of a Service's requests, in percent, for a revision by name (None: the latest), which `tag` names too.
    `latest` is what `latestRevision` says, where it says anything."""

    revision: str | None = None
    percent: int = 0
    tag: str = ""
    latest: bool | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A question to an instance: GET of `path` with `headers`, or (None) whether it takes a connection. Seconds; a
    `period_s` of 0 is Knative's readiness probe, which is asked until it succeeds. `timeout_s` 0 is Kubernetes' 1 s."""

    path: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    initial_delay_s: float = 0.0
    period_s: float = 0.0
    timeout_s: float = 0.0
    success_threshold: int = 1
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class Probes:
    """A container's; None is none. Without a readiness probe an instance is ready when it takes connections."""

    readiness: Probe | None = None
    liveness: Probe | None = None
    startup: Probe | None = None


NO_PROBES = Probes()
DEFAULT_SCALING = Scaling()
ALL_TO_LATEST = (TrafficTarget(percent=100),)
