"""The whole way on a real Knative: activator, queue-proxy, Broker, Triggers, our functions, the store, the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.product import NAMESPACE, SOURCE, Product

pytestmark = pytest.mark.timeout(400)
REPORTS = 200


@pytest.fixture(autouse=True)
def nothing_ends_as_a_dead_letter_that_should_not(product: Product) -> Iterator[None]:
    """An answer that Knative took for a bad reply would be there too, without a code."""
    before = {each["letter_id"] for each in product.dead_letters()}
    yield
    new = [each for each in product.dead_letters() if each["letter_id"] not in before]
    assert not [each for each in new if each["event"]["source"] != SOURCE]


def test_a_trip_runs_and_finishes_and_the_socket_sees_it(product: Product) -> None:
    with closing(product.watch()) as frames:
        assert next(frames)["kind"] == "reset"
        trip_id = product.start_trip("live-1")
        places: set[float] = set()
        for frame in frames:
            places |= {each["lng"] for each in frame["vehicles"] if each["vehicle_id"] == "live-1"}
            if any(each["trip_id"] == trip_id and each["status"] == "finished" for each in frame["trips"]):
                break
    assert len(places) > 2, "the vehicle moved on the socket"


def test_every_position_is_stored_once(deployed: Cluster, product: Product) -> None:
    trip_id = product.start_trip("once-1")
    deployed.until(lambda: product.is_finished(trip_id), "the trip finished")
    deployed.until(lambda: product.has_each_position_once(trip_id), "each of its positions there once")
    types = {event["type"] for event in product.get(f"/v1/trips/{trip_id}/events")["events"]}
    assert types >= {"dev.trackway.trip.started.v1", "dev.trackway.trip.finished.v1"}


def test_a_request_in_chunks_is_read(product: Product) -> None:
    body = json.dumps({"id": "chunks-1", "lat": -34.9, "lng": -56.16}).encode()
    pieces = iter([body[:9], body[9:]])
    answer = product.ask("POST", "ingest", "/v1/ingest", content=pieces, headers={"content-type": "application/json"})
    assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})


def test_an_event_that_cannot_be_handled_is_kept_and_can_be_replayed(deployed: Cluster, product: Product) -> None:
    bad = {"type": "dev.trackway.position.recorded.v1", "id": "bad-1"}
    assert product.emit(bad, b'{"lat": "north"}') == 202

    def letters() -> list[dict[str, object]]:
        return [each for each in product.dead_letters() if each["event"]["id"] == "bad-1"]

    (first, *others) = deployed.until(letters, "the dead letter")
    assert first["code"] == 400, "refused at once, with a status that Knative does not try again"
    assert "lat" in str(first["reason"])
    for letter in [first, *others]:
        product.post("deadletter", f"/v1/dead-letters/{letter['letter_id']}/replay", None)
    again = deployed.until(letters, "the dead letter again, since it is as bad as before")
    assert str(again[0]["failed_at"]) > str(first["failed_at"])


def test_pods_that_are_ended_at_work_lose_nothing(deployed: Cluster, product: Product) -> None:
    route = product.route()
    trips = [product.start_trip(f"ended-{number}", speed=3, route=route) for number in range(5)]
    deployed.until(lambda: all(map(product.sequence, trips)), "positions of each trip")
    for service in ("simulate", "persist", "progress"):
        pods = deployed.pods(NAMESPACE, service)
        assert pods, f"{service} is at work"
        deployed.kubectl("-n", NAMESPACE, "delete", "pod", "--wait=false", *pods)
    for trip_id in trips:
        deployed.until(lambda trip_id=trip_id: product.is_finished(trip_id), f"{trip_id} finished", 120)
        deployed.until(lambda trip_id=trip_id: product.has_each_position_once(trip_id), f"{trip_id} whole")


def test_reports_that_are_acknowledged_are_stored_though_pods_end(deployed: Cluster, product: Product) -> None:
    trip_id = product.start_trip("device-1", simulated=False)
    began = datetime.now(UTC)
    moments = [(began + timedelta(milliseconds=number)).isoformat() for number in range(REPORTS)]

    def is_acknowledged(moment: str) -> bool:
        fix = {"id": "device-1", "lat": -34.9, "lng": -56.16, "recorded_at": moment}
        try:
            return product.ask("POST", "ingest", "/v1/ingest", json=fix).status_code == 200
        except httpx.TransportError:
            return False  # then the device sends it again

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(is_acknowledged, moment) for moment in moments]
        deployed.until(lambda: sum(each.done() for each in answers) > REPORTS / 10, "reports on their way")
        for service in ("ingest", "persist"):
            deployed.kubectl("-n", NAMESPACE, "delete", "pod", "--wait=false", *deployed.pods(NAMESPACE, service))
        acknowledged = {m for m, answer in zip(moments, answers, strict=True) if answer.result()}
    assert len(acknowledged) > REPORTS / 2

    def stored() -> set[str]:
        positions = product.get(f"/v1/trips/{trip_id}/positions", limit=1000)["positions"]
        return {datetime.fromisoformat(each["recorded_at"]).isoformat() for each in positions}

    deployed.until(lambda: stored() >= acknowledged, "what was acknowledged")
    product.post("dispatch", f"/v1/trips/{trip_id}/cancel", {})
