"""Fixtures that start the real Trackway, and the rules that a skip in CI fails and that no test asserts on time."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.running import Running, leave_nothing
from tests.servers import kafka, mongo

# No test asserts on time, and a busy machine is no reason to fail.
settings.register_profile("trackway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("trackway")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """With CI=true a skipped test is a failed one: skips are for laptops that lack a tool."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which counts as failed here: {report.longrepr}"
    return report


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Running]:
    """A Trackway of the test's own, not started yet; stopped at the end, with no process left."""
    running = Running(tmp_path / "state")
    yield running
    leave_nothing(running)


@pytest.fixture(scope="session")
def trackway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running Trackway that the tests of a session share."""
    running = Running(tmp_path_factory.mktemp("trackway") / "state").start()
    yield running
    leave_nothing(running)


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a real Kafka that the tests of a session share, started for the first that asks."""
    with kafka.running(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a MongoDB, without a database, that the tests of a session share."""
    with mongo.running(tmp_path_factory.mktemp("mongo")) as address:
        yield address
