"""The KPA's arithmetic: a table after knative/serving's autoscaler_test.go, and a model over any course of load."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knative_local.kpa import Kpa, KpaSpec

TEN = KpaSpec(target=10.0, max_scale_up_rate=10.0, max_scale_down_rate=2.0)


@dataclass(frozen=True)
class Row:
    says: str
    stable: float
    panic: float
    ready: int
    desired: int
    panics: bool = False
    spec: KpaSpec = TEN


@pytest.mark.parametrize(
    "row",
    [
        Row("nothing to do wants nothing", 0, 0, 1, 0),
        Row("no instance counts as one", 10, 10, 0, 1),
        Row("mean over target, rounded up", 50, 50, 5, 5),
        Row("a little more is one more", 50.001, 50.001, 5, 6),
        Row("twice as many as are there is a panic", 100, 100, 5, 10, panics=True),
        Row("just under twice is none", 90, 90, 5, 9),
        Row("the panic window alone starts one", 10, 100, 1, 10, panics=True),
        Row("in a panic the larger of both counts", 60, 20, 1, 6, panics=True),
        Row("no more than rate times what is there", 1000, 1000, 1, 10, panics=True),
        Row("the bound on the way up is rounded up", 100, 0, 2, 3, spec=replace(TEN, max_scale_up_rate=1.1)),
        Row("never below half in one step", 0, 0, 10, 5),
        Row("the bound on the way down is rounded down", 0, 0, 9, 4),
        Row("one goes to none", 0, 0, 1, 0),
        Row("activation scale when anything is wanted", 1, 0, 1, 4, spec=replace(TEN, activation_scale=4)),
        Row("activation scale in a panic", 0, 30, 1, 5, panics=True, spec=replace(TEN, activation_scale=5)),
        Row("no activation scale when nothing is", 0, 0, 1, 0, spec=replace(TEN, activation_scale=4)),
        Row("activation scale of one is none", 0, 0, 1, 0, spec=replace(TEN, activation_scale=1)),
        Row("another threshold", 0, 50, 2, 1, spec=replace(TEN, panic_threshold=10.0)),
    ],
    ids=lambda row: row.says,
)
def test_one_decision(row: Row) -> None:
    kpa = Kpa(row.spec)
    assert (kpa.scale(1000.0, row.stable, row.panic, row.ready), kpa.panicking) == (row.desired, row.panics)


def test_a_panic_lasts_a_stable_window_from_the_last_time_over_the_threshold_and_only_grows() -> None:
    """autoscaler_test.go, TestAutoscalerPanicModeExponentialTrackAndStablize and its like."""
    kpa = Kpa(TEN)
    assert kpa.scale(0.0, 10, 60, 2) == 6
    assert kpa.scale(1.0, 20, 100, 4) == 10  # 10 wanted of 4: over the threshold again
    assert kpa.scale(30.0, 50, 10, 10) == 10  # less is wanted, but not in a panic
    assert kpa.scale(61.0, 30, 10, 10) == 10  # a window after the last time, and no longer
    assert kpa.panicking
    assert kpa.scale(61.1, 30, 10, 10) == 5  # half at most
    assert not kpa.panicking


def test_a_scale_down_waits_for_its_delay() -> None:
    """autoscaler_test.go, TestAutoscalerScaleDownDelay."""
    kpa = Kpa(KpaSpec(10.0, panic_threshold=100.0, scale_down_delay_s=300.0, max_scale_down_rate=10.0))
    course = [(2, 40, 4), (300, 0, 4), (302, 0, 0), (540, 40, 4), (600, 30, 4), (660, 0, 4), (840, 0, 3), (900, 0, 0)]
    for now, load, desired in course:
        assert kpa.scale(now, load, load, 1) == desired, now


def test_no_delay_lets_go_within_the_same_second() -> None:
    """autoscaler_test.go, TestAutoscalerScaleDownDelayZero."""
    kpa = Kpa(replace(TEN, panic_threshold=100.0))
    assert (kpa.scale(0.0, 40, 40, 1), kpa.scale(0.5, 20, 20, 1)) == (4, 2)


def test_who_cannot_be_reached_is_neither_delayed_nor_bounded_below() -> None:
    """autoscaler_test.go, TestAutoscalerScaleDownDelayNotReachable."""
    kpa = Kpa(replace(TEN, scale_down_delay_s=300.0))
    assert kpa.scale(0.0, 80, 80, 8) == 8
    assert kpa.scale(2.0, 0, 0, 8) == 8
    assert kpa.scale(4.0, 0, 0, 8, reachable=False) == 0


LOADS = st.floats(0, 5_000)
COURSES = st.lists(st.tuples(st.floats(0.1, 20.0), LOADS, LOADS, st.integers(0, 50)), min_size=1, max_size=60)
SPECS = st.builds(
    KpaSpec,
    target=st.floats(0.01, 200.0),
    panic_threshold=st.floats(1.1, 10.0),
    stable_window_s=st.floats(6.0, 120.0),
    scale_down_delay_s=st.sampled_from([0.0, 10.0, 100.0]),
    activation_scale=st.sampled_from([0, 2, 7]),
    max_scale_up_rate=st.sampled_from([1.1, 2.0, 1000.0]),
    max_scale_down_rate=st.sampled_from([1.1, 2.0, 10.0]),
)


class Model:
    """The same rules said slowly: the whole past is kept, and looked through for each decision."""

    def __init__(self, spec: KpaSpec) -> None:
        self.spec = spec
        self.past: list[tuple[float, bool, int, int]] = []  # moment, over the threshold, wanted in panic, decided

    def scale(self, now: float, stable: float, panic: float, ready: int) -> int:
        spec, some = self.spec, max(1, ready)
        by_stable, by_panic = self._bounded(stable, some), self._bounded(panic, some)
        over = math.ceil(panic / spec.target) / some >= spec.panic_threshold
        self.past.append((now, over, max(by_stable, by_panic), 0))
        begun = self._panic_begun(now)
        desired = by_stable if begun is None else max(wanted for at, _, wanted, _ in self.past if at >= begun)
        self.past[-1] = (now, over, max(by_stable, by_panic), desired)
        recent = [decided for at, _, _, decided in self.past if now - at < spec.scale_down_delay_s]
        return max(recent, default=desired)

    def _bounded(self, load: float, some: int) -> int:
        wanted = math.ceil(load / self.spec.target)
        least, most = math.floor(some / self.spec.max_scale_down_rate), math.ceil(some * self.spec.max_scale_up_rate)
        bounded = min(max(wanted, least), most)
        return max(bounded, self.spec.activation_scale) if wanted and self.spec.activation_scale > 1 else bounded

    def _panic_begun(self, now: float) -> float | None:
        """When the panic of this moment began: the first crossing since which no quiet window has passed."""
        begun = last = None
        for at, over, _, _ in self.past:
            if last is not None and not over and last + self.spec.stable_window_s < at:
                begun = last = None
            if over:
                begun, last = at if begun is None else begun, at
        return begun


@given(SPECS, COURSES)
def test_every_course_of_load_is_decided_as_the_rules_say(
    spec: KpaSpec, course: list[tuple[float, float, float, int]]
) -> None:
    kpa, model, now = Kpa(spec), Model(spec), 0.0
    for passed, stable, panic, ready in course:
        now += passed
        assert kpa.scale(now, stable, panic, ready) == model.scale(now, stable, panic, ready)


@given(SPECS, COURSES)
def test_a_load_that_ends_is_let_go_of(spec: KpaSpec, course: list[tuple[float, float, float, int]]) -> None:
    """Nothing is held for ever: once there is no load, the number falls to zero, by itself."""
    kpa, now, ready = Kpa(spec), 0.0, 0
    for passed, stable, panic, ready in course:
        now += passed
        kpa.scale(now, stable, panic, ready)
    desired = ready
    for _ in range(1_500):
        now += 10.0
        desired = kpa.scale(now, 0.0, 0.0, desired)
        if not desired and not kpa.holds:
            return
    assert (desired, kpa.holds) == (0, False)
