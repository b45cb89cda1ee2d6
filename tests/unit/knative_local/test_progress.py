"""How far a Trigger is, whatever order its events get done in."""

from hypothesis import given
from hypothesis import strategies as st

from knative_local.progress import Progress


@given(st.permutations(range(11, 31)), st.integers(0, 20))
def test_the_cursor_is_below_the_first_that_is_open(order: list[int], finished: int) -> None:
    progress = Progress(10)

    for offset in order[:finished]:
        progress.finish([offset])

    still_open = sorted(order[finished:])
    assert progress.done == (still_open[0] - 1 if still_open else 30)
    assert progress.open_up_to(30) == len(still_open)


def test_what_is_done_twice_counts_once() -> None:
    progress = Progress(0)

    progress.finish([2, 2, 1, 1])

    assert progress.done == 2
    assert progress.open_up_to(2) == 0
