"""How many instances a revision should have: the load it measures, Knative's arithmetic (kpa.py), bounds, and zero.

The way to zero follows `handleScaleToZero` of knative/serving's pkg/reconciler/autoscaling/kpa/scaler.go, without the
grace period after the decision: no network has to be programmed before the last instance may go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from knative_local.kpa import Kpa, KpaSpec
from knative_local.load_meter import LoadMeter
from knative_local.model import KnService

SHORTEST_TICK_S: Final = 0.1
LONGEST_TICK_S: Final = 1.0
# Knative's defaults (config-autoscaler): container-concurrency-target-default, requests-per-second-target-default.
TARGET_CONCURRENCY: Final = 100.0
TARGET_RPS: Final = 200.0
LEAST_TARGET: Final = 0.01


def target_per_instance(service: KnService) -> float:
    """What one instance is meant to carry of the metric (`ResolveMetricTarget` of pkg/reconciler/autoscaling)."""
    scaling = service.scaling
    if scaling.metric == "rps":
        total = scaling.target or TARGET_RPS
    else:
        total = scaling.target or service.concurrency or TARGET_CONCURRENCY
        if service.concurrency:
            total = min(total, service.concurrency)
    return max(LEAST_TARGET, total * scaling.target_utilization)


@dataclass(frozen=True, slots=True)
class Decision:
    """`desired` instances, and after how many seconds to ask again (None: not before the next request)."""

    desired: int
    panicking: bool
    again_s: float | None


class Autoscaler:
    """One revision's autoscaler. All times are seconds of one monotonic clock that the caller reads."""

    def __init__(self, service: KnService, machine_limit: int) -> None:
        """`machine_limit` bounds a Service that has no max-scale: one machine ends somewhere."""
        scaling = service.scaling
        self._scaling = scaling
        self._meter = LoadMeter(scaling.window_s)
        self._kpa = Kpa(
            KpaSpec(
                target=target_per_instance(service),
                panic_threshold=scaling.panic_threshold,
                stable_window_s=scaling.window_s,
                scale_down_delay_s=scaling.scale_down_delay_s,
                activation_scale=scaling.activation_scale,
            )
        )
        self._panic_window_s = scaling.window_s * scaling.panic_window
        self._most = scaling.max_scale or max(machine_limit, scaling.min_scale)
        self._zero_since: float | None = None
        self._tick_s = min(LONGEST_TICK_S, max(SHORTEST_TICK_S, scaling.window_s / 6))
        self.reachable = True
        """Whether some traffic is meant for this revision; else nothing holds back its last instances."""

    @property
    def least(self) -> int:
        """How many there have to be at any time."""
        return self._scaling.min_scale if self.reachable else 0

    @property
    def at_first(self) -> int:
        """How many a first request starts."""
        return min(max(1, self._scaling.activation_scale), self._most)

    def change(self, now: float, concurrency: int, *, arrived: int = 0) -> None:
        """Say that from `now` on `concurrency` requests are waiting or under way, over all instances, and that
        `arrived` of them have just come."""
        self._meter.change(now, concurrency, arrived=arrived)

    def decide(self, now: float, ready: int) -> Decision:
        """The number of instances wanted now that `ready` of them can serve."""
        window_s = self._scaling.window_s
        mean = self._meter.requests_per_s if self._scaling.metric == "rps" else self._meter.mean_concurrency
        stable, panic = mean(now, window_s), mean(now, self._panic_window_s)
        desired = self._kpa.scale(now, stable, panic, ready, reachable=self.reachable)
        desired = min(max(desired, self.least), self._most)
        desired = self._retained(now, desired, ready)
        return Decision(desired, self._kpa.panicking, self._again(now, stable, desired, ready))

    def restart(self) -> None:
        """The revision is at zero: its next request finds an empty past."""
        self._meter.restart()
        self._kpa.restart()
        self._zero_since = None

    def _retained(self, now: float, desired: int, ready: int) -> int:
        """Hold the last instance back for its first window and the retention period, and while it has a request."""
        young = self.reachable and self._meter.younger_than(self._scaling.window_s, now)
        if desired > 0 or young:
            self._zero_since = None
            return max(desired, min(1, ready))
        if self._zero_since is None:
            self._zero_since = now
        retention_s = self._scaling.retention_s if self.reachable else 0.0
        kept = self._meter.concurrency > 0 or now - self._zero_since < retention_s
        return min(1, ready) if kept else 0

    def _again(self, now: float, stable: float, desired: int, ready: int) -> float | None:
        """When the answer may be another one without a request."""
        idle = not self._meter.concurrency and not self._kpa.holds
        if not idle or ready > 1 or desired != ready:
            is_settled = idle and desired == ready and not stable and self._zero_since is None
            return None if is_settled else self._tick_s
        if ready <= self.least:
            return None
        if self._zero_since is not None:
            return max(0.0, self._zero_since + self._scaling.retention_s - now) + SHORTEST_TICK_S
        return max(self._tick_s, self._meter.empty_at(now) - now)
