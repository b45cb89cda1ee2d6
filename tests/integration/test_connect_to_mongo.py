"""Kafka Connect carries positions to MongoDB: each once, whatever is killed, and what is no event is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from tests.integration.connecting import Connector, Topic, applied, command
from tests.integration.drive import BAD, START, finish, position
from tests.running import eventually
from tests.servers.connect import Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

POSITIONS = 3000


@pytest.fixture
def collection(mongo_server: str, kafka_address: str) -> Iterator[Collection[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongo_server) as client:
        yield client["trackway"][f"history_{datetime.now(UTC).timestamp():.0f}"]


def test_every_position_is_there_once_after_connect_was_killed_in_the_middle(
    connect_worker: Worker, kafka_address: str, collection: Collection[dict[str, Any]], tmp_path: Path
) -> None:
    topic = Topic(kafka_address)
    half = POSITIONS // 2
    topic.produce([position(number) for number in range(half)])
    topic.produce_raw(*BAD)
    # Small batches, so that there is a middle.
    more = {"collection": collection.name, "max.batch.size": "50", "consumer.override.max.poll.records": "50"}
    connector = Connector(connect_worker, "mongo-positions", topic, tmp_path, **more)
    with applied(connector, connect_worker):
        eventually(lambda: collection.count_documents({}) > 100, 60, "the first positions")
        connect_worker.kill()
        before = collection.count_documents({})
        topic.produce([position(number) for number in range(half - 500, POSITIONS)])  # the last 500 come again
        topic.produce([finish("van-1")])
        assert before < half
        connect_worker.start()
        eventually(lambda: collection.count_documents({}) >= POSITIONS, 120, "all positions")
        dead = connector.dead_letters(len(BAD))
        assert "running" in command(connect_worker, "status", connector.name)

    assert sorted(document["_id"] for document in collection.find({}, {"_id": 1})) == sorted(
        position(number).id for number in range(POSITIONS)
    )
    assert sorted(value for value, _ in dead.values()) == sorted(BAD)
    assert {topic for topic, _, _ in dead} == {topic.name}
    kept = collection.find_one({"_id": position(41).id})
    assert kept == {
        "_id": "t-van-1:41",
        "tenant": "default",
        "source": "/t",
        "vehicle_id": "van-1",
        "trip_id": "t-van-1",
        "seq": 41,
        "at": (START + timedelta(seconds=2)).replace(tzinfo=None),
        "location": {"type": "Point", "coordinates": [-56.2, -34.9 + 41 / 1e5]},
    }
