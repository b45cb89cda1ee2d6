"""The HTTP side: queries with their problems, the feed in all its modes, and the OpenAPI document."""

import base64
import json
import re
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from realtime_gateway.app import create_app
from realtime_gateway.openapi import Contract
from realtime_gateway.settings import Settings
from tests.unit.gateway.facts import at, finished, planned, position, progressed, started, trip
from tests.unit.gateway.serving import TENANT, Fragile, Serving, fact_event, serving
from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import BATCH_MEDIA_TYPE, STRUCTURED_MEDIA_TYPE, Event, to_batch, to_binary, to_structured
from trackway.storage.memory import InMemoryStore
from trackway.storage.port import DeadLetter, StoredPosition


async def filled() -> InMemoryStore:
    store = InMemoryStore()
    await store.add_route(TENANT, planned())
    facts = [started(), progressed(fraction=0.2), started("trip-2", "van-2", second=5), finished("trip-2", "van-2")]
    await store.apply_trip_events(TENANT, [fact_event(fact, str(number)) for number, fact in enumerate(facts)])
    places = [position(second=second, trip_id="trip-1", seq=second) for second in range(5)]
    kept = [StoredPosition(source="/test", event_id=f"trip-1:{p.seq}", position=p) for p in places]
    await store.append_positions(TENANT, kept)
    return store


async def get(here: Serving, path: str, status: int = 200) -> Any:
    answer = await here.http.get(path)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    return answer.json()


async def test_routes_and_one_with_its_path() -> None:
    async with serving(await filled()) as here:
        assert [r["name"] for r in (await get(here, "/v1/routes"))["routes"]] == ["Unión → Maroñas"]
        route = await get(here, "/v1/routes/route-1")
        assert route["path"][0] == [-34.9, -56.2, 0.0, 10.0]
        assert (await get(here, "/v1/routes/route-9", 404))["field"] == "route_id"


async def test_a_trip_its_positions_and_its_events() -> None:
    async with serving(await filled()) as here:
        view = await get(here, "/v1/trips/trip-1")
        assert view["trip"]["status"] == "underway"
        assert view["progress"]["fraction"] == 0.2
        assert view["position"]["seq"] == 4
        positions = (await get(here, "/v1/trips/trip-1/positions"))["positions"]
        assert [p["seq"] for p in positions] == [0, 1, 2, 3, 4]
        after = positions[2]["recorded_at"]
        page = await get(here, f"/v1/trips/trip-1/positions?after={after}&limit=1")
        assert [p["seq"] for p in page["positions"]] == [3]
        events = (await get(here, "/v1/trips/trip-2/events"))["events"]
        assert {e["type"] for e in events} == {"dev.trackway.trip.started.v1", "dev.trackway.trip.finished.v1"}
        assert events[0]["specversion"] == "1.0"
        assert events[0]["data"]["trip_id"] == "trip-2"


@pytest.mark.parametrize("path", ["/v1/trips/nope", "/v1/trips/nope/positions", "/v1/trips/nope/events", "/v1/nope"])
async def test_what_is_not_there_is_a_404_problem(path: str) -> None:
    async with serving() as here:
        assert (await get(here, path, 404))["title"] == "Not Found"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/trips?status=lost", "status"),
        ("/v1/trips?limit=0", "limit"),
        ("/v1/trips?limit=many", "limit"),
        ("/v1/trips?cursor=x", "cursor"),
        ("/v1/trips?cursor=MjAyNi0wMy0xNCB4", "cursor"),
        ("/v1/trips/trip-1/positions?after=yesterday", "after"),
        ("/v1/trips/trip-1/positions?after=2026-03-14T12:00:00", "after"),
        ("/v1/dead-letters?limit=99999", "limit"),
    ],
)
async def test_a_wrong_parameter_is_a_400_problem_that_names_it(path: str, field: str) -> None:
    async with serving(await filled()) as here:
        problem = await get(here, path, 400)
        assert problem["field"] == field
        assert problem["detail"].startswith(f"{field}: ")


