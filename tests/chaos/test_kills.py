"""Processes are killed at random moments under load, and what knative-local promises holds all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[[int], World]]:
    """Makes a world with a seed."""
    made: list[World] = []

    def make(seed: int) -> World:
        made.append(World(tmp_path, seed, say=print))
        return made[-1]

    yield make
    for each in made:
        each.leave_nothing()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_acknowledged_event_is_lost_whatever_is_killed_or_changed(world: Callable[[int], World], seed: int) -> None:
    """Issue 4: "none lost, order kept where promised, duplicates only as repeats of the same id"."""
    chaos = world(seed)
    run = chaos.run(events=600, kills=12)
    assert chaos.check(run) == []
    assert chaos.kills + chaos.restarts + chaos.changes >= 8
