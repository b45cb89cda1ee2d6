"""Processes are killed at random moments under load, and what knative-local promises holds all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.chaos.world import DISTURBANCES, FORK_SERVER, STOP, World

pytestmark = pytest.mark.integration


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a world with a seed."""
    made: list[World] = []

    def make(seed: int, disturbances: Sequence[str] = DISTURBANCES) -> World:
        made.append(World(tmp_path, seed, disturbances=disturbances, say=print))
        return made[-1]

    yield make
    for each in made:
        each.leave_nothing()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_acknowledged_event_is_lost_whatever_is_killed_or_changed(world: Callable[..., World], seed: int) -> None:
    """Issue 4: "none lost, order kept where promised, duplicates only as repeats of the same id"."""
    chaos = world(seed)
    run = chaos.run(events=600, kills=12)
    assert chaos.check(run) == []
    assert chaos.kills + chaos.restarts + chaos.changes >= 8


def test_a_fork_server_that_is_killed_in_the_middle_of_a_start_keeps_nobody_waiting(
    world: Callable[..., World],
) -> None:
    """What it was just making lives on and holds its pipes, which a stop must not wait for."""
    chaos = world(1, (FORK_SERVER, "ordered", "unordered", "replier", STOP))
    assert chaos.check(chaos.run(events=600, kills=25)) == []
    assert chaos.restarts > 1
