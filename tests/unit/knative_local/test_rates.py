"""Rates over the last ten seconds."""

from collections.abc import Sequence

import pytest

from knative_local.log.port import CommitListener, Record
from knative_local.rates import BrokerTraffic, Rate
from tests.unit.knative_local.eventing import event


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_steady_rate_shows_and_fades_ten_seconds_after_its_end() -> None:
    clock = Clock()
    rate = Rate(clock)
    for _ in range(20):
        rate.add(5)
        clock.now += 1

    assert rate.per_second() == pytest.approx(5)
    clock.now += 5
    assert rate.per_second() == pytest.approx(2.5)
    clock.now += 6
    assert rate.per_second() == 0
    assert rate.silent
    assert rate.total == 100


def test_a_young_counter_tells_its_mean_so_far() -> None:
    clock = Clock()
    rate = Rate(clock)
    rate.add(8)
    clock.now += 4

    assert rate.per_second() == pytest.approx(2)


class Commits:
    """The one thing of a log that traffic looks at."""

    def __init__(self) -> None:
        self.listeners: list[CommitListener] = []

    def subscribe(self, listener: CommitListener) -> None:
        self.listeners.append(listener)

    def commit(self, broker: str, records: Sequence[Record]) -> None:
        for listener in self.listeners:
            listener(broker, records)


def test_traffic_is_told_by_broker_and_by_source() -> None:
    clock, log = Clock(), Commits()
    traffic = BrokerTraffic(log, clock)
    records = [Record(n, 0, event(str(n), source="/a" if n % 2 else "/b")) for n in range(1, 6)]
    log.commit("town/default", records)
    clock.now += 1

    assert traffic.brokers() == {"town/default": (pytest.approx(5), 5)}
    assert traffic.sources() == {"/a": pytest.approx(3), "/b": pytest.approx(2)}
    clock.now += 20
    assert traffic.sources() == {}
