"""Whether a request is ever lost to scaling: Trackway functions go from zero to several instances and back to zero, a
thousand times, while events are posted to them at any moment of it. Every event has to be answered with success.

The activator, the fork server and the processes are the real ones; only the window is shorter than a manifest may say.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import uvloop

from knative_local.activator import Activator
from knative_local.backend import open_exchange
from knative_local.environment import machine_environment
from knative_local.http1 import HttpClient
from knative_local.http_types import HttpRequest
from knative_local.launcher import Launcher
from knative_local.model import Container, KnService, Source
from knative_local.process import Child
from knative_local.serving_model import Scaling
from knative_local.usage import Usage
from report import spread, table
from trackway.events import PositionRecorded, event_of, to_binary

ROOT = Path(__file__).resolve().parent.parent
WINDOW = 0.1
INSTANCES = 3
CLIENTS = 12
PRELOAD = ("trackway.functions.warm",)


class Scalings(Usage):
    """Counts how often the instances were gone again."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.most = 0

    def instances(self, count: int) -> None:
        if count == 0 and self.history()[-1][1] > 0:
            self.count += 1
        self.most = max(self.most, count)
        super().instances(count)


class Outcome:
    """What the clients saw."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.failures: Counter[str] = Counter()

    async def post(self, activator: Activator, client: HttpClient, number: int) -> None:
        """One event, sent once."""
        now = datetime.now(UTC)
        fact = PositionRecorded(vehicle_id="v", lat=-34.9, lng=-56.16, recorded_at=now)
        event = event_of(fact, id=f"scaling-{number}", source="/bench", subject="v", partitionkey="v", time=now)
        headers, body = to_binary(event)
        begin = time.perf_counter()
        try:
            deadline = asyncio.get_running_loop().time() + 30
            exchange = await open_exchange(activator, client, HttpRequest("POST", "/", headers, body), deadline)
            try:
                await exchange.answer.read()
            finally:
                exchange.close()
            if exchange.answer.status >= 300:
                self.failures[f"status {exchange.answer.status}"] += 1
        except Exception as error:  # whatever it is, the client did not get its answer
            self.failures[f"{type(error).__name__}: {error}"] += 1
        self.taken.append(1000 * (time.perf_counter() - begin))


@asynccontextmanager
async def functions(count: int) -> AsyncIterator[tuple[list[Activator], HttpClient]]:
    """Activators of as many functions, all at zero."""
    with TemporaryDirectory(prefix="scalings-") as folder:
        client = HttpClient()
        launcher = Launcher(ROOT, Path(folder), client)
        container = Container((sys.executable, "-m", "trackway.functions"), ("persist",))
        environment = machine_environment() | {"TRACKWAY_STORE": "memory://"}

        async def launch() -> Child:
            return await launcher.start("persist", [*container.command, *container.args], environment, PRELOAD)

        scaling = Scaling(target=1.0, target_utilization=1.0, max_scale=INSTANCES, window_s=WINDOW)
        activators = [
            Activator(
                KnService("bench", f"f{n}", container, Source("bench", n), scaling=scaling),
                launch,
                Scalings(),
                INSTANCES,
            )
            for n in range(count)
        ]
        try:
            yield activators, client
        finally:
            await asyncio.gather(*(activator.stop(5) for activator in activators))
            await launcher.stop()
            await client.close()


async def burst(activator: Activator, client: HttpClient, outcome: Outcome, chance: random.Random) -> None:
    """Some clients at once, each with some events one after the other."""

    async def one() -> None:
        for _ in range(chance.randint(1, 8)):
            await outcome.post(activator, client, chance.getrandbits(60))

    await asyncio.gather(*(one() for _ in range(chance.randint(1, CLIENTS))))


async def keep_asking(activator: Activator, client: HttpClient, outcome: Outcome, wanted: int, seed: str) -> None:
    """Bursts, with pauses about as long as an instance may be idle: so many of them meet one that is about to end."""
    chance = random.Random(seed)
    usage = cast(Scalings, activator.usage)
    while usage.count < wanted:
        await burst(activator, client, outcome, chance)
        await asyncio.sleep(chance.uniform(0, 4 * WINDOW))


async def measure(options: argparse.Namespace) -> int:
    outcome = Outcome()
    each = -(-options.scalings // options.functions)
    begin = time.monotonic()
    async with functions(options.functions) as (activators, client):
        await asyncio.gather(
            *(
                keep_asking(activator, client, outcome, each, f"{options.seed}/{number}")
                for number, activator in enumerate(activators)
            )
        )
        usages = [cast(Scalings, activator.usage) for activator in activators]
        scalings, most = sum(usage.count for usage in usages), max(usage.most for usage in usages)
    headings = ["functions", "scalings to zero", "most instances", "events", "failed", "p50", "p90", "p99", "max"]
    row = [str(options.functions), str(scalings), str(most), f"{len(outcome.taken):,}"]
    row += [str(outcome.failures.total()), *spread(outcome.taken, digits=1)]
    table(f"Events while functions scale 0 → n → 0, {time.monotonic() - begin:.0f} s", headings, [row])
    for what, count in outcome.failures.most_common(10):
        print(f"✗ {count} × {what}")
    return int(bool(outcome.failures) or scalings < options.scalings)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scalings", type=int, default=1000, help="times from zero and back (default 1000)")
    parser.add_argument("--functions", type=int, default=8, help="that do so side by side (default 8)")
    parser.add_argument("--seed", type=int, default=1, help="of the pauses (default 1)")
    options = parser.parse_args()
    if min(options.scalings, options.functions) < 1:
        parser.error("--scalings and --functions are at least 1")
    return uvloop.run(measure(options))


if __name__ == "__main__":
    sys.exit(main())
