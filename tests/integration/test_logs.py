"""The log of a Trackway that tells all it can, as JSON: complete entries, and nothing about anybody's whereabouts."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.running import Running, eventually, leave_nothing

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

BROKER = "/broker/trackway/default"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SECRETS = {
    "a coordinate": ("-34.90", "-56.16", "91.234"),
    "a name": ("Ana Souza", "Casa da Ana"),
    "a phone": ("phone-of-ana",),
    "a token": ("tok3n-0f-ana",),
    "a link that is shared": ("sh4red-l1nk",),
}


@pytest.fixture(scope="module")
def trackway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("told") / "var")
    running.start("--log-format", "json", "--log-level", "debug")
    yield running
    leave_nothing(running)


def entries(trackway: Running) -> list[dict[str, Any]]:
    """All that was told, by any process, on standard output and error: each line has to be an entry."""
    lines = trackway.output().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def live_a_day(trackway: Running) -> None:
    """Whatever a person's data can be in: trips, reports, sockets, bad input, dead letters."""
    headers = {"Authorization": "Bearer tok3n-0f-ana", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    client = trackway.client
    points = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]
    route = client.post("/v1/routes", json={"name": "Casa da Ana", "points": points}, headers=headers).json()[
        "route_id"
    ]
    wanted = {"route_id": route, "vehicle_id": "van-1", "vehicle_name": "Ana Souza", "speed": 10}
    trip = client.post("/v1/trips", json=wanted, headers=headers).json()["trip_id"]
    address = trackway.url.replace("http", "ws") + "/v1/live?token=tok3n-0f-ana&share=sh4red-l1nk"
    with connect(address, origin=trackway.url) as socket:
        socket.send('{"kind":"watch","box":[-34.9099,-56.1699,-34.8999,-56.1599]}')
        socket.recv(timeout=10)
        socket.send('{"kind":"watch","box":[91.2345,0,0,0]}')
        eventually(lambda: client.get(f"/v1/trips/{trip}").json().get("position"), what="the trip underway")
    now = datetime.now(UTC).isoformat()
    fix = {"id": "phone-of-ana", "lat": -34.9012, "lon": -56.1601}
    assert client.get("/v1/ingest/osmand?token=tok3n-0f-ana", params=fix, headers=headers).status_code == 200
    assert client.get("/v1/ingest/osmand", params={**fix, "lat": 91.2345}).status_code == 400
    assert client.post("/v1/ingest", json={"id": "phone-of-ana", "lat": 91.2345, "lng": 0}).status_code == 400
    assert client.get("/v1/trips/sh4red-l1nk?name=Ana%20Souza").status_code == 404
    event = {"specversion": "1.0", "source": "/test", "type": "dev.trackway.position.recorded.v1", "tenant": "default"}
    for number, lat in enumerate((91.2345, "Ana Souza")):
        named = {f"ce-{name}": value for name, value in {**event, "id": f"bad-{number}"}.items()}
        data = {"vehicle_id": "phone-of-ana", "lat": lat, "lng": -56.1601, "recorded_at": now}
        assert (
            client.post(
                BROKER, headers={**named, **headers, "ce-traceparent": headers["traceparent"]}, json=data
            ).status_code
            == 202
        )
    eventually(lambda: len(client.get("/v1/dead-letters").json()["dead_letters"]) >= 2, what="the dead letters")
    eventually(
        lambda: client.get(f"/v1/trips/{trip}").json()["trip"]["status"] == "finished", within=60, what="the arrival"
    )


@pytest.fixture(scope="module")
def told(trackway: Running) -> list[dict[str, Any]]:
    live_a_day(trackway)
    services = {"knative-local", "realtime-gateway", "dispatch", "ingest", "plan", "simulate", "persist", "progress"}
    eventually(lambda: services <= {each["service"] for each in entries(trackway)}, what="a word of each process")
    return entries(trackway)


def test_every_line_is_an_entry_with_time_level_service_and_message(told: list[dict[str, Any]]) -> None:
    for entry in told:
        assert {"time", "level", "service", "logger", "message"} <= entry.keys(), entry
        assert datetime.fromisoformat(entry["time"]).tzinfo is not None


def test_entries_name_the_event_its_tenant_and_its_trace(told: list[dict[str, Any]]) -> None:
    letters = [entry for entry in told if entry.get("event_id") in {"bad-0", "bad-1"}]
    assert {entry["service"] for entry in letters} >= {"knative-local", "realtime-gateway", "persist", "progress"}
    for entry in letters:
        assert (entry["tenant"], entry["trace_id"]) == ("default", TRACE), entry
    starts = [entry for entry in told if entry.get("event_type") == "dev.trackway.trip.started.v1"]
    assert {entry["trace_id"] for entry in starts} == {TRACE}, "from the request to all that hear of the trip"


@pytest.mark.parametrize("what", SECRETS)
def test_no_entry_at_any_level_has(told: list[dict[str, Any]], trackway: Running, what: str) -> None:
    assert told
    for secret in SECRETS[what]:
        lines = [line for line in trackway.output().splitlines() if secret in line]
        assert not lines, f"{what} is in the log: {lines[0]}"


def test_a_bad_setting_is_said_in_an_entry_too(trackway: Running, tmp_path_factory: pytest.TempPathFactory) -> None:
    again = Running(tmp_path_factory.mktemp("refused") / "var")
    again.port = trackway.port
    with pytest.raises(AssertionError):
        again.start("--log-format", "json")
    (entry,) = entries(again)
    assert entry["level"] == "CRITICAL"
    assert f"port {trackway.port}" in entry["message"]
    again.client.close()
