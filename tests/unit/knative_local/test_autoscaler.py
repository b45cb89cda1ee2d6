"""How many instances a Service gets: Knative's rules, with the clock in our hand."""

from __future__ import annotations

from typing import Any

import pytest

from knative_local.autoscaler import Autoscaler, target_per_instance
from knative_local.load_meter import LoadMeter
from knative_local.model import Container, KnService
from knative_local.serving_model import Scaling
from knative_local.source import Source


def service(concurrency: int = 0, **settings: Any) -> KnService:
    scaling = Scaling(**settings)
    source = Source("orders.yaml", 1)
    return KnService("shop", "orders", Container(("python",)), source, concurrency=concurrency, scaling=scaling)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 70.0),
        ({"target": 10.0}, 7.0),
        ({"concurrency": 10}, 7.0),
        ({"concurrency": 10, "target": 5.0}, 3.5),
        ({"concurrency": 1}, 0.7),
        ({"target": 10.0, "target_utilization": 1.0}, 10.0),
        ({"target": 0.01, "target_utilization": 0.01}, 0.01),
        ({"metric": "rps"}, 140.0),
        ({"metric": "rps", "target": 50.0, "concurrency": 2}, 35.0),
    ],
)
def test_target_is_the_share_of_the_soft_or_hard_limit(settings: dict[str, Any], expected: float) -> None:
    assert target_per_instance(service(**settings)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("concurrency", "ready", "desired"),
    [
        (0, 1, 0),
        (1, 1, 1),
        (7, 1, 1),
        (8, 1, 2),
        (70, 1, 10),
        (71, 1, 11),
        (7, 10, 5),  # never below half in one step
        (0, 8, 4),
    ],
)
def test_steady_load_wants_average_over_target_rounded_up(concurrency: int, ready: int, desired: int) -> None:
    scaler = Autoscaler(service(target=10.0, window_s=60.0), machine_limit=100)
    scaler.change(0.0, concurrency)
    assert scaler.decide(120.0, ready).desired == desired


def test_a_burst_panics_and_a_panicking_service_does_not_shrink() -> None:
    scaler = Autoscaler(service(target=10.0, window_s=60.0), machine_limit=100)
    scaler.change(0.0, 7)
    assert not scaler.decide(100.0, 1).panicking
    scaler.change(100.0, 70)
    burst = scaler.decide(106.0, 1)  # stable average is about 13 still, the panic window's is 70
    assert (burst.panicking, burst.desired) == (True, 10)
    scaler.change(107.0, 0)
    assert scaler.decide(130.0, 10).desired == 10
    calm = scaler.decide(106.0 + 60.0 + 1.0, 10)
    assert (calm.panicking, calm.desired) == (False, 5)


@pytest.mark.parametrize(
    ("settings", "concurrency", "desired"),
    [
        ({"max_scale": 3}, 500, 3),
        ({}, 5000, 8),  # the machine's limit holds where there is no max-scale
        ({"min_scale": 2}, 0, 2),
        ({"min_scale": 2}, 1, 2),
        ({"max_scale": 20}, 5000, 20),
    ],
)
def test_bounds(settings: dict[str, Any], concurrency: int, desired: int) -> None:
    scaler = Autoscaler(service(target=10.0, **settings), machine_limit=8)
    scaler.change(0.0, concurrency)
    assert scaler.decide(200.0, 2).desired == desired


def test_goes_to_zero_one_window_after_the_last_request_and_not_before() -> None:
    scaler = Autoscaler(service(window_s=60.0), machine_limit=8)
    scaler.change(0.0, 1)
    scaler.change(0.5, 0)
    waiting = scaler.decide(1.0, 1)
    assert waiting.desired == 1
    assert waiting.again_s == pytest.approx(60.0, abs=1.5)
    assert scaler.decide(59.0, 1).desired == 1
    assert scaler.decide(1.0 + (waiting.again_s or 0.0), 1).desired == 0


def test_an_instance_that_never_got_a_request_stays_for_its_first_window() -> None:
    scaler = Autoscaler(service(window_s=60.0), machine_limit=8)
    scaler.change(100.0, 0)
    assert [scaler.decide(now, 1).desired for now in (101.0, 159.0, 161.0)] == [1, 1, 0]


def test_the_last_instance_is_retained_for_its_period() -> None:
    scaler = Autoscaler(service(window_s=10.0, retention_s=30.0), machine_limit=8)
    scaler.change(0.0, 1)
    scaler.change(1.0, 0)
    retained = scaler.decide(12.0, 1)
    assert (retained.desired, retained.again_s) == (1, pytest.approx(30.1))
    assert scaler.decide(41.9, 1).desired == 1
    assert scaler.decide(42.1, 1).desired == 0


