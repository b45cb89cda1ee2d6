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
from tests.running import eventually
from tests.servers.connect import Worker
from trackway.events import Event, PositionRecorded, TripFinished
from trackway.events.event import event_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

START = datetime(2026, 11, 23, 17, 5, tzinfo=UTC)
POSITIONS = 3000
BAD = [
    b"what is this?",
    b'{"specversion":"1.0","id":"1","source":"/s","type":"com.example.order.v1","time":"2026-11-23T17:05:00Z","data":{}}',
    b'{"specversion":"1.0","id":"2","source":"/s","type":"dev.trackway.position.recorded.v1","time":"2026-11-23T17:05:00Z",'
    b'"data":{"vehicle_id":"v","lat":1.5,"recorded_at":"2026-11-23T17:05:00Z"}}',
]


def position(number: int) -> Event:
    """Of 20 vehicles that drive north."""
    moment, vehicle = START + timedelta(seconds=number // 20), f"van-{number % 20}"
    fact = PositionRecorded(
        vehicle_id=vehicle, lat=-34.9 + number / 1e5, lng=-56.2, recorded_at=moment, trip_id=f"t-{vehicle}", seq=number
    )
    return event_of(fact, id=f"t-{vehicle}:{number}", source="/t", subject=vehicle, partitionkey=vehicle, time=moment)


def finish(vehicle: str) -> Event:
    fact = TripFinished(trip_id=f"t-{vehicle}", vehicle_id=vehicle, finished_at=START)
    return event_of(
        fact, id=f"t-{vehicle}:finished", source="/t", subject=f"t-{vehicle}", partitionkey=vehicle, time=START
    )


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