async def test_trips_are_paged_and_filtered_newest_first() -> None:
    store = InMemoryStore()
    for number in range(5):
        planned_at = at(number // 2)  # some were planned in the same moment
        new = trip(f"trip-{number}", f"van-{number}", TripStatus.PLANNED)
        await store.plan_trip(TENANT, type(new)(**{**fields(new), "planned_at": planned_at}))
    async with serving(store) as here:
        found, cursor = [], ""
        while True:
            page = await get(here, f"/v1/trips?limit=2{cursor}")
            found += [view["trip"]["trip_id"] for view in page["trips"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert found == ["trip-4", "trip-3", "trip-2", "trip-1", "trip-0"]
        assert (await get(here, "/v1/trips?status=finished"))["trips"] == []
        mine = await get(here, "/v1/trips?vehicle_id=van-3")
        assert [view["trip"]["trip_id"] for view in mine["trips"]] == ["trip-3"]


def fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


async def test_vehicles_are_those_of_the_store_where_the_live_view_saw_them_last() -> None:
    async with serving(await filled()) as here:
        await here.feed(position(second=90, lng=-56.05), position("device-1", second=1))
        vehicles = {v["vehicle_id"]: v for v in (await get(here, "/v1/vehicles"))["vehicles"]}
        assert vehicles["van-1"]["lng"] == -56.05
        assert vehicles["van-1"]["trip_id"] == "trip-1"
        assert set(vehicles) == {"van-1", "device-1"}


async def test_dead_letters_tell_the_event_and_why() -> None:
    store = InMemoryStore()
    event = fact_event(position(), "bad-1")
    letter = DeadLetter(
        letter_id="l-1", event=event, failed_at=at(0), destination="http://persist", code=400, reason="lat: …"
    )
    await store.add_dead_letters(TENANT, [letter])
    async with serving(store) as here:
        answer = await get(here, "/v1/dead-letters")
        assert answer["total"] == 1
        (found,) = answer["dead_letters"]
        assert (found["letter_id"], found["code"], found["event"]["id"]) == ("l-1", 400, "bad-1")
        assert found["event"]["data"]["vehicle_id"] == "van-1"


@pytest.mark.parametrize(
    "data", [b"{", b"", b"\xff\xfe", b'"\xff"', pytest.param(b"[" * 200_000 + b"]" * 200_000, id="deep")]
)
async def test_a_dead_letter_of_broken_data_does_not_break_the_list(data: bytes) -> None:
    store = InMemoryStore()
    event = Event(id="bad-1", source="/x", type="x", data=data, extensions={"knativeerrorcode": "400"})
    letter = DeadLetter(letter_id="l-1", event=event, failed_at=at(0), destination="d", code=None, reason="…")
    await store.add_dead_letters(TENANT, [letter])
    async with serving(store) as here:
        (found,) = (await get(here, "/v1/dead-letters"))["dead_letters"]
        assert found["event"]["datacontenttype"] == "application/json"
        assert found["event"].get("data_base64", "") == base64.b64encode(data).decode()


async def test_a_store_that_is_away_is_a_503_problem_with_when_to_come_back() -> None:
    store = Fragile()
    async with serving(store) as here:
        store.is_away = True
        answer = await here.http.get("/v1/routes")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_wrong_method_names_the_right_ones() -> None:
    async with serving() as here:
        answer = await here.http.delete("/v1/trips")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
        assert answer.json()["title"] == "Method Not Allowed"


async def test_health() -> None:
    async with serving() as here:
        assert await get(here, "/healthz") == {"status": "ok"}


# The feed ---------------------------------------------------------------------------------------------------


OLD = b'{"specversion":"0.3","id":"1","source":"s","type":"t"}'


def delivery(mode: str, second: float) -> tuple[dict[str, str], bytes]:
    event = fact_event(position(second=second), f"p-{second}")
    if mode == "binary":
        headers, body = to_binary(event)
        return {name.decode(): value.decode() for name, value in headers}, body
    if mode == "structured":
        return {"content-type": f"{STRUCTURED_MEDIA_TYPE}; charset=utf-8"}, to_structured(event)
    return {"content-type": BATCH_MEDIA_TYPE}, to_batch([event, fact_event(started(), "s")])


@pytest.mark.parametrize("mode", ["binary", "structured", "batch"])
async def test_the_feed_takes_every_mode_and_answers_204(mode: str) -> None:
    async with serving() as here:
        headers, body = delivery(mode, 7)
        answer = await here.http.post("/feed", headers={**headers, "prefer": "reply"}, content=body)
        assert (answer.status_code, answer.content) == (204, b"")
        assert here.gateway.view.hub.fleet.vehicles["van-1"].recorded_ms == at(7).timestamp() * 1000


@pytest.mark.parametrize(
    ("headers", "body", "field"),
    [
        ({}, b"{}", "specversion"),
        ({"content-type": STRUCTURED_MEDIA_TYPE}, b"{", None),
        ({"content-type": BATCH_MEDIA_TYPE}, b"{}", None),
        (
            {"content-type": STRUCTURED_MEDIA_TYPE},
            b'{"specversion":"0.3","id":"1","source":"s","type":"t"}',
            "specversion",
        ),
    ],
)
async def test_a_malformed_delivery_is_a_400_problem(headers: dict[str, str], body: bytes, field: str | None) -> None:
    async with serving() as here:
        answer = await here.http.post("/feed", headers=headers, content=body)
        assert answer.status_code == 400
        assert answer.json().get("field") == field


async def test_an_error_body_stays_under_768_bytes_because_the_go_broker_crashes_otherwise() -> None:
    async with serving() as here:
        body = json.dumps({"specversion": "1.0", "id": "x", "source": "s", "type": "t", "é" * 5000: 1}).encode()
        answer = await here.http.post("/feed", headers={"content-type": STRUCTURED_MEDIA_TYPE}, content=body)
        assert answer.status_code == 400
        assert len(answer.content) < 768


async def test_the_feed_is_only_posted_to() -> None:
    async with serving() as here:
        answer = await here.http.get("/feed")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.json()["status"] == 405


async def test_too_large_a_delivery_is_refused() -> None:
    async with serving() as here:
        answer = await here.http.post("/feed", content=b" " * (4 * 1024 * 1024 + 1))
        assert answer.status_code == 413


# Operations -------------------------------------------------------------------------------------------------

STATUS = {
    "now_ms": 1,
    "started_ms": 0,
    "services": [],
    "deployments": [
        {"namespace": "trackway", "name": "realtime-gateway", "running": True, "restarts": 0, "problem": None}
    ],
    "brokers": [],
    "triggers": [],
    "sources": [],
    "dead_letters": {"total": 2},
}


class Runtime:
    """A runtime that tells its status, on a thread of its own."""

    def __init__(self, body: bytes) -> None:
        outer = self
        self.asked = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self) -> "Runtime":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


async def test_operations_are_what_the_runtime_says_and_asked_for_once() -> None:
    with Runtime(json.dumps({**STATUS, "unknown": 1}).encode()) as runtime:
        async with serving(knative_local_url=runtime.url) as here:
            for _ in range(3):
                assert await get(here, "/v1/operations") == STATUS
            assert runtime.asked == 1


async def test_operations_without_a_runtime_or_with_one_that_is_away_or_talks_nonsense() -> None:
    async with serving() as here:
        assert "TRACKWAY_OPERATIONS_URL" in (await get(here, "/v1/operations", 404))["detail"]
    with Runtime(b"[]") as runtime:
        async with serving(operations_url=runtime.url) as here:
            await get(here, "/v1/operations", 503)
    async with serving(operations_url=runtime.url) as here:
        await get(here, "/v1/operations", 503)


# OpenAPI ----------------------------------------------------------------------------------------------------

QUERIES = [
    "/v1/routes",
    "/v1/routes/{route_id}",
    "/v1/trips",
    "/v1/trips/{trip_id}",
    "/v1/trips/{trip_id}/positions",
    "/v1/trips/{trip_id}/events",
    "/v1/vehicles",
    "/v1/vehicles/nearest",
    "/v1/dead-letters",
    "/v1/operations",
    "/healthz",
]


def document() -> dict[str, Any]:
    return create_app(Settings(), InMemoryStore()).openapi()


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if "$ref" in part else set()
        return own.union(*(references(value) for value in part.values()))
    return set().union(*(references(item) for item in part)) if isinstance(part, list) else set()


def test_the_document_covers_every_query_and_leaves_out_what_is_not_for_people() -> None:
    paths = document()["paths"]
    assert set(QUERIES) <= set(paths)
    assert "/feed" not in paths
    assert {path: paths[path]["get"]["tags"] for path in QUERIES[3:7:3]} == {
        "/v1/trips/{trip_id}": ["trips"],
        "/v1/vehicles": ["vehicles"],
    }
    assert paths["/v1/trips"]["get"]["summary"] == "Trips, newest first"


def test_every_reference_of_the_document_is_there() -> None:
    built = document()
    names = {f"#/components/schemas/{name}" for name in built["components"]["schemas"]}
    assert references(built) <= names


def test_every_operation_declares_its_path_parameters_an_answer_and_problems_of_one_shape() -> None:
    built = document()
    seen = set()
    for path, operations in built["paths"].items():
        for operation in operations.values():
            declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path)), path
            assert operation["operationId"] not in seen
            seen.add(operation["operationId"])
            assert any(status.startswith("2") for status in operation["responses"]), path
            for status, answer in operation["responses"].items():
                assert status < "4" or list(answer["content"]) == ["application/problem+json"], path
    assert "HTTPValidationError" not in built["components"]["schemas"]
    trips = built["paths"]["/v1/trips"]["get"]["responses"]
    assert trips["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/TripList"}
    assert trips["400"]["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_what_the_functions_serve_is_merged_in(tmp_path: Path) -> None:
    fragment = {
        "paths": {"/v1/trips": {"post": {"operationId": "start_trip", "responses": {"201": {"description": "…"}}}}},
        "components": {"schemas": {"StartTrip": {"type": "object"}, "Trip": {"title": "theirs"}}},
    }
    file = tmp_path / "functions.json"
    file.write_text(json.dumps(fragment))
    app = create_app(Settings(), InMemoryStore())
    contract = Contract()
    contract.answers(Trip, "A trip")
    contract.install(app, file)
    built = app.openapi()
    assert set(built["paths"]["/v1/trips"]) == {"get", "post"}
    assert built["components"]["schemas"]["StartTrip"] == {"type": "object"}
    assert built["components"]["schemas"]["Trip"]["title"] != "theirs", "the gateway's own record stands"


async def test_the_document_is_served() -> None:
    async with serving() as here:
        assert (await get(here, "/openapi.json"))["openapi"].startswith("3.1")


async def test_the_age_of_a_trip_does_not_matter_to_its_page() -> None:
    store = InMemoryStore()
    old = started()
    await store.apply_trip_events(TENANT, [fact_event(old, "s"), fact_event(finished(), "f")])
    async with serving(store) as here:
        here.clock.now += timedelta(days=400)
        assert (await get(here, "/v1/trips/trip-1"))["trip"]["status"] == "finished"
