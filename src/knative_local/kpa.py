"""Knative's pod autoscaler (KPA) as arithmetic: from two means and the instances that are there to those wanted.

It follows `Scale` of knative/serving's pkg/autoscaler/scaling/autoscaler.go (v0.50). What it leaves out decides where
requests go on a cluster (excess burst capacity): here they always go through the activator.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

MAX_SCALE_UP_RATE: Final = 1000.0
MAX_SCALE_DOWN_RATE: Final = 2.0


@dataclass(frozen=True, slots=True)
class KpaSpec:
    """`target`: of the metric, for one instance. `panic_threshold`: how many times the instances that are there have to
    be wanted for a panic. Times in seconds. `activation_scale`: the least that is wanted whenever anything is."""

    target: float
    panic_threshold: float = 2.0
    stable_window_s: float = 60.0
    scale_down_delay_s: float = 0.0
    activation_scale: int = 0
    max_scale_up_rate: float = MAX_SCALE_UP_RATE
    max_scale_down_rate: float = MAX_SCALE_DOWN_RATE


class Kpa:
    """One revision's decisions, one after the other in time."""

    def __init__(self, spec: KpaSpec) -> None:
        self._spec = spec
        self._panic_since: float | None = None
        self._most_in_panic = 0
        self._highest = _Highest(spec.scale_down_delay_s) if spec.scale_down_delay_s > 0 else None
        self.holds = False
        """Whether the last answer may become smaller by the mere passing of time."""

    @property
    def panicking(self) -> bool:
        """Whether it follows the panic window, and does not scale down."""
        return self._panic_since is not None

    def scale(self, now: float, stable: float, panic: float, ready: int, *, reachable: bool = True) -> int:
        """The number of instances wanted, where `stable` and `panic` are the metric's means over the two windows and
        `ready` instances can serve. `reachable`: some traffic is meant for this revision."""
        spec, some = self._spec, max(1, ready)
        most = math.ceil(spec.max_scale_up_rate * some)
        least = math.floor(some / spec.max_scale_down_rate) if reachable else 0
        wanted_stable, wanted_panic = math.ceil(stable / spec.target), math.ceil(panic / spec.target)
        self._watch(now, is_over=wanted_panic / some >= spec.panic_threshold)
        desired = self._activated(wanted_stable, min(max(wanted_stable, least), most))
        if self.panicking:
            in_panic = self._activated(wanted_panic, min(max(wanted_panic, least), most))
            desired = self._most_in_panic = max(desired, in_panic, self._most_in_panic)
        self.holds = self.panicking
        if reachable and self._highest is not None:
            now_wanted, desired = desired, self._highest.of(now, desired)
            self.holds |= desired > now_wanted
        return desired

    def restart(self) -> None:
        """Forget panic and delay."""
        self._panic_since, self._most_in_panic, self.holds = None, 0, False
        if self._highest is not None:
            self._highest.restart()

    def _activated(self, wanted: int, desired: int) -> int:
        return max(desired, self._spec.activation_scale) if wanted > 0 and self._spec.activation_scale > 1 else desired

    def _watch(self, now: float, *, is_over: bool) -> None:
        if is_over:
            self._panic_since = now
        elif self._panic_since is not None and self._panic_since + self._spec.stable_window_s < now:
            self._panic_since = None
            self._most_in_panic = 0


class _Highest:
    """The highest of the numbers of the last `span_s` seconds."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._descending: deque[tuple[float, int]] = deque()

    def of(self, now: float, number: int) -> int:
        while self._descending and self._descending[-1][1] <= number:
            self._descending.pop()
        self._descending.append((now, number))
        while now - self._descending[0][0] >= self._span_s and len(self._descending) > 1:
            self._descending.popleft()
        return self._descending[0][1]

    def restart(self) -> None:
        self._descending.clear()
