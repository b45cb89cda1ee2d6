"""How long an event takes to a function that runs, and back, at a steady rate: through the front door, one event a
request, sent when its time has come whether those before are answered or not."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import uvloop

from knative_local.addresses import TcpAddress
from knative_local.http1 import HttpClient
from knative_local.http_types import HttpRequest
from report import percentile, spread, table
from running import knative
from trackway.events import PositionRecorded, event_of, to_binary

SERVICE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {{name: persist, namespace: bench}}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/min-scale: "1"
        local.knative.dev/preload: trackway.functions.warm
    spec:
      containers:
        - command: [python, -m, trackway.functions, persist]
          env:
            - {{name: TRACKWAY_STORE, value: "{store}"}}
"""
WARMING = 200


async def measure(port: int, rate: int, seconds: float) -> list[float]:
    """Milliseconds from the moment that an event was due to its answer."""
    client, address = HttpClient(), TcpAddress("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    taken: list[float] = []

    async def post(number: int, due: float) -> None:
        now = datetime.now(UTC)
        fact = PositionRecorded(vehicle_id=f"v{number % 500}", lat=-34.9, lng=-56.16, recorded_at=now)
        event = event_of(fact, id=f"warm-{number}", source="/bench", subject="v", partitionkey="v", time=now)
        headers, body = to_binary(event)
        request = HttpRequest("POST", "/_knative/services/bench/persist", [(b"host", b"127.0.0.1"), *headers], body)
        answer = await client.send(address, request, loop.time() + 30)
        if answer.status >= 300:
            raise SystemExit(f"answered {answer.status}: {answer.body[:500]!r}")
        taken.append(1000 * (perf_counter() - due))

    for number in range(WARMING):
        await post(number, perf_counter())
    taken.clear()
    begin = perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - perf_counter()))
            group.create_task(post(WARMING + number, due))
    await client.close()
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500, help="events a second (default 500)")
    parser.add_argument("--seconds", type=float, default=20, help="measured (default 20)")
    parser.add_argument("--limit", type=float, default=5, help="ms that the p99 may be; exit code 1 above (default 5)")
    parser.add_argument("--store", action="store_true", help="store each event durably, one commit each")
    options = parser.parse_args()

    def manifests(folder: Path) -> str:
        return SERVICE.format(store=f"sqlite:///{folder}/store.db" if options.store else "memory://")

    with knative(manifests) as running:
        running.wait(lambda: running.services()["persist"]["instances"] == 1, 30, "the function's start")
        port = int(running.url.rpartition(":")[2])
        taken = uvloop.run(measure(port, options.rate, options.seconds))
    headings = ["events/s", "events", "p50", "p90", "p99", "max"]
    row = [str(options.rate), f"{len(taken):,}", *spread(taken, digits=2)]
    kept = "in a file" if options.store else "in memory"
    table(f"From an event's time to the answer of a warm function that keeps it {kept}", headings, [row])
    if percentile(taken, 0.99) > options.limit:
        print(f"✗ p99 is over {options.limit:g} ms")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
