"""On a real Knative: how long a request waits for a function that is at zero, and how soon a function that runs has an
event.

On the cluster of --kubeconfig (where its Services can be reached), else on one that knative-host starts
(CONTRIBUTING.md). Cold: from the request, by way of the activator, to the answer. Warm: from the post to the answer of
a Broker that answers when its one Trigger is through: ingress, channel, filter, Serving's ingress, queue-proxy,
function, and back.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from report import percentile, spread, table
from running import ROOT

sys.path.insert(0, str(ROOT))
from tests.cluster import host
from tests.cluster.cluster import Cluster
from tests.cluster.objects import broker, faulty_service, service, trigger
from tests.cluster.product import NAMESPACE, Product, Reach
from tests.servers import kustomize

SHORTEST_WINDOW = "6s"
"""The shortest that Knative allows, so that functions are soon at zero again."""

PACE = 0.05
"""Seconds between events: twenty a second, so that none waits for another."""

WARM_UP = 30
SUBSCRIBERS = {"faulty": "one that does nothing", "persist": "persist", "progress": "progress"}
Ask = tuple[str, str, str, dict[str, str], bytes | None, int]
"""Function, method, path, headers, body, and the status that is right."""


def now() -> str:
    return datetime.now(UTC).isoformat()


def position(vehicle: str) -> bytes:
    return json.dumps({"vehicle_id": vehicle, "lat": -34.9, "lng": -56.16, "recorded_at": now()}).encode()


def attributes(type: str) -> dict[str, str]:
    """Of an event that is like no other."""
    known = {"specversion": "1.0", "source": "/bench", "tenant": "default", "partitionkey": "x"}
    return {**known, "type": type, "id": f"bench-{time.time_ns()}"}


def binary(type: str) -> dict[str, str]:
    """Headers of an event."""
    return {"content-type": "application/json", **{f"ce-{name}": value for name, value in attributes(type).items()}}


def asks() -> list[Ask]:
    """A request for each function that wakes no other one; those that emit come last."""
    recorded, plain = "dev.trackway.position.recorded.v1", {"content-type": "application/json"}
    line = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]
    started = {"trip_id": "cold", "vehicle_id": "cold-3", "vehicle_name": "Cold", "route_id": "none"}
    started |= {"started_at": now(), "promised_at": now(), "simulated": False, "speed": 1, "seed": 0}
    return [
        ("simulate", "POST", "/", binary("dev.trackway.trip.started.v1"), json.dumps(started).encode(), 204),
        ("persist", "POST", "/", binary(recorded), position("cold-1"), 204),
        ("progress", "POST", "/", binary(recorded), position("cold-1"), 204),
        ("archive", "POST", "/", binary("dev.knative.sources.ping"), b"{}", 204),
        ("deadletter", "DELETE", "/v1/dead-letters/none", {}, None, 404),
        ("dispatch", "POST", "/v1/trips", plain, b'{"route_id": "none"}', 404),
        ("plan", "POST", "/v1/routes", plain, json.dumps({"name": "Cold", "points": line}).encode(), 201),
        ("ingest", "POST", "/v1/ingest", plain, b'{"id": "cold-2", "lat": -34.9, "lng": -56.16}', 200),
    ]


def measure_cold(cluster: Cluster, product: Product, rounds: int) -> dict[str, list[float]]:
    """Milliseconds to each answer from zero, by function."""
    taken: dict[str, list[float]] = {}
    for number in range(rounds):
        cluster.until(lambda: not cluster.pods(NAMESPACE), "no Pod of a function", 300)
        for function, method, path, headers, body, status in asks():
            # What another one's event has woken, or still starts, would be measured with it.
            assert not cluster.pods(NAMESPACE, function), f"{function} is not at zero"
            taken.setdefault(function, []).append(
                timed(lambda: product.ask(method, function, path, headers=headers, content=body).status_code, status)  # noqa: B023
            )
        print(f"round {number + 1} of {rounds}", flush=True)
    return taken


def measure_warm(cluster: Cluster, product: Product, events: int) -> dict[str, list[float]]:
    """Milliseconds from the post of an event to the answer of a Broker with one Trigger, by subscriber."""
    image = cluster.get("services.serving.knative.dev", NAMESPACE)[0]["spec"]["template"]["spec"]["containers"][0]
    objects: list[Any] = [faulty_service(image["image"])]
    for name in SUBSCRIBERS:
        objects += [broker(f"warm-{name}"), trigger(f"warm-{name}", f"warm-{name}", service(name))]
    taken: dict[str, list[float]] = {}
    with cluster.also(objects):
        cluster.wait_ready(NAMESPACE)
        for name, what in SUBSCRIBERS.items():
            values = [deliver(product, name, number) for number in range(WARM_UP + events)]
            taken[what] = values[WARM_UP:]
    return taken


def deliver(product: Product, name: str, number: int) -> float:
    event = attributes("dev.trackway.position.recorded.v1")
    data = b'{"answers": [204]}' if name == "faulty" else position(f"warm-{number % 50}")
    begin = time.perf_counter()
    taken = timed(lambda: product.emit(event, data, f"warm-{name}"), 202)
    time.sleep(max(0.0, PACE - (time.perf_counter() - begin)))
    return taken


def timed(ask: Callable[[], int], status: int) -> float:
    """Milliseconds; another status than the expected one ends the measurement."""
    begin = time.perf_counter()
    found = ask()
    taken = (time.perf_counter() - begin) * 1000
    if found != status:
        sys.exit(f"the answer was {found}, not {status}")
    return taken


def rows(taken: Mapping[str, list[float]]) -> list[list[str]]:
    every = [value for values in taken.values() for value in values]
    return [[name, str(len(values)), *spread(values)] for name, values in {**taken, "all": every}.items()]


def measure(options: argparse.Namespace) -> int:
    """Deploy, measure, and take it away again; 1 when a limit is passed."""
    cluster, product = Cluster(options.kubeconfig, None), Product(Reach())
    manifests = kustomize.build(Path(options.overlay))
    cluster.apply(manifests.replace("window: 30s", f"window: {SHORTEST_WINDOW}"))
    try:
        cluster.wait_ready(NAMESPACE)
        headings = ["function", "times", "p50", "p90", "p99", "max"]
        warm = measure_warm(cluster, product, options.events)
        table("From the post of an event until a function that runs has handled it", headings, rows(warm))
        cold = measure_cold(cluster, product, options.rounds)
        table("From a request to its answer, from zero, by way of the activator", headings, rows(cold))
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    every_cold = [value for values in cold.values() for value in values]
    found = {
        "the p50 of an event to persist": (percentile(warm["persist"], 0.5), options.limit_warm),
        "the p90 from zero": (percentile(every_cold, 0.9), options.limit_cold),
    }
    over = [f"✗ {what} is {value:.0f} ms, over {limit:.0f}" for what, (value, limit) in found.items() if value > limit]
    print("\n".join(over), flush=True)
    return int(bool(over))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", help="a cluster with Knative, from inside of its network")
    parser.add_argument("--overlay", default=str(ROOT / "knative/overlays/kind"), help="what is deployed (kind)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each function starts (default 3)")
    parser.add_argument("--events", type=int, default=300, help="events to each function that runs (default 300)")
    parser.add_argument("--limit-cold", type=float, default=1000, help="ms that the p90 from zero may be")
    parser.add_argument("--limit-warm", type=float, default=30, help="ms that the p50 of an event may be")
    options = parser.parse_args()
    if options.kubeconfig:
        return measure(options)
    missing = host.missing()
    if missing:
        sys.exit(f"There is no cluster: {missing}.")
    with host.running() as started:
        inside = ["--kubeconfig", started.kubeconfig, "--overlay", started.overlay]
        status = started.run([sys.executable, __file__, *sys.argv[1:], *inside])
        started.keep = status != 0
    return status


if __name__ == "__main__":
    sys.exit(main())
