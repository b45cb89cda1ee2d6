"""The real Kafka that the contract's tests share."""

from collections.abc import Iterator

import pytest

from tests.servers import kafka


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of one node, started for the first test that asks."""
    with kafka.running(tmp_path_factory.mktemp("kafka")) as address:
        yield address
