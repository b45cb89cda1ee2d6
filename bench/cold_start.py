"""How long a request takes whose function is at zero: from the request to its answer, over all of the way.

Functions that people ask over HTTP are asked; what the runtime measured of the others, whose requests are events,
stands below.
"""

import argparse
import statistics
import sys
import time
from typing import Any

from report import percentile, spread, table
from running import Running, trackway

LINE = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]

# Each wakes one function and as few others as can be; the last two emit events, so they come last.
ASKED: tuple[tuple[str, str, str, Any, int], ...] = (
    ("dispatch", "POST", "/v1/trips", {"route_id": "no-such-route"}, 404),
    ("deadletter", "DELETE", "/v1/dead-letters/no-such-letter", None, 404),
    ("plan", "POST", "/v1/routes", {"name": "Cold", "points": LINE}, 201),
    ("ingest", "POST", "/v1/ingest", {"id": "cold-1", "lat": -34.9, "lng": -56.16}, 200),
)


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


def measure(running: Running, rounds: int, limit: float) -> int:
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
    slowest = max(percentile(values, 0.5) for values in taken.values())
    typical = statistics.median(value for values in taken.values() for value in values)
    print(f"p50 over all functions {typical:.0f} ms; the slowest function's p50 {slowest:.0f} ms")
    if slowest > limit:
        print(f"✗ {slowest:.0f} ms is over {limit:.0f} ms")
    return int(slowest > limit)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds", type=int, default=10, help="times that each function starts (default 10, at most 100)"
    )
    parser.add_argument(
        "--limit", type=float, default=400, help="ms that a p50 may be; exit code 1 above (default 400)"
    )
    options = parser.parse_args()
    if not 1 <= options.rounds <= 100:
        parser.error("--rounds is 1 to 100")
    with trackway() as running:
        return measure(running, options.rounds, options.limit)


if __name__ == "__main__":
    sys.exit(main())
