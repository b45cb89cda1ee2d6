"""Trackway with its events in a real Kafka, as `trackway up --kafka` starts it: a trip's whole way, and kill -9."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from confluent_kafka import Consumer
from websockets.sync.client import connect

from tests.contract.store.conftest import fresh_database
from tests.integration.connecting import command
from tests.integration.test_whole_way import Live, assert_each_position_once, finished, positions, start_trip
from tests.running import ROOT, Running, eventually
from tests.servers.connect import Worker
from trackway.events import milliseconds

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def facts(kafka: str, trip_id: str) -> list[str]:
    """What the topic trackway.events tells of a trip, by type, once its end is there."""
    group = uuid.uuid4().hex
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe(["trackway.events"])
    types: list[str] = []
    while "dev.trackway.trip.finished.v1" not in types:
        for message in consumer.consume(500, 0.2):
            event = json.loads(message.value() or b"{}")
            if event.get("data", {}).get("trip_id") == trip_id:
                types.append(event["type"])
    consumer.close()
    return types


def test_a_trip_goes_the_whole_way_through_kafka_and_a_kill_9(fresh: Running, kafka_address: str) -> None:
    fresh.start("--kafka", kafka_address)
    assert {row["name"] for row in fresh.get("/_knative/status")["triggers"]} == {
        "simulate", "persist", "progress", "history",
    }  # fmt: skip
    trip_id = start_trip(fresh, "kafka-1", speed=4)
    with connect(fresh.url.replace("http", "ws") + "/v1/live", origin=fresh.url) as socket:
        live = Live(socket)
        while "kafka-1" not in live.vehicles:
            live.read()
    fresh.kill()
    fresh.start("--kafka", kafka_address)
    eventually(lambda: finished(fresh, trip_id), within=90, what="the trip, finished")
    assert_each_position_once(fresh, trip_id)
    told = facts(kafka_address, trip_id)
    assert "dev.trackway.trip.started.v1" in told
    assert "dev.trackway.position.recorded.v1" in told


def test_an_address_that_is_none_is_told(tmp_path: object) -> None:
    command = [sys.executable, "-m", "trackway", "up", "--state", str(tmp_path), "--kafka", "localhost"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "host:port" in done.stderr


def test_positions_that_connect_stores_go_the_whole_way_and_a_kill_9(
    fresh: Running, kafka_address: str, mongo_server: str, connect_worker: Worker
) -> None:
    """Trips and all else are stored by persist; Connect reads the Broker's topic itself."""
    store = fresh_database(mongo_server)
    options = ("--kafka", kafka_address, "--store", store, "--positions-by", "connect")
    fresh.start(*options)
    database = urlsplit(store).path.strip("/")
    command(connect_worker, "apply", "connect/connectors/mongo-positions.json", f"--set=database={database}")
    try:
        trip_id = start_trip(fresh, "by-connect", speed=4)
        eventually(lambda: len(positions(fresh, trip_id)) > 2, within=60, what="positions in the store")
        connect_worker.kill()
        try:
            ended = eventually(lambda: finished(fresh, trip_id), within=90, what="the trip, finished without Connect")
            end = datetime.fromisoformat(ended["trip"]["ended_at"])
            assert last_of(fresh, trip_id) < end, "who stored it?"
            fresh.kill()
            fresh.start(*options)
            with connect(fresh.url.replace("http", "ws") + "/v1/live", origin=fresh.url) as socket:
                shown = Live(socket).vehicles["by-connect"]
            assert shown["recorded_ms"] == milliseconds(end), "the page knows what the store lacks"
        finally:
            connect_worker.start()
        eventually(lambda: last_of(fresh, trip_id) == end, within=60, what="what Connect had to catch up with")
        assert_each_position_once(fresh, trip_id)
    finally:
        connect_worker.delete("mongo-positions")


def last_of(trackway: Running, trip_id: str) -> datetime:
    """When the last of a trip's positions was recorded that the store has."""
    return datetime.fromisoformat(str(positions(trackway, trip_id)[-1]["recorded_at"]))


def test_connect_stores_positions_in_a_mongodb_only(tmp_path: object) -> None:
    line = [sys.executable, "-m", "trackway", "up", "--state", str(tmp_path), "--positions-by", "connect"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "--store mongodb://" in done.stderr
