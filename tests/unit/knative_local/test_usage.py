"""The numbers of a Service on the status page."""

from __future__ import annotations

from knative_local.usage import Usage


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_p99_is_that_of_the_last_minute() -> None:
    clock = Clock()
    usage = Usage(clock)
    assert usage.p99_ms() is None
    usage.request(60.0)
    clock.now += 61
    for milliseconds in range(1, 101):
        usage.request(milliseconds / 1000)
    assert usage.p99_ms() == 99.0


def test_cold_starts_of_the_last_quarter_of_an_hour() -> None:
    clock = Clock()
    usage = Usage(clock)
    assert usage.cold_start_p50_ms() is None
    usage.cold_start(9.0)
    clock.now += 901
    for seconds in (0.1, 0.3, 0.2):
        usage.cold_start(seconds)
    assert usage.cold_starts_ms() == [100.0, 300.0, 200.0]
    assert usage.cold_start_p50_ms() == 200.0


def test_history_has_a_step_per_change_and_begins_a_quarter_of_an_hour_ago() -> None:
    clock = Clock()
    usage = Usage(clock)
    for count in (1, 1, 2, 0):
        clock.now += 10
        usage.instances(count)
    assert [count for _, count in usage.history()] == [0, 1, 2, 0]
    clock.now += 900 - 15
    history = usage.history()
    assert [count for _, count in history] == [1, 2, 0]
    assert history[0][0] == int((clock.now - 900) * 1000)
