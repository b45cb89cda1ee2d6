"""How many instances a Knative Service should have: Knative's pod autoscaler as a pure class fed with concurrency.

Stable and panic window, target, rates and bounds follow Knative Serving (docs: "Autoscaling", KPA). Two differences:
the concurrency is integrated exactly instead of sampled once a second, and there is no grace period after the decision
for zero, because no network has to be programmed before the last instance may go.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from knative_local.model import KnService

PANIC_WINDOW: Final = 0.1
PANIC_THRESHOLD: Final = 2.0
MAX_SCALE_UP_RATE: Final = 1000.0
MAX_SCALE_DOWN_RATE: Final = 2.0
BUCKETS: Final = 60
SHORTEST_TICK_S: Final = 0.1
LONGEST_TICK_S: Final = 1.0


def target_per_instance(service: KnService) -> float:
    """The concurrency that one instance is meant to carry: the target, never over containerConcurrency, at least 1."""
    total = min(service.target, service.concurrency) if service.concurrency else service.target
    return max(1.0, total * service.target_utilization)


class ConcurrencyMeter:
    """Integrates a number of requests over time, in buckets of a sixtieth of the window."""

    def __init__(self, window_s: float) -> None:
        self._bucket_s = window_s / BUCKETS
        self._areas: deque[list[float]] = deque()  # [bucket number, request seconds in it]
        self._concurrency = 0
        self._since = 0.0
        self._started: float | None = None

    @property
    def concurrency(self) -> int:
        """The number of requests now."""
        return self._concurrency

    def younger_than(self, seconds: float, now: float) -> bool:
        """Whether it began to measure less than `seconds` ago."""
        return self._started is not None and now - self._started < seconds

    def change(self, now: float, concurrency: int) -> None:
        """Say that from `now` on there are `concurrency` requests."""
        if self._started is None:
            self._started = self._since = now
        self._integrate(now)
        self._concurrency = concurrency

    def average(self, now: float, span_s: float) -> float:
        """Mean concurrency over the last `span_s` seconds, or since the start if that is shorter."""
        if self._started is None:
            return 0.0
        self._integrate(now)
        first = math.floor((now - span_s) / self._bucket_s)
        area = sum(bucket[1] for bucket in self._areas if bucket[0] >= first)
        span = min(span_s, now - self._started)
        return area / span if span > 0 else float(self._concurrency)

    def empty_at(self, now: float) -> float:
        """When the average over the whole window becomes 0 if no request comes any more; `now` if it is 0 already."""
        newest = max((bucket[0] for bucket in self._areas if bucket[1] > 0), default=None)
        return now if newest is None else max(now, (newest + 1 + BUCKETS) * self._bucket_s)

    def restart(self) -> None:
        """Forget the past: averages count from the next change on."""
        self._areas.clear()
        self._concurrency = 0
        self._started = None

    def _integrate(self, now: float) -> None:
        last = math.floor(now / self._bucket_s)
        while self._areas and self._areas[0][0] < last - BUCKETS:
            self._areas.popleft()
        if self._concurrency:
            start = max(self._since, (last - BUCKETS) * self._bucket_s)
            for number in range(math.floor(start / self._bucket_s), last + 1):
                begin, end = max(start, number * self._bucket_s), min(now, (number + 1) * self._bucket_s)
                self._add(number, self._concurrency * max(0.0, end - begin))
        self._since = max(self._since, now)

    def _add(self, number: int, area: float) -> None:
        if self._areas and self._areas[-1][0] == number:
            self._areas[-1][1] += area
        elif area > 0:
            self._areas.append([number, area])


@dataclass(frozen=True, slots=True)
class Decision:
    """`desired` instances, and after how many seconds to ask again (None: not before the next request)."""

    desired: int
    panicking: bool
    again_s: float | None


class Autoscaler:
    """One Service's autoscaler. All times are seconds of one monotonic clock that the caller reads."""

    def __init__(self, service: KnService, machine_limit: int) -> None:
        """`machine_limit` bounds a Service that has no max-scale: one machine ends somewhere."""
        self._service = service
        self._target = target_per_instance(service)
        self._meter = ConcurrencyMeter(service.window_s)
        self._most = service.max_scale or max(machine_limit, service.min_scale)
        self._panic_since: float | None = None
        self._panic_most = 0
        self._zero_since: float | None = None
        self._tick_s = min(LONGEST_TICK_S, max(SHORTEST_TICK_S, service.window_s / 6))

    def change(self, now: float, concurrency: int) -> None:
        """Say that from `now` on `concurrency` requests are waiting or under way, over all instances."""
        self._meter.change(now, concurrency)

    def decide(self, now: float, ready: int) -> Decision:
        """The number of instances wanted now that `ready` of them can serve."""
        service = self._service
        stable = self._meter.average(now, service.window_s)
        panic = self._meter.average(now, service.window_s * PANIC_WINDOW)
        self._watch_panic(now, panic, ready)
        desired = self._bounded_rate(stable, ready)
        if self._panic_since is not None:
            desired = self._panic_most = max(desired, self._bounded_rate(panic, ready), self._panic_most)
        desired = min(max(desired, service.min_scale), self._most)
        desired = self._retained(now, desired, ready)
        return Decision(desired, self._panic_since is not None, self._again(now, stable, desired, ready))

    def restart(self) -> None:
        """The Service is at zero: its next request finds an empty past."""
        self._meter.restart()
        self._panic_since = self._zero_since = None

    def _bounded_rate(self, average: float, ready: int) -> int:
        some = max(1, ready)
        wanted = math.ceil(average / self._target)
        return min(max(wanted, math.floor(some / MAX_SCALE_DOWN_RATE)), math.ceil(some * MAX_SCALE_UP_RATE))

    def _watch_panic(self, now: float, panic: float, ready: int) -> None:
        if math.ceil(panic / self._target) / max(1, ready) >= PANIC_THRESHOLD:
            if self._panic_since is None:
                self._panic_most = 0
            self._panic_since = now
        elif self._panic_since is not None and now - self._panic_since >= self._service.window_s:
            self._panic_since = None

    def _retained(self, now: float, desired: int, ready: int) -> int:
        """Hold the last instance back for its first window and the retention period, and while it has a request."""
        if desired > 0 or self._meter.younger_than(self._service.window_s, now):
            self._zero_since = None
            return max(desired, min(1, ready))
        if self._zero_since is None:
            self._zero_since = now
        kept = self._meter.concurrency > 0 or now - self._zero_since < self._service.scale_to_zero_pod_retention_s
        return min(1, ready) if kept else 0

    def _again(self, now: float, stable: float, desired: int, ready: int) -> float | None:
        if self._meter.concurrency or ready > 1 or desired != ready:
            settled = not self._meter.concurrency and desired == ready and stable == 0 and self._zero_since is None
            return None if settled else self._tick_s
        if ready <= self._service.min_scale:
            return None
        if self._zero_since is not None:
            return max(0.0, self._zero_since + self._service.scale_to_zero_pod_retention_s - now) + SHORTEST_TICK_S
        return max(self._tick_s, self._meter.empty_at(now) - now)
