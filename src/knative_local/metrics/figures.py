"""Figures that cost next to nothing to keep: plain ints and lists of ints, read when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from knative_local.metrics.names import DURATIONS, Metric


class Histogram:
    """How many values fell between `bounds` (ascending, each the upper end of its bucket) and above the last."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = DURATIONS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


Reading = tuple[Metric, tuple[str, ...], float | Histogram]
"""A metric, the values of its labels, and how it stands."""


class DeliveryFigures:
    """What became of one Trigger's attempts to deliver."""

    __slots__ = ("attempts", "dead_letters", "results")

    def __init__(self) -> None:
        self.results = {"taken": 0, "retried": 0, "refused": 0}
        self.attempts = Histogram()
        self.dead_letters = 0

    def attempted(self, events: int, seconds: float, result: str) -> None:
        """So many events were delivered together, and what the subscriber made of them."""
        self.results[result] += events
        self.attempts.observe(seconds)
