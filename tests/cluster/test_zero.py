"""Functions go to zero and come back; the last of the tests, since it takes them a minute."""

from __future__ import annotations

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.product import NAMESPACE, Product


@pytest.mark.timeout(400)
def test_functions_scale_to_zero_and_come_back(deployed: Cluster, product: Product) -> None:
    deployed.until(lambda: not deployed.pods(NAMESPACE), "no Pod of a function", 300)
    trip_id = product.start_trip("again-1")
    deployed.until(lambda: product.is_finished(trip_id), "a trip from zero finished", 120)
