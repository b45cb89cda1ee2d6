"""How many per second: counters over the last ten seconds that cost no timer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from knative_local.cloudevent import CloudEvent

if TYPE_CHECKING:
    from knative_local.log.port import EventLog, Record

_WINDOW_S = 10
_MOST_SOURCES = 500
_OTHER_SOURCES = "(other sources)"


class Rate:
    """Counts in buckets of one second; `clock` gives seconds and never goes back."""

    __slots__ = ("_buckets", "_clock", "_last", "_since", "total")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets = [0] * (_WINDOW_S + 1)
        self._since = clock()
        self._last = int(self._since)
        self.total = 0

    def add(self, count: int = 1) -> None:
        """Count `count` as of now."""
        self._roll(int(self._clock()))
        self._buckets[self._last % (_WINDOW_S + 1)] += count
        self.total += count

    def per_second(self) -> float:
        """The mean over the last ten whole seconds, or over the counter's life while that is shorter."""
        now = self._clock()
        self._roll(int(now))
        running = self._last % (_WINDOW_S + 1)
        whole = sum(self._buckets) - self._buckets[running]
        return whole / _WINDOW_S if now - self._since >= _WINDOW_S else self.total / max(now - self._since, 1.0)

    @property
    def silent(self) -> bool:
        """Whether nothing was counted within the window."""
        self._roll(int(self._clock()))
        return not any(self._buckets)

    def _roll(self, second: int) -> None:
        passed = second - self._last
        if passed <= 0:
            return
        for step in range(1, min(passed, _WINDOW_S + 1) + 1):
            self._buckets[(self._last + step) % (_WINDOW_S + 1)] = 0
        self._last = second


class BrokerTraffic:
    """Events per second that the brokers took in, by broker and by the events' `source`."""

    def __init__(self, log: EventLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._brokers: dict[str, Rate] = {}
        self._sources: dict[str, Rate] = {}
        log.subscribe(self._committed)

    def brokers(self) -> dict[str, tuple[float, int]]:
        """Broker key to events per second and total since the start."""
        return {key: (rate.per_second(), rate.total) for key, rate in self._brokers.items()}

    def sources(self) -> dict[str, float]:
        """Event `source` to events per second; sources that were silent for ten seconds are left out."""
        self._forget_silent()
        return {source: rate.per_second() for source, rate in self._sources.items()}

    def _committed(self, broker: str, records: Sequence[Record]) -> None:
        self._rate(self._brokers, broker).add(len(records))
        for source, count in Counter(CloudEvent.column([record.event for record in records], "source")).items():
            known = source if source in self._sources or len(self._sources) < _MOST_SOURCES else None
            self._rate(self._sources, known or _OTHER_SOURCES).add(count)

    def _rate(self, rates: dict[str, Rate], key: str) -> Rate:
        rate = rates.get(key)
        if rate is None:
            rate = rates[key] = Rate(self._clock)
        return rate

    def _forget_silent(self) -> None:
        for source in [source for source, rate in self._sources.items() if rate.silent]:
            del self._sources[source]
