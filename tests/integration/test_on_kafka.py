"""What holds with the log in a file holds with the log in Kafka: conformance, and a run of chaos."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.world import World
from tests.servers import kafka

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka of these tests' own, as `--log` takes it."""
    with kafka.running(tmp_path_factory.mktemp("kafka")) as address:
        yield f"kafka://{address}"


def test_deliveries_are_as_the_conformance_suite_says(log: str) -> None:
    suite = [f"tests/conformance/test_{name}.py" for name in ("delivery", "order", "replies")]
    command = [sys.executable, "-m", "pytest", "-q", *suite, "-k", "kafka", "--log", log]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-4_000:]


def test_no_acknowledged_event_is_lost_whatever_is_killed(log: str, tmp_path: Path) -> None:
    chaos = World(tmp_path, 1, log=log, say=print)
    try:
        run = chaos.run(events=500, kills=12)
    finally:
        chaos.leave_nothing()
    assert chaos.check(run) == []
