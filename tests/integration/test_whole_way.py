"""The whole way of an event on the real processes: trips, devices, raw events, kills, and what happens to bad input."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.running import Running, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

BROKER = "/broker/trackway/default"


def short_route(trackway: Running) -> str:
    """A drawn line of some 420 m; driven in under a minute, and in seconds of time-lapse."""
    points = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]
    return trackway.post("/v1/routes", {"name": "Short", "points": points})["route_id"]


def start_trip(trackway: Running, vehicle: str, speed: float = 10, **more: object) -> str:
    body = {"route_id": short_route(trackway), "vehicle_id": vehicle, "vehicle_name": vehicle, "speed": speed, **more}
    return trackway.post("/v1/trips", body)["trip_id"]


def finished(trackway: Running, trip_id: str) -> dict[str, object] | None:
    view = trackway.get(f"/v1/trips/{trip_id}")
    return view if view["trip"]["status"] == "finished" else None


def positions(trackway: Running, trip_id: str) -> list[dict[str, object]]:
    return trackway.get(f"/v1/trips/{trip_id}/positions", limit=1000)["positions"]


def assert_each_position_once(trackway: Running, trip_id: str) -> None:
    """From the first tick to the arrival: each second of the drive is there, and none twice."""
    stored = positions(trackway, trip_id)
    assert [position["seq"] for position in stored] == list(range(len(stored))), "one is missing or stored twice"
    assert len(stored) > 2
    assert stored[-1]["recorded_at"] == trackway.get(f"/v1/trips/{trip_id}")["trip"]["ended_at"], "the last is missing"


class Live:
    """A page's socket: the newest record of each vehicle and trip."""

    def __init__(self, socket: ClientConnection, resume: dict[str, object] | None = None) -> None:
        self.socket = socket
        self.vehicles: dict[str, dict[str, object]] = {}
        self.trips: dict[str, dict[str, object]] = {}
        watch = {"kind": "watch", "box": None, "zoom": None, "vehicles": [], "trip": None, "resume": resume}
        socket.send(json.dumps(watch))
        self.first = self.read()

    def read(self) -> dict[str, object]:
        frame = json.loads(self.socket.recv(timeout=30))
        self.last = {"epoch": frame["epoch"], "offset": frame["offset"]} if "epoch" in frame else {}
        self.vehicles |= {vehicle["vehicle_id"]: vehicle for vehicle in frame.get("vehicles", ())}
        self.trips |= {trip["trip_id"]: trip for trip in frame.get("trips", ())}
        return frame


@pytest.fixture
def live(trackway: Running) -> Iterator[Live]:
    with connect(trackway.url.replace("http", "ws") + "/v1/live", origin=trackway.url) as socket:
        yield Live(socket)


def test_a_trip_runs_and_finishes_and_the_socket_sees_it(trackway: Running, live: Live) -> None:
    assert live.first["kind"] == "reset"
    trip_id = start_trip(trackway, "live-1")
    seen: set[str] = set()
    while trip_id not in live.trips or live.trips[trip_id]["status"] != "finished":
        live.read()
        if "live-1" in live.vehicles:
            seen.add(f"{live.vehicles['live-1']['lng']:.6f}")
    assert len(seen) > 2, "the vehicle moved on the socket"
    assert live.trips[trip_id]["fraction"] == pytest.approx(1, abs=0.02)
    eventually(lambda: finished(trackway, trip_id), what="the stored trip finished")
    assert_each_position_once(trackway, trip_id)
    types = {event["type"] for event in trackway.get(f"/v1/trips/{trip_id}/events")["events"]}
    assert types >= {f"dev.trackway.trip.{word}.v1" for word in ("started", "finished")}
    assert trackway.get(f"/v1/trips/{trip_id}")["progress"]["remaining"] == pytest.approx(0, abs=30)


def test_an_idempotency_key_starts_one_trip(trackway: Running) -> None:
    body = {"route_id": short_route(trackway), "vehicle_id": "once-1", "speed": 20}
    first = trackway.post("/v1/trips", body, Idempotency_Key="once")
    again = trackway.post("/v1/trips", body, Idempotency_Key="once")
    assert first["trip_id"] == again["trip_id"]
    assert len(trackway.get("/v1/trips", vehicle_id="once-1")["trips"]) == 1


