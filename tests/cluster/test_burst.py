"""Many trips at once: functions scale out, and all of it comes to its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.product import NAMESPACE, Product

BURST = 200
AT_ONCE = 40
"""Trips that are on the road. The channel broker sends all that it has at once, each event to each Trigger, by
connections that pass through one process of knative-host: 200 at once are more than its 20,000 files."""

FASTEST = 100
"""Times real time, so that trips are over soon."""


@pytest.mark.timeout(600)
def test_a_burst_of_trips_is_spread_over_more_pods_and_all_of_them_finish(deployed: Cluster, product: Product) -> None:
    route = product.route()
    trips: dict[int, str] = {}
    most = 0

    def start(number: int) -> None:
        """As clients do: who is not answered, or told 503, comes again with the same key."""
        body = {"route_id": route, "vehicle_id": f"burst-{number}", "speed": FASTEST}
        answer = product.ask("POST", "dispatch", "/v1/trips", json=body, headers={"idempotency-key": f"burst-{number}"})
        assert answer.status_code in {201, 503, 504}, answer.text
        if answer.status_code == 201:
            trips[number] = answer.json()["trip_id"]

    def all_finished() -> bool:
        """Start as many as there is room for, and look."""
        nonlocal most
        done = {each["trip"]["trip_id"] for each in product.get("/v1/trips", status="finished", limit=500)["trips"]}
        room = AT_ONCE - len(set(trips.values()) - done)
        list(pool.map(start, [number for number in range(BURST) if number not in trips][:room]))
        most = max(most, len(deployed.pods(NAMESPACE, "persist")))
        return len(trips) == BURST and done >= set(trips.values())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        deployed.until(all_finished, "all trips finished", 400)
    assert most > 1
