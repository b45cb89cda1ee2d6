"""What an autoscaler looks at: mean concurrency and requests per second over the last so many seconds."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

BUCKETS: Final = 60
DIGITS: Final = 6
"""To which means are rounded, as Knative's are: a sum's last bits must not make another instance."""


@dataclass(slots=True)
class _Bucket:
    """What was in one sixtieth of the stable window: request seconds, and requests that came."""

    number: int
    area: float = 0.0
    arrivals: int = 0


class LoadMeter:
    """Integrates the number of requests over time. All times are seconds of one monotonic clock that the caller reads.

    Knative samples once a second what each instance counted in it; here nothing is sampled, so nothing is missed.
    """

    def __init__(self, window_s: float) -> None:
        self._bucket_s = window_s / BUCKETS
        self._buckets: deque[_Bucket] = deque()
        self._newest = _Bucket(-1)
        self._ends = 0.0  # of the newest bucket
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

    def change(self, now: float, concurrency: int, *, arrived: int = 0) -> None:
        """Say that from `now` on there are `concurrency` requests, of which `arrived` have just come."""
        if now >= self._ends or self._started is None:
            self._turn_to(now)
        newest = self._newest
        newest.area += self._concurrency * (now - self._since)
        newest.arrivals += arrived
        self._since = now
        self._concurrency = concurrency

    def mean_concurrency(self, now: float, span_s: float) -> float:
        """Mean over the last `span_s` seconds, or since the start if that is shorter."""
        span = self._span(now, span_s)
        if span <= 0:
            return float(self._concurrency)
        return round(sum(bucket.area for bucket in self._within(now, span_s)) / span, DIGITS)

    def requests_per_s(self, now: float, span_s: float) -> float:
        """Requests that came in the last `span_s` seconds, or since the start if that is shorter, per second; a span
        shorter than a bucket counts as one."""
        span = max(self._span(now, span_s), self._bucket_s)
        return round(sum(bucket.arrivals for bucket in self._within(now, span_s)) / span, DIGITS)

    def empty_at(self, now: float) -> float:
        """When nothing will be left in the window if no request comes any more; `now` if that is so already."""
        newest = max((bucket.number for bucket in self._buckets if bucket.area or bucket.arrivals), default=None)
        return now if newest is None else max(now, (newest + 1 + BUCKETS) * self._bucket_s)

    def restart(self) -> None:
        """Forget the past: means count from the next change on."""
        self._buckets.clear()
        self._concurrency = 0
        self._started = None

    def _span(self, now: float, span_s: float) -> float:
        return 0.0 if self._started is None else min(span_s, now - self._started)

    def _within(self, now: float, span_s: float) -> list[_Bucket]:
        self.change(now, self._concurrency)
        first = math.floor((now - span_s) / self._bucket_s)
        return [bucket for bucket in self._buckets if bucket.number >= first]

    def _turn_to(self, now: float) -> None:
        """Make the bucket of `now` the newest, those in between hold what was going on all the time."""
        number = math.floor(now / self._bucket_s)
        if self._started is None:
            self._started = self._since = now
        elif self._concurrency:
            self._fill_up_to(number)
        while self._buckets and self._buckets[0].number < number - BUCKETS:
            self._buckets.popleft()
        self._add(number)
        self._since = max(self._since, number * self._bucket_s)

    def _fill_up_to(self, number: int) -> None:
        first = max(self._newest.number, number - BUCKETS)
        for each in range(first, number):
            if each != self._newest.number:
                self._add(each)
            begin = max(self._since, each * self._bucket_s)
            self._newest.area += self._concurrency * ((each + 1) * self._bucket_s - begin)

    def _add(self, number: int) -> None:
        self._newest = _Bucket(number)
        self._buckets.append(self._newest)
        self._ends = (number + 1) * self._bucket_s