def test_a_cancelled_trip_stops(trackway: Running) -> None:
    trip_id = start_trip(trackway, "cancel-1", speed=1)
    eventually(lambda: positions(trackway, trip_id), what="its first position")
    trackway.post(f"/v1/trips/{trip_id}/cancel", {"reason": "Cliente ausente"})
    view = eventually(
        lambda: (v := trackway.get(f"/v1/trips/{trip_id}"))["trip"]["status"] == "cancelled" and v, what="cancelled"
    )
    assert view["trip"]["reason"] == "Cliente ausente"
    other = start_trip(trackway, "cancel-2", speed=1)
    eventually(lambda: len(positions(trackway, other)) > 4, what="some more ticks of the simulation")
    trackway.post(f"/v1/trips/{other}/cancel", {})
    last = datetime.fromisoformat(str(positions(trackway, trip_id)[-1]["recorded_at"]))
    assert last <= datetime.fromisoformat(view["trip"]["ended_at"]) + timedelta(seconds=1), "it was driven on"
    assert trackway.client.post(f"/v1/trips/{trip_id}/cancel", json={}).status_code == 409


def test_a_phone_drives_a_trip_to_its_end(trackway: Running) -> None:
    trip_id = start_trip(trackway, "phone-1", simulated=False, speed=1)
    begin = datetime.now(UTC) + timedelta(seconds=1)  # OsmAnd says whole seconds; not before the start
    for step in range(11):
        params = {
            "id": "phone-1",
            "lat": "-34.9011",
            "lon": f"{-56.1645 + 0.00045 * step:.6f}",
            "timestamp": str(int((begin + timedelta(seconds=4 * step)).timestamp())),
            "speed": "19.4",
            "bearing": "90",
        }
        assert trackway.client.get("/v1/ingest/osmand", params=params).status_code == 200
    eventually(lambda: finished(trackway, trip_id), what="the phone's trip finished")
    # That it is over may be stored before the last of its positions are.
    eventually(lambda: len(positions(trackway, trip_id)) == 11, what="all of its positions")
    view = trackway.get(f"/v1/trips/{trip_id}")
    assert view["position"]["lng"] == pytest.approx(-56.16)
    assert view["position"]["speed"] == pytest.approx(9.98, abs=0.01), "OsmAnd's knots became metres per second"


def position_event(vehicle: str, lat: float) -> tuple[dict[str, str], dict[str, object]]:
    """The attributes and the data of a raw position.recorded event."""
    attributes = {
        "specversion": "1.0",
        "id": f"{vehicle}-{lat}",
        "source": "/test",
        "type": "dev.trackway.position.recorded.v1",
        "partitionkey": vehicle,
    }
    return attributes, {"vehicle_id": vehicle, "lat": lat, "lng": -56.1, "recorded_at": datetime.now(UTC).isoformat()}


def vehicle_at(trackway: Running, vehicle: str) -> dict[str, object] | None:
    return next((v for v in trackway.get("/v1/vehicles")["vehicles"] if v["vehicle_id"] == vehicle), None)


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_a_raw_event_posted_to_the_broker_moves_a_vehicle(trackway: Running, mode: str) -> None:
    attributes, data = position_event(f"raw-{mode}", -34.9)
    if mode == "binary":
        headers = {f"ce-{name}": value for name, value in attributes.items()} | {"content-type": "application/json"}
        answer = trackway.client.post(BROKER, headers=headers, json=data)
    else:
        document = {**attributes, "datacontenttype": "application/json", "data": data}
        headers = {"content-type": "application/cloudevents+json"}
        answer = trackway.client.post(BROKER, headers=headers, content=json.dumps(document))
    assert answer.status_code == 202, answer.text
    eventually(lambda: vehicle_at(trackway, f"raw-{mode}"), what="the vehicle on the map")


def test_a_malformed_event_is_a_dead_letter_with_its_reason_and_can_be_dropped(trackway: Running) -> None:
    attributes, data = position_event("bad-1", 91.2)
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    assert trackway.client.post(BROKER, headers=headers, json=data).status_code == 202

    def letters() -> list[dict[str, object]]:
        found = trackway.get("/v1/dead-letters")["dead_letters"]
        return [letter for letter in found if letter["event"]["id"] == attributes["id"]]

    found = eventually(letters, what="the dead letter")
    assert found[0]["code"] == 400
    assert "lat" in str(found[0]["reason"])
    for letter in eventually(letters, what="all its dead letters"):
        assert trackway.client.delete(f"/v1/dead-letters/{letter['letter_id']}").status_code == 204


