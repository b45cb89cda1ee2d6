"""Traffic between revisions: everyone gets the share that the manifest says, and soon."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from knative_local.backend import UNLIMITED, Backend, Lease
from knative_local.traffic import Split


class Revision:
    timeouts = UNLIMITED

    def __init__(self, name: str) -> None:
        self.name = name

    def pick(self) -> Backend:
        return self

    def try_acquire(self) -> Lease | None:
        return None

    async def acquire(self, deadline: float) -> Lease:
        raise NotImplementedError


@st.composite
def shares(draw: st.DrawFn) -> list[int]:
    cuts = sorted(draw(st.lists(st.integers(0, 100), max_size=5)))
    return [after - before for before, after in zip([0, *cuts], [*cuts, 100], strict=True)]


@given(shares())
def test_of_a_hundred_requests_each_revision_gets_its_percent(percents: list[int]) -> None:
    split = Split("s", [(percent, Revision(f"r{number}")) for number, percent in enumerate(percents)])
    for _ in range(2):
        taken = Counter(split.pick().name for _ in range(100))
        assert taken == {f"r{number}": percent for number, percent in enumerate(percents) if percent}


def test_requests_alternate_rather_than_come_in_blocks() -> None:
    split = Split("s", [(50, Revision("a")), (50, Revision("b"))])
    assert [split.pick().name for _ in range(4)] == ["a", "b", "a", "b"]
