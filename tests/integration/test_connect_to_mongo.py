"""Kafka Connect carries positions to MongoDB, into the very store: each once, whatever is killed, whoever else stores
them; and what is no position is kept aside."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from msgspec.structs import replace
from pymongo import MongoClient

from tests.contract.store.conftest import fresh_database
from tests.integration.connecting import Connector, Topic, applied, command, keeping_running
from tests.integration.drive import BAD, START, finish, position
from tests.integration.made_positions import made
from tests.running import ROOT, eventually
from tests.servers.connect import Worker
from tests.servers.mongo import Server
from trackway.domain.clocks import check_time
from trackway.events import Event, InvalidEvent, PositionRecorded, TripStarted, event_of, fact_of, from_structured
from trackway.storage import open_store
from trackway.storage.identity import event_hash
from trackway.storage.moments import micros
from trackway.storage.mongo.positions import document_of, position_id, vehicle_key
from trackway.storage.port import Store, StoredPosition

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

T = "default"
POSITIONS = 3000
NOT_OURS = BAD[1]


@pytest.fixture
def address(mongo_server: str, kafka_address: str) -> str:
    """Of a store that nobody has used; Kafka runs."""
    return fresh_database(mongo_server)


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    opened = open_store(address)
    yield opened
    await opened.close()


@pytest.fixture
def away_and_back(tmp_path: Path) -> Iterator[Server]:
    """A server of this test's own, to be killed."""
    folder = tmp_path / "mongo"
    folder.mkdir()
    server = Server(folder)
    server.start()
    yield server
    server.stop()


def database_of(address: str) -> str:
    return urlsplit(address).path.strip("/")


def documents(address: str) -> dict[bytes, bytes]:
    """What is kept of positions, byte for byte, by id."""
    with MongoClient[RawBSONDocument](address, document_class=RawBSONDocument) as client:
        return {bytes(each["_id"]): each.raw for each in client[database_of(address)]["position"].find()}


def stored(server: str, database: str = "trackway") -> int:
    with MongoClient[dict[str, object]](server) as client:
        return client[database]["position"].count_documents({})


def as_stored(event: Event) -> StoredPosition:
    """As persist hands it to the store. Raises InvalidEvent."""
    fact = fact_of(event)
    check_time(fact, datetime.now(UTC))
    assert isinstance(fact, PositionRecorded)
    return StoredPosition(source=event.source, event_id=event.id, position=fact)


def document(event: Event) -> dict[str, Any]:
    """What the store keeps of it. Raises InvalidEvent."""
    kept = as_stored(event)
    key = vehicle_key(event.tenant, kept.position.vehicle_id)
    own_id = position_id(key, micros(kept.position.recorded_at), event_hash(kept))
    return document_of(own_id, event.tenant, kept.position)


def turned_away(port: int | None, times: int) -> None:
    """Where a server was, somebody asks for it so many times in vain."""
    with socket.create_server(("127.0.0.1", port or 0)) as listening:
        listening.settimeout(60)
        for _ in range(times):
            listening.accept()[0].close()


def started(vehicle: str) -> Event:
    fact = TripStarted(
        trip_id=f"t-{vehicle}",
        vehicle_id=vehicle,
        vehicle_name=vehicle,
        route_id="r",
        started_at=START,
        promised_at=START,
        simulated=False,
    )
    return event_of(fact, id=f"{vehicle}:started", source="/t", subject="t", partitionkey=vehicle, time=START)


def test_a_position_is_kept_as_the_store_keeps_it_and_refused_where_persist_refuses_it(
    connect_worker: Worker, kafka_address: str, address: str, tmp_path: Path
) -> None:
    """In both modes that an event may lie in a topic in."""
    samples = [path.read_bytes() for path in sorted((ROOT / "tests/contract/samples").glob("*.json"))]
    values = [*samples, *made(1000)]
    wanted: dict[bytes, bytes] = {}
    refused: list[bytes] = []
    kept: list[Event] = []
    for number, value in enumerate(values):
        try:
            event = from_structured(value)
        except InvalidEvent:
            refused.append(value)
            continue
        sent = [(event, value)]
        if number % 2:
            kept.append(replace(event, id=f"{event.id} again"))
            sent.append((kept[-1], event.data))
        for each, content in sent:
            if each.type.startswith("dev.trackway.position."):
                try:
                    made_of_it = document(each)
                    wanted[made_of_it["_id"]] = bson.encode(made_of_it)
                except InvalidEvent:
                    refused.append(content)
    assert len(wanted) > 400
    assert len(refused) > 400

    topic = Topic(kafka_address)
    topic.produce_raw(*values)
    topic.produce_kept(kept)
    connector = Connector(connect_worker, "mongo-positions", topic, tmp_path, database=database_of(address))
    with applied(connector, connect_worker):
        dead = connector.dead_letters(len(refused))
        eventually(lambda: len(documents(address)) >= len(wanted), 60, "all positions")
    assert documents(address) == wanted
    assert Counter(value for value, _ in dead.values()) == Counter(refused)


