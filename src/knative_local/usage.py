"""What a Knative Service did of late: request rate, latency, cold starts and the number of its instances over time."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Final

from knative_local.metrics.figures import Histogram
from knative_local.rates import Rate

REMEMBERED_S: Final = 15 * 60
LATENCIES: Final = 1000
LATENCY_SPAN_S: Final = 60
MOST_STEPS: Final = 500


class Usage:
    """Numbers for the status page; `clock` gives seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._rate = Rate()
        self.durations = Histogram()
        self.cold_start_durations = Histogram()
        self._latencies: deque[tuple[float, float]] = deque(maxlen=LATENCIES)
        self._cold_starts: deque[tuple[float, float]] = deque(maxlen=MOST_STEPS)
        self._history: deque[tuple[float, int]] = deque([(clock(), 0)], maxlen=MOST_STEPS)

    def request(self, seconds: float) -> None:
        """A request ended after `seconds`."""
        self._rate.add()
        self.durations.observe(seconds)
        self._latencies.append((self._clock(), seconds))

    def requests(self, count: int) -> None:
        """`count` requests ended of which nobody here knows how long they took."""
        self._rate.add(count)

    def cold_start(self, seconds: float) -> None:
        """A request found no instance, and `seconds` later one was there for it."""
        self._cold_starts.append((self._clock(), seconds))
        self.cold_start_durations.observe(seconds)

    @property
    def requests_total(self) -> int:
        """How many requests have ended."""
        return self._rate.total

    def instances(self, count: int) -> None:
        """From now on there are `count` instances."""
        if self._history[-1][1] != count:
            self._history.append((self._clock(), count))

    def requests_per_s(self) -> float:
        """Mean over the last ten seconds."""
        return self._rate.per_second()

    def p99_ms(self) -> float | None:
        """99th percentile of the last minute's latencies (of at most 1,000), or None without any."""
        since = self._clock() - LATENCY_SPAN_S
        recent = sorted(seconds for at, seconds in self._latencies if at >= since)
        return round(recent[math.ceil(len(recent) * 0.99) - 1] * 1000, 3) if recent else None

    def cold_starts_ms(self) -> list[float]:
        """The last 15 minutes' cold starts, oldest first."""
        since = self._clock() - REMEMBERED_S
        return [round(seconds * 1000, 1) for at, seconds in self._cold_starts if at >= since]

    def cold_start_p50_ms(self) -> float | None:
        """Their median, or None without any."""
        values = self.cold_starts_ms()
        return median(values) if values else None

    def history(self) -> list[list[int]]:
        """`[ms since 1970, instances]` at each change of the last 15 minutes; the first says how it began."""
        since = self._clock() - REMEMBERED_S
        steps = list(self._history)
        while len(steps) > 1 and steps[1][0] <= since:
            steps.pop(0)
        return [[int(max(at, since) * 1000), count] for at, count in steps]
