"""The whole way on a real Knative: activator, queue-proxy, Broker, Triggers, our functions, the store, the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.product import DOMAIN, NAMESPACE, Product

pytestmark = pytest.mark.timeout(400)
BURST = 40


@pytest.fixture(scope="module")
def product(deployed: Cluster) -> Iterator[Product]:
    one = Product()
    with one.client:
        yield one


@pytest.fixture(autouse=True)
def nothing_ends_as_a_dead_letter_that_should_not(product: Product) -> Iterator[None]:
    """An answer that Knative took for a bad reply would be there too, without a code."""
    before = {each["letter_id"] for each in product.dead_letters()}
    yield
    new = [each for each in product.dead_letters() if each["letter_id"] not in before]
    assert not [each for each in new if each["event"]["source"] != "/tests/cluster"]


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
    address = f"http://ingest.{DOMAIN}/v1/ingest"
    answer = product.client.post(
        address, content=iter([body[:9], body[9:]]), headers={"content-type": "application/json"}
    )
    assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})


def test_an_event_that_cannot_be_handled_is_kept_and_can_be_replayed(deployed: Cluster, product: Product) -> None:
    product.emit("dev.trackway.position.recorded.v1", "bad-1", b'{"lat": "north"}')

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


def test_a_burst_of_trips_is_spread_over_more_pods_and_all_of_them_finish(deployed: Cluster, product: Product) -> None:
    route = product.route()
    with ThreadPoolExecutor(50) as pool:
        trips = list(pool.map(lambda number: product.start_trip(f"burst-{number}", 10, route), range(BURST)))
    most = 0

    def all_finished() -> bool:
        nonlocal most
        most = max(most, len(deployed.pods(NAMESPACE, "persist")))
        done = product.get("/v1/trips", status="finished", limit=500)["trips"]
        return {each["trip"]["trip_id"] for each in done} >= set(trips)

    deployed.until(all_finished, "all trips finished", 150)
    assert most > 1


def test_functions_scale_to_zero_and_come_back(deployed: Cluster, product: Product) -> None:
    deployed.until(lambda: not deployed.pods(NAMESPACE), "no Pod of a function", 300)
    trip_id = product.start_trip("again-1")
    deployed.until(lambda: product.is_finished(trip_id), "a trip from zero finished", 120)