async def test_a_position_that_persist_stores_as_well_is_there_once(
    connect_worker: Worker, kafka_address: str, address: str, store: Store, tmp_path: Path
) -> None:
    topic, events = Topic(kafka_address), [position(number) for number in range(1200)]
    assert await store.append_positions(T, [as_stored(event) for event in events[:200]]) == 200
    topic.produce(events[:400])
    connector = Connector(connect_worker, "mongo-positions", topic, tmp_path, database=database_of(address))
    with applied(connector, connect_worker):
        eventually(lambda: len(documents(address)) == 400, 60, "those that the store lacked")
        assert await store.append_positions(T, [as_stored(event) for event in events[:600]]) == 200
        topic.produce(events)  # while the store gets them, too
        for begin in range(0, 1200, 100):
            await store.append_positions(T, [as_stored(event) for event in events[begin : begin + 100]])
        topic.produce([position(number) for number in range(1200, 1400)])
        eventually(lambda: len(documents(address)) >= 1400, 60, "what came last")
        topic.produce_raw(b"{")
        assert len(connector.dead_letters(1)) == 1, "what was there already is no dead letter"
    assert documents(address) == {
        made_of_it["_id"]: bson.encode(made_of_it) for made_of_it in map(document, map(position, range(1400)))
    }


def test_a_task_waits_for_a_server_that_is_away_as_long_as_its_address_says(
    connect_worker: Worker, kafka_address: str, away_and_back: Server, tmp_path: Path
) -> None:
    topic, server = Topic(kafka_address), away_and_back
    topic.produce([position(number) for number in range(100)])
    waiting = {"connection.uri": f"{server.url}/?serverSelectionTimeoutMS=86400000"}
    connector = Connector(connect_worker, "mongo-positions", topic, tmp_path, **waiting)
    with applied(connector, connect_worker):
        eventually(lambda: stored(server.url) == 100, 60, "the first positions")
        server.kill()
        topic.produce([position(number) for number in range(100, 200)])
        turned_away(urlsplit(server.url).port, 5)
        assert "running" in command(connect_worker, "status", connector.name)
        server.start()
        eventually(lambda: stored(server.url) == 200, 60, "what came meanwhile")
        assert "running" in command(connect_worker, "status", connector.name), "nobody had to start anything again"


def test_a_task_that_gave_up_is_started_again_until_the_server_is_back(
    connect_worker: Worker, kafka_address: str, away_and_back: Server, tmp_path: Path
) -> None:
    topic, server = Topic(kafka_address), away_and_back
    topic.produce([position(number) for number in range(POSITIONS // 2)])
    more = {"connection.uri": f"{server.url}/?serverSelectionTimeoutMS=500", "consumer.override.max.poll.records": "50"}
    connector = Connector(connect_worker, "mongo-positions", topic, tmp_path, **more)
    with applied(connector, connect_worker), keeping_running(connect_worker, connector.name) as said:
        eventually(lambda: stored(server.url) > 100, 60, "the first positions")
        server.kill()  # in the middle of a write
        topic.produce([position(number) for number in range(POSITIONS // 2, POSITIONS)])
        eventually(lambda: "is started again" in said(), 60, "a failed task, and its restart")
        server.start()
        eventually(lambda: stored(server.url) == POSITIONS, 120, "all positions, each once")
        topic.produce_raw(b"{")
        assert [value for value, _ in connector.dead_letters(1).values()] == [b"{"], "an outage makes no dead letters"


async def test_the_store_has_every_position_once_after_connect_was_killed_in_the_middle(
    connect_worker: Worker, kafka_address: str, mongo_server: str, address: str, store: Store, tmp_path: Path
) -> None:
    topic, half = Topic(kafka_address), POSITIONS // 2
    vehicles = [f"van-{number}" for number in range(20)]
    facts = [as_stored(position(number)).position for number in range(POSITIONS)]
    # What persist keeps.
    await store.apply_trip_events(T, [started(vehicle) for vehicle in vehicles])
    await store.know_vehicles(T, facts)
    topic.produce([position(number) for number in range(half)])
    topic.produce_raw(*BAD)
    # Small batches, so that there is a middle.
    more = {"max.batch.size": "50", "consumer.override.max.poll.records": "50", "database": database_of(address)}
    connector = Connector(connect_worker, "mongo-positions", topic, tmp_path, **more)
    with applied(connector, connect_worker):
        eventually(lambda: stored(mongo_server, more["database"]) > 100, 60, "the first positions")
        connect_worker.kill()
        assert stored(mongo_server, more["database"]) < half
        rest = [position(number) for number in range(half - 500, POSITIONS)]  # 500 of them come again
        Random(7).shuffle(rest)
        topic.produce([*rest, finish("van-1")])
        connect_worker.start()
        eventually(lambda: stored(mongo_server, more["database"]) >= POSITIONS, 120, "all positions")
        dead = connector.dead_letters(len(BAD) - 1)
        assert "running" in command(connect_worker, "status", connector.name)

    for number, vehicle in enumerate(vehicles):
        assert await store.positions(T, f"t-{vehicle}") == facts[number::20]
    assert stored(mongo_server, more["database"]) == POSITIONS
    newest = {vehicle.vehicle_id: vehicle for vehicle in await store.vehicles(T)}
    assert [newest[vehicle].position for vehicle in vehicles] == facts[-20:]
    assert {vehicle.trip_id for vehicle in newest.values()} == {f"t-{vehicle}" for vehicle in vehicles}
    nearest = await store.vehicles_near(T, facts[-1].lat, facts[-1].lng, 3.5, 10)
    assert [near.vehicle.vehicle_id for near in nearest] == ["van-19", "van-18", "van-17", "van-16"]
    assert sorted(value for value, _ in dead.values()) == sorted({*BAD} - {NOT_OURS}), "others' events are left alone"
    assert {topic for topic, _, _ in dead} == {topic.name}
