"""Fixtures that start the real Trackway, and the rules that a skip in CI fails and that no test asserts on time."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.running import Running, leave_nothing
from tests.servers import connect, elasticsearch, elasticsearch_info, kafka, mongo

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


@pytest.fixture(scope="session")
def elasticsearch_server() -> Iterator[elasticsearch.Server]:
    """A real Elasticsearch that the tests of a session share."""
    with elasticsearch.running() as server:
        yield server


@pytest.fixture(scope="session")
def connect_worker(
    tmp_path_factory: pytest.TempPathFactory, kafka_address: str, mongo_server: str, request: pytest.FixtureRequest
) -> Iterator[connect.Worker]:
    """A worker of Kafka Connect that the tests of a session share; with an Elasticsearch where there is a sink."""
    environment = {"TRACKWAY_MONGO": mongo_server}
    with ExitStack() as stack:
        if connect.elasticsearch_sinks():
            server: elasticsearch.Server = request.getfixturevalue("elasticsearch_server")
            environment["TRACKWAY_ELASTICSEARCH"] = stack.enter_context(elasticsearch_info.before(server.url))
        yield stack.enter_context(connect.running(tmp_path_factory.mktemp("connect"), kafka_address, environment))


@pytest.fixture(scope="session")
def story_in_elasticsearch(
    tmp_path_factory: pytest.TempPathFactory,
    kafka_address: str,
    connect_worker: connect.Worker,
    mongo_server: str,
    elasticsearch_server: elasticsearch.Server,
) -> elasticsearch.Server:
    """An Elasticsearch that holds what tests/integration/story.py tells, and nothing else."""
    from tests.integration.indexed import carry  # noqa: PLC0415 - most sessions need none of it

    carry(kafka_address, connect_worker, mongo_server, elasticsearch_server.url, tmp_path_factory.mktemp("carried"))
    return elasticsearch_server
