"""How long a request takes whose function is at zero: from the request to its answer, over all of the way.

First many functions of one kind, each given an event: one after the other, and all of them at once. Then Trackway's
own: those that people ask over HTTP are asked; what the runtime measured of the others stands below.
"""

import argparse
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from report import percentile, spread, table
from running import Running, knative, trackway
from trackway.events import PositionRecorded, event_of, to_binary

LINE = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]

# Each wakes one function and as few others as can be; the last two emit events, so they come last.
ASKED: tuple[tuple[str, str, str, Any, int], ...] = (
    ("dispatch", "POST", "/v1/trips", {"route_id": "no-such-route"}, 404),
    ("deadletter", "DELETE", "/v1/dead-letters/no-such-letter", None, 404),
    ("plan", "POST", "/v1/routes", {"name": "Cold", "points": LINE}, 201),
    ("ingest", "POST", "/v1/ingest", {"id": "cold-1", "lat": -34.9, "lng": -56.16}, 200),
)


# The shortest window that Knative allows, so that they are soon at zero again.
SERVICE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {{name: persist-{number}, namespace: bench}}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/window: 6s
        local.knative.dev/preload: trackway.functions.warm
    spec:
      containers:
        - command: [python, -m, trackway.functions, persist]
          readinessProbe: {{httpGet: {{path: /healthz}}}}
          env:
            - {{name: TRACKWAY_STORE, value: "sqlite:///{folder}/store.db"}}
---
"""


def event(number: int) -> tuple[dict[str, str], bytes]:
    """Headers and body of one that is stored."""
    now = datetime.now(UTC)
    fact = PositionRecorded(vehicle_id=f"cold-{number}", lat=-34.9, lng=-56.16, recorded_at=now)
    envelope = event_of(fact, id=f"cold-{time.time_ns()}", source="/bench", subject="c", partitionkey="c", time=now)
    headers, body = to_binary(envelope)
    return {name.decode(): value.decode() for name, value in headers}, body


def deliver(running: Running, number: int) -> float:
    """Milliseconds from an event to the function's answer; another one than success ends the measurement."""
    headers, body = event(number)
    begin = time.perf_counter()
    answer = running.client.post(f"/_knative/services/bench/persist-{number}", headers=headers, content=body)
    taken = (time.perf_counter() - begin) * 1000
    if not answer.is_success:
        sys.exit(f"persist-{number} answered {answer.status_code}: {answer.text[:500]}")
    return taken


def measure_crowd(functions: int, rounds: int, limits: argparse.Namespace) -> int:
    """One after the other, and all at once, each from zero."""
    single: list[float] = []
    crowd: list[float] = []
    numbers = range(functions)
    with (
        knative(lambda folder: "".join(SERVICE.format(number=n, folder=folder) for n in numbers)) as running,
        ThreadPoolExecutor(functions) as threads,
    ):
        deliver(running, 0)  # makes the store, and waits for what the runtime loads in the background
        for number in range(rounds):
            running.wait_for_zero()
            print(f"round {number + 1} of {rounds}", flush=True)
            for each in numbers:
                running.wait(lambda: is_quiet(running), 60, "quiet")
                single.append(deliver(running, each))
            running.wait_for_zero()
            crowd += threads.map(lambda each: deliver(running, each), numbers)
    rows = [
        ["one after the other", str(len(single)), *spread(single)],
        [f"{functions} at once", str(len(crowd)), *spread(crowd)],
    ]
    table(
        "From an event to the function's answer, from zero", ["functions", "starts", "p50", "p90", "p99", "max"], rows
    )
    over = [
        f"{what}: {percentile(values, share):.0f} ms is over {limit:.0f} ms"
        for what, values, share, limit in (
            ("p50", single, 0.5, limits.limit),
            ("p99", single, 0.99, limits.limit_p99),
            ("p99 at once", crowd, 0.99, limits.limit_crowd),
        )
        if percentile(values, share) > limit
    ]
    print("\n".join(f"✗ {sentence}" for sentence in over), flush=True)
    return int(bool(over))


def is_quiet(running: Running) -> bool:
    """Whether nothing starts and nothing is asked, so that the next start has the machine to itself."""
    return not any(service["starting"] + service["in_flight"] for service in running.services().values())


def ask(running: Running, method: str, path: str, body: Any, status: int) -> float:
    """Milliseconds to the answer; another answer than the expected one ends the measurement."""
    begin = time.perf_counter()
    answer = running.client.request(method, path, json=body)
    taken = (time.perf_counter() - begin) * 1000
    if answer.status_code != status:
        sys.exit(f"{method} {path} was answered {answer.status_code}: {answer.text[:500]}")
    return taken


def measure(running: Running, rounds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name, *_ in ASKED}
    told: dict[str, list[float]] = {}
    for number in range(rounds):
        running.wait_for_zero()
        print(f"round {number + 1} of {rounds}", flush=True)
        for name, method, path, body, status in ASKED:
            running.wait(lambda: is_quiet(running), 60, "quiet")
            if running.services()[name]["instances"]:
                sys.exit(f"{name} was not at zero; something else woke it")
            taken[name].append(ask(running, method, path, body, status))
    running.wait(lambda: is_quiet(running), 60, "quiet")
    for name, service in running.services().items():
        told[name] = service["cold_starts"]
    headings = ["function", "starts", "p50", "p90", "p99", "max"]
    rows = [[name, str(len(values)), *spread(values)] for name, values in taken.items()]
    table("From the request to its answer, from zero", headings, rows)
    rows = [[name, str(len(values)), *spread(values)] for name, values in sorted(told.items()) if values]
    table("As the runtime measured it (the last 15 minutes): until the instance takes requests", headings, rows)
    typical = statistics.median(value for values in taken.values() for value in values)
    print(f"p50 over all functions {typical:.0f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="times that each function starts (default 10, 1 to 100)")
    parser.add_argument("--functions", type=int, default=20, help="functions of one kind (default 20, 1 to 50)")
    parser.add_argument("--limit", type=float, default=50, help="ms that the p50 may be, one by one (default 50)")
    parser.add_argument("--limit-p99", type=float, default=150, help="ms that the p99 may be (default 150)")
    parser.add_argument("--limit-crowd", type=float, default=1000, help="ms of the p99, all at once (default 1000)")
    parser.add_argument("--only-crowd", action="store_true", help="leave out Trackway's own functions")
    options = parser.parse_args()
    if not (1 <= options.rounds <= 100 and 1 <= options.functions <= 50):
        parser.error("--rounds is 1 to 100, --functions 1 to 50")
    status = measure_crowd(options.functions, options.rounds, options)
    if not options.only_crowd:
        with trackway() as running:
            measure(running, options.rounds)
    return status


if __name__ == "__main__":
    sys.exit(main())
