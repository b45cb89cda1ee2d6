"""Kafka Connect carries positions to MongoDB: each once, whatever is killed, and what is no event is kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from tests.integration.connecting import Connector, Topic, applied, command, keeping_running
from tests.integration.drive import BAD, START, finish, position
from tests.running import eventually
from tests.servers.connect import Worker
from tests.servers.mongo import Server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

POSITIONS = 3000


@pytest.fixture
def collection(mongo_server: str, kafka_address: str) -> Iterator[Collection[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongo_server) as client:
        yield client["trackway"][f"history_{datetime.now(UTC).timestamp():.0f}"]


@pytest.fixture
def away_and_back(tmp_path: Path) -> Iterator[Server]:
    """A server of this test's own, to be killed."""
    folder = tmp_path / "mongo"
    folder.mkdir()
    server = Server(folder)
    server.start()
    yield server
    server.stop()


def stored(server: Server) -> int:
    with MongoClient[dict[str, Any]](server.url) as client:
        return client["trackway"]["position_history"].count_documents({})


def turned_away(port: int | None, times: int) -> None:
    """Where a server was, somebody asks for it so many times in vain."""
    with socket.create_server(("127.0.0.1", port or 0)) as listening:
        listening.settimeout(60)
        for _ in range(times):
            listening.accept()[0].close()


def test_a_task_waits_for_a_server_that_is_away_as_long_as_its_address_says(
    connect_worker: Worker, kafka_address: str, away_and_back: Server, tmp_path: Path
) -> None:
    topic, server = Topic(kafka_address), away_and_back
    topic.produce([position(number) for number in range(100)])
    address = {"connection.uri": f"{server.url}/?serverSelectionTimeoutMS=86400000"}
    connector = Connector(connect_worker, "mongo-positions", topic, tmp_path, **address)
    with applied(connector, connect_worker):
        eventually(lambda: stored(server) == 100, 60, "the first positions")
        server.kill()
        topic.produce([position(number) for number in range(100, 200)])
        turned_away(urlsplit(server.url).port, 5)
        assert "running" in command(connect_worker, "status", connector.name)
        server.start()
        eventually(lambda: stored(server) == 200, 60, "what came meanwhile")
        assert "running" in command(connect_worker, "status", connector.name), "nobody had to start anything again"


def test_a_task_that_gave_up_is_started_again_until_the_server_is_back(
    connect_worker: Worker, kafka_address: str, away_and_back: Server, tmp_path: Path
) -> None:
    topic, server = Topic(kafka_address), away_and_back
    topic.produce([position(number) for number in range(POSITIONS // 2)])
    more = {"connection.uri": f"{server.url}/?serverSelectionTimeoutMS=500", "consumer.override.max.poll.records": "50"}
    connector = Connector(connect_worker, "mongo-positions", topic, tmp_path, **more)
    with applied(connector, connect_worker), keeping_running(connect_worker, connector.name) as said:
        eventually(lambda: stored(server) > 100, 60, "the first positions")
        server.kill()  # in the middle of a write
        topic.produce([position(number) for number in range(POSITIONS // 2, POSITIONS)])
        eventually(lambda: "is started again" in said(), 60, "a failed task, and its restart")
        server.start()
        eventually(lambda: stored(server) == POSITIONS, 120, "all positions, each once")
        topic.produce_raw(b"{")
        assert [value for value, _ in connector.dead_letters(1).values()] == [b"{"], "an outage makes no dead letters"


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
