"""Figures that cost next to nothing to keep: plain ints and lists of ints, read when somebody asks."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from trackway.metrics.names import Metric


class Histogram:
    """How many values fell between ``bounds`` (ascending, each the upper end of its bucket) and above the last."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value, as if it had been seen so many ``times``."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times


Reading = tuple[Metric, tuple[str, ...], float | Histogram]
"""A metric, the values of its labels, and how it stands."""

Readings = Iterable[Reading]


@runtime_checkable
class Counting(Protocol):
    """A part of a process that counts."""

    def readings(self) -> Readings:
        """How its figures stand."""
        ...