BAD = [
    ("POST", "/v1/trips", {"json": {"route_id": "nowhere"}}, 404, None),
    ("POST", "/v1/trips", {"json": {}}, 400, "route_id"),
    ("POST", "/v1/trips", {"content": b"{"}, 400, None),
    ("POST", "/v1/trips", {"json": {"route_id": "x", "speed": 1000}}, 400, "speed"),
    ("POST", "/v1/trips/no-such-trip/cancel", {"json": {}}, 404, None),
    ("GET", "/v1/trips/no-such-trip", {}, 404, None),
    ("GET", "/v1/routes/no-such-route", {}, 404, None),
    ("GET", "/v1/trips?status=lost", {}, 400, "status"),
    ("POST", "/v1/ingest", {"json": {"id": "x", "lat": 91, "lng": 0}}, 400, "lat"),
    ("POST", "/v1/ingest", {"json": [{"id": "x", "lat": 1, "lng": 0}, {"id": "x", "lat": 1, "lng": 181}]}, 400, "lng"),
    ("GET", "/v1/ingest/osmand?id=x&lat=north&lon=0", {}, 400, "lat"),
    ("GET", "/v1/ingest/osmand?lat=1&lon=0", {}, 400, "id"),
    ("POST", "/v1/ingest", {"content": b"[" + b" " * 1_100_000 + b"]"}, 413, None),
    ("PUT", "/v1/trips", {"json": {}}, 405, None),
    ("DELETE", "/v1/ingest", {}, 405, None),
    (
        "POST",
        "/v1/routes",
        {"json": {"name": "x", "stops": [{"lat": -34.9, "lng": -56.16}, {"lat": 0, "lng": 0}]}},
        400,
        "stops[1]",
    ),
]


@pytest.mark.parametrize(("method", "path", "options", "status", "field"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_is_answered_with_a_problem_that_names_the_field(
    trackway: Running, method: str, path: str, options: dict[str, object], status: int, field: str | None
) -> None:
    answer = trackway.client.request(method, path, **options)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    if field:
        assert problem["field"].startswith(field) or problem["field"].endswith(field)


def test_functions_stop_when_idle_and_start_again(trackway: Running) -> None:
    def instances() -> dict[str, int]:
        return {s["name"]: s["instances"] for s in trackway.get("/v1/operations")["services"]}

    start_trip(trackway, "idle-1", speed=20)
    assert instances()["dispatch"] >= 1
    eventually(lambda: not any(instances().values()), within=120, what="everything scaled to zero")
    eventually(lambda: not trackway.named("trackway.functions"), what="their processes are gone")
    trip_id = start_trip(trackway, "idle-2", speed=20)
    eventually(lambda: finished(trackway, trip_id), what="a trip after everything had scaled to zero")


@pytest.mark.parametrize("victim", ["simulate", "persist", "progress"])
def test_kill_9_of_a_function_in_mid_trip(trackway: Running, victim: str) -> None:
    trip_id = start_trip(trackway, f"kill-{victim}", speed=5)
    eventually(lambda: len(positions(trackway, trip_id)) > 2, what="the trip underway")
    kill(eventually(lambda: trackway.named("trackway.functions", victim), what=f"a {victim} process"))
    eventually(lambda: finished(trackway, trip_id), within=90, what="the trip finished all the same")
    assert_each_position_once(trackway, trip_id)


def test_kill_9_of_the_gateway_in_mid_trip(trackway: Running, live: Live) -> None:
    trip_id = start_trip(trackway, "kill-gateway", speed=5)
    while "kill-gateway" not in live.vehicles:
        live.read()
    kill(trackway.named("realtime_gateway"))
    eventually(lambda: trackway.client.get("/healthz").is_success, what="the gateway is back")
    with connect(trackway.url.replace("http", "ws") + "/v1/live", origin=trackway.url) as socket:
        again = Live(socket, resume=live.last)
        assert again.first["kind"] == "reset", "another life of the gateway sends everything"
        while again.trips[trip_id]["status"] != "finished":
            again.read()
    eventually(lambda: finished(trackway, trip_id), what="the stored trip finished")
    assert_each_position_once(trackway, trip_id)


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=10)


def test_kill_9_of_the_runtime_in_mid_trip_then_the_next_start_goes_on(fresh: Running) -> None:
    fresh.start()
    trip_id = start_trip(fresh, "kill-runtime", speed=2)
    eventually(lambda: len(positions(fresh, trip_id)) > 2, what="the trip underway")
    before = fresh.tree()
    fresh.kill()
    _, alive = psutil.wait_procs(before, timeout=5)
    assert not alive, f"orphans: {alive}"
    fresh.start()
    eventually(lambda: finished(fresh, trip_id), within=90, what="the trip finished after the restart")
    assert_each_position_once(fresh, trip_id)


def test_ctrl_c_leaves_no_process_and_the_next_start_goes_on(fresh: Running) -> None:
    fresh.start()
    trip_id = start_trip(fresh, "ctrl-c", speed=2)
    eventually(lambda: len(positions(fresh, trip_id)) > 1, what="the trip underway")
    before = fresh.tree()
    assert fresh.stop() == 0, fresh.output()
    _, alive = psutil.wait_procs(before, timeout=1)
    assert not alive, f"left behind: {alive}"
    fresh.start()
    eventually(lambda: finished(fresh, trip_id), within=90, what="the trip finished after the restart")
    assert_each_position_once(fresh, trip_id)
    with closing(sqlite3.connect(fresh.state / "trackway.db")) as store:
        assert store.execute("pragma integrity_check").fetchone() == ("ok",)
