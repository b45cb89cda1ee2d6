"""The checker notices what it is there for."""

import pytest

from tests.chaos.checker import Posted, Recorded, Run, violations

POSTED = {f"{key}-{number}": Posted(f"{key}-{number}", key, number, True) for key in "ab" for number in range(3)}


def recorded(*ids: str) -> list[Recorded]:
    return [Recorded(id, id[0], int(id[2:])) for id in ids]


def run(*ids: str, restarts: int = 0, posted: dict[str, Posted] | None = None, dead_letters: int = 0) -> list[str]:
    records = {"ordered": recorded(*ids)}
    return violations(Run(posted or POSTED, records, frozenset({"ordered"}), restarts, dead_letters))


def test_a_good_run_breaks_nothing() -> None:
    assert run("a-0", "b-0", "b-1", "a-1", "a-2", "b-2") == []


def test_repeats_and_a_stretch_again_after_a_restart_are_no_fault() -> None:
    assert run("a-0", "a-0", "a-1", "b-0", "a-0", "a-1", "a-2", "b-1", "b-2", "b-2", restarts=1) == []


def test_an_event_that_was_not_acknowledged_may_be_missing() -> None:
    posted = {**POSTED, "b-3": Posted("b-3", "b", 3, acknowledged=False)}
    assert run("a-0", "b-0", "b-1", "a-1", "a-2", "b-2", posted=posted) == []


@pytest.mark.parametrize(
    ("ids", "restarts", "words"),
    [
        (["a-0", "a-1", "b-0", "b-1", "b-2"], 0, "1 of 6 events are lost"),
        (["a-0", "a-2", "a-1", "a-2", "b-0", "b-1", "b-2"], 1, "numbers jump, as from 0 to 2"),
        (["a-0", "a-1", "a-0", "a-1", "a-2", "b-0", "b-1", "b-2"], 0, "goes back 1 times, with 0 restarts"),
        (["a-1", "a-0", "a-1", "a-2", "b-0", "b-1", "b-2"], 1, "begins with number 1"),
        (["a-0", "a-1", "a-2", "b-0", "b-1", "b-2", "b-9"], 0, "b-9 was never posted"),
    ],
)
def test_what_is_broken_is_noticed(ids: list[str], restarts: int, words: str) -> None:
    assert any(words in sentence for sentence in run(*ids, restarts=restarts))


def test_changed_data_and_dead_letters_are_noticed() -> None:
    good = recorded("a-0", "a-1", "a-2", "b-0", "b-1", "b-2")
    changed = [*good, Recorded("a-0", "a", 7)]
    found = violations(Run(POSTED, {"unordered": changed}, frozenset(), 0, dead_letters=1))
    assert any("is not what was posted" in sentence for sentence in found)
    assert any("1 dead letters" in sentence for sentence in found)
