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
    trips: set[str] = set()
    most = 0

    def start(number: int) -> str:
        return product.start_trip(f"burst-{number}", FASTEST, route)

    def all_finished() -> bool:
        """Start as many as there is room for, and look."""
        nonlocal most
        done = {each["trip"]["trip_id"] for each in product.get("/v1/trips", status="finished", limit=500)["trips"]}
        room = min(BURST - len(trips), AT_ONCE - len(trips - done))
        trips.update(pool.map(start, range(len(trips), len(trips) + room)))
        most = max(most, len(deployed.pods(NAMESPACE, "persist")))
        return len(trips) == BURST and done >= trips

    with ThreadPoolExecutor(AT_ONCE) as pool:
        deployed.until(all_finished, "all trips finished", 400)
    assert most > 1
