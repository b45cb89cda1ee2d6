"""Many trips at once: functions scale out, and all of it comes to its end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.product import NAMESPACE, Product

BURST = 200
"""Trips of devices, which say little: the channel broker sends all that it has at once, each event to each Trigger, by
connections that pass through one process of knative-host, and 200 simulated vehicles make more of them in a second or
two than its 20,000 files are enough for."""

REPORTS_EVERY_S = 15
"""A phone."""

END = {"lat": -34.9011, "lng": -56.1600}
"""Of the route."""


@pytest.mark.timeout(400)
def test_200_trips_at_once_are_spread_over_more_pods_and_all_of_them_finish(
    deployed: Cluster, product: Product
) -> None:
    route = product.route()
    trips: dict[int, str] = {}
    most: dict[str, int] = {}
    due = dict.fromkeys(range(BURST), 0.0)

    def count_pods() -> None:
        pods = deployed.get("pods", NAMESPACE, "-l", "serving.knative.dev/service")
        names = [each["metadata"]["labels"]["serving.knative.dev/service"] for each in pods]
        for name in set(names):
            most[name] = max(most.get(name, 0), names.count(name))

    def start(number: int) -> None:
        """As clients do: who is not answered, or told 503, comes again with the same key."""
        body = {"route_id": route, "vehicle_id": f"burst-{number}", "simulated": False}
        answer = product.ask("POST", "dispatch", "/v1/trips", json=body, headers={"idempotency-key": f"burst-{number}"})
        assert answer.status_code in {201, 503, 504}, answer.text
        if answer.status_code == 201:
            trips[number] = answer.json()["trip_id"]

    def arrive(number: int) -> None:
        """A phone, which is there; it says so now and then until its trip is over, whatever it is answered."""
        due[number] = time.monotonic() + REPORTS_EVERY_S
        fix = {"id": f"burst-{number}", "recorded_at": datetime.now(UTC).isoformat(), **END}
        answer = product.ask("POST", "ingest", "/v1/ingest", json=fix)
        assert answer.status_code in {200, 503, 504}, answer.text

    def finished() -> dict[str, dict[str, str]]:
        listed = [each["trip"] for each in product.get("/v1/trips", status="finished", limit=500)["trips"]]
        return {each["trip_id"]: each for each in listed if each["trip_id"] in trips.values()}

    def all_started() -> bool:
        list(pool.map(start, [number for number in range(BURST) if number not in trips]))
        count_pods()
        return len(trips) == BURST

    def all_finished() -> bool:
        done = finished()
        now = time.monotonic()
        list(pool.map(arrive, [number for number in due if trips[number] not in done and due[number] < now]))
        count_pods()
        return len(done) == BURST

    with ThreadPoolExecutor(BURST) as pool:
        deployed.until(all_started, "all trips started", 120)
        deployed.until(all_finished, "all trips finished", 200)
    moments = [(each["started_at"], each["ended_at"]) for each in finished().values()]
    assert max(began for began, _ in moments) < min(ended for _, ended in moments), "all under way at the same time"
    assert most["persist"] > 1, most