def test_a_long_request_keeps_its_instance_however_long_it_takes() -> None:
    scaler = Autoscaler(service(window_s=6.0), machine_limit=8)
    scaler.change(0.0, 1)
    for now in (10.0, 100.0, 1000.0):
        assert scaler.decide(now, 1).desired == 1


@pytest.mark.parametrize(("settings", "ready"), [({}, 0), ({"min_scale": 1}, 1), ({"min_scale": 3}, 3)])
def test_asks_for_no_tick_while_nothing_can_change(settings: dict[str, Any], ready: int) -> None:
    scaler = Autoscaler(service(**settings), machine_limit=8)
    assert scaler.decide(1000.0, ready).again_s is None


def test_after_zero_the_past_is_forgotten() -> None:
    scaler = Autoscaler(service(target=10.0, window_s=60.0), machine_limit=100)
    scaler.change(0.0, 500)
    scaler.change(10.0, 0)
    scaler.restart()
    scaler.change(11.0, 1)
    assert scaler.decide(12.0, 1).desired == 1


def test_the_meter_integrates_exactly_over_time() -> None:
    meter = LoadMeter(60.0)
    meter.change(0.0, 4)
    meter.change(30.0, 0)
    assert meter.mean_concurrency(60.0, 60.0) == pytest.approx(2.0)
    assert meter.mean_concurrency(60.0, 6.0) == 0.0
    meter.change(60.0, 10)
    assert meter.mean_concurrency(63.0, 6.0) == pytest.approx(5.0)
    assert meter.mean_concurrency(10_000.0, 60.0) == pytest.approx(10.0, rel=0.02)


def test_the_meter_counts_requests_whatever_they_take() -> None:
    meter = LoadMeter(60.0)
    for second in range(30):
        meter.change(second, 1, arrived=1)
        meter.change(second + 0.001, 0)
    assert meter.requests_per_s(30.0, 60.0) == pytest.approx(1.0)
    assert meter.requests_per_s(33.0, 6.0) == pytest.approx(0.5, abs=0.2)
    assert meter.requests_per_s(300.0, 60.0) == 0.0


def test_requests_per_second_decide_where_the_metric_is_rps() -> None:
    scaler = Autoscaler(service(metric="rps", target=10.0, target_utilization=1.0, window_s=60.0), machine_limit=100)
    for number in range(6_000):
        scaler.change(number / 50, 1, arrived=1)  # 50 requests a second, never more than one at a time
        scaler.change(number / 50 + 0.001, 0)
    assert scaler.decide(120.0, 3).desired == 5


def test_a_scale_down_is_delayed_and_comes_by_itself() -> None:
    """Knative's docs: scale-down-delay is a time window which must pass at reduced concurrency before a scale-down."""
    scaler = Autoscaler(service(target=10.0, window_s=6.0, scale_down_delay_s=100.0), machine_limit=100)
    scaler.change(0.0, 21)
    assert scaler.decide(6.0, 3).desired == 3
    scaler.change(7.0, 0)
    for now in (14.0, 60.0, 105.0):
        held = scaler.decide(now, 3)
        assert (held.desired, held.again_s) == (3, 1.0)
    assert scaler.decide(115.0, 3).desired < 3


def test_whatever_is_wanted_at_all_is_at_least_the_activation_scale() -> None:
    scaler = Autoscaler(service(target=10.0, window_s=60.0, activation_scale=3), machine_limit=100)
    assert scaler.at_first == 3
    scaler.change(0.0, 1)
    assert scaler.decide(30.0, 1).desired == 3
    scaler.change(30.0, 0)
    assert [scaler.decide(now, 3).desired for now in (95.0, 96.0)] == [1, 1]


def test_a_revision_without_traffic_goes_at_once() -> None:
    """scaler.go: neither min-scale nor retention nor the rate of scaling down holds back an unreachable revision."""
    scaler = Autoscaler(service(target=10.0, min_scale=2, retention_s=600.0), machine_limit=100)
    scaler.change(0.0, 50)
    scaler.change(1.0, 0)
    assert scaler.decide(2.0, 8).desired >= 2
    scaler.reachable = False
    assert (scaler.decide(200.0, 8).desired, scaler.least) == (0, 0)


def test_who_panics_is_asked_again_even_when_nothing_is_left_to_do() -> None:
    scaler = Autoscaler(service(target=10.0, window_s=6.0, panic_window=0.5), machine_limit=100)
    scaler.change(0.0, 70)
    assert scaler.decide(1.0, 1).panicking
    scaler.change(1.1, 0)
    now, ready = 1.1, 10
    while ready:
        decision = scaler.decide(now, ready)
        assert decision.again_s is not None
        now, ready = now + decision.again_s, decision.desired
    assert now < 30
