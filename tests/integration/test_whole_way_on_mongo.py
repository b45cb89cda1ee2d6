"""The whole way of an event with the store in a MongoDB: the tests of the other stores, and a server that dies."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.store.conftest import fresh_database
from tests.integration.test_whole_way import (
    assert_each_position_once,
    finished,
    live,
    positions,
    start_trip,
    test_a_cancelled_trip_stops,
    test_a_malformed_event_is_a_dead_letter_with_its_reason_and_can_be_dropped,
    test_a_phone_drives_a_trip_to_its_end,
    test_a_trip_runs_and_finishes_and_the_socket_sees_it,
    test_an_idempotency_key_starts_one_trip,
    test_kill_9_of_a_function_in_mid_trip,
    test_kill_9_of_the_gateway_in_mid_trip,
)
from tests.running import Running, eventually, leave_nothing
from tests.servers.mongo import Server

__all__ = [
    "live",
    "test_a_cancelled_trip_stops",
    "test_a_malformed_event_is_a_dead_letter_with_its_reason_and_can_be_dropped",
    "test_a_phone_drives_a_trip_to_its_end",
    "test_a_trip_runs_and_finishes_and_the_socket_sees_it",
    "test_an_idempotency_key_starts_one_trip",
    "test_kill_9_of_a_function_in_mid_trip",
    "test_kill_9_of_the_gateway_in_mid_trip",
]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def trackway(mongo_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Trackway whose store is in a fresh database; the tests of this module share it."""
    running = Running(tmp_path_factory.mktemp("on-mongo") / "state")
    running.start("--store", fresh_database(mongo_server))
    yield running
    leave_nothing(running)
    assert not (running.state / "trackway.db").exists(), "nothing was kept beside the database"


def test_a_server_that_is_killed_in_mid_trip_loses_no_position(fresh: Running, tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    try:
        fresh.start("--store", f"{server.url}/fleet-{uuid.uuid4().hex[:8]}?serverSelectionTimeoutMS=500")
        trip_id = start_trip(fresh, "away-1", speed=3)
        eventually(lambda: len(positions(fresh, trip_id)) > 2, what="the trip underway")
        server.kill()
        answer = fresh.client.get(f"/v1/trips/{trip_id}")
        assert answer.status_code == 503
        assert "cannot be reached" in answer.json()["detail"]
        server.start()
        eventually(lambda: fresh.client.get(f"/v1/trips/{trip_id}").is_success, what="the gateway reads again")
        eventually(lambda: finished(fresh, trip_id), within=120, what="the trip finished all the same")
        eventually(lambda: not fresh.get("/v1/operations")["triggers"][0].get("backlog"), what="no delivery waits")
        assert_each_position_once(fresh, trip_id)
    finally:
        leave_nothing(fresh)
        server.stop()


def test_an_address_that_nobody_answers_at_is_said_at_the_start(fresh: Running) -> None:
    with pytest.raises(AssertionError, match="cannot be reached"):
        fresh.start("--store", "mongodb://127.0.0.1:9/fleet?serverSelectionTimeoutMS=100")
    assert fresh.process is not None
    assert fresh.process.wait(10) == 3
