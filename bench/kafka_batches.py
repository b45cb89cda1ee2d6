"""Positions posted in batches, end to end: acknowledged when Kafka has them, read again, and stored by persist. How
many a second until the last is in the store, what each process spends on one, and whether each is stored once.

The runtime, persist and the load run on this machine, and Kafka too unless --kafka says where it is.
"""

import argparse
import asyncio
import secrets
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psutil

from kafka_server import kafka
from report import table
from running import ROOT, Running, knative
from whole_path import TABLES, Stored, used

VEHICLES = 500
STORED_WITHIN = 120.0
NAMESPACE = f"bench-{secrets.token_hex(4)}"
"""Its topic and group are this measurement's own, also in a Kafka that is used for more."""
MANIFESTS = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
resources:
  - {base}/broker.yaml
  - {base}/config.yaml
  - {base}/persist.yaml
  - {base}/deadletter.yaml
patches:
  - patch: |
      apiVersion: v1
      kind: ConfigMap
      metadata: {{name: trackway}}
      data:
        TRACKWAY_STORE: sqlite:///{store}
"""


class Load:
    """Batches of different positions, each vehicle's one millisecond apart."""

    def __init__(self, path: Path, batch: int, seconds: float) -> None:
        self._path = path
        self._batch = batch
        self._until = time.monotonic() + seconds
        self._begin_ms = time.time_ns() // 1_000_000 - 3_600_000
        self.posted = 0
        self.acknowledged: Counter[str] = Counter()

    async def post(self) -> None:
        """Over one connection, each batch once the one before is acknowledged."""
        reader, writer = await asyncio.open_unix_connection(str(self._path))
        while time.monotonic() < self._until:
            first = self.posted
            self.posted += self._batch
            body = b"[" + b",".join([self._event(number) for number in range(first, self.posted)]) + b"]"
            writer.write(
                b"POST /%b/default HTTP/1.1\r\nhost: x\r\ncontent-type: application/cloudevents-batch+json\r\n"
                b"content-length: %d\r\n\r\n" % (NAMESPACE.encode(), len(body))
            )
            writer.write(body)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                sys.exit(f"not taken: {head[:200].decode(errors='replace')}")
            self.acknowledged.update(f"load-{number % VEHICLES:04}" for number in range(first, first + self._batch))
        writer.close()

    def _event(self, number: int) -> bytes:
        seconds, ms = divmod(self._begin_ms + number // VEHICLES, 1000)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode()
        vehicle = b"load-%04d" % (number % VEHICLES)
        return (
            b'{"specversion":"1.0","id":"%d:%d","source":"/bench","type":"dev.trackway.position.recorded.v1","subject":"%b"'
            b',"time":"%b.%03dZ","tenant":"default","partitionkey":"%b","datacontenttype":"application/json","data":{'
            b'"vehicle_id":"%b","lat":-34.901,"lng":-56.164,"recorded_at":"%b.%03dZ","speed":12.5,"heading":90}}'
        ) % (self._begin_ms, number, vehicle, moment, ms, vehicle, vehicle, moment, ms)


async def measure(running: Running, state: Path, options: argparse.Namespace) -> int:
    warm = Load(state / "state/run/ingress.sock", options.batch, 2)
    await asyncio.gather(*(warm.post() for _ in range(options.connections)))
    running.wait(lambda: stored_of(state) >= warm.posted, STORED_WITHIN, "the warming up")
    before = used(running)
    load = Load(state / "state/run/ingress.sock", options.batch, options.seconds)
    begin = time.perf_counter()
    await asyncio.gather(*(load.post() for _ in range(options.connections)))
    acknowledged = time.perf_counter() - begin
    deadline = time.monotonic() + STORED_WITHIN
    while stored_of(state) < warm.posted + load.posted and time.monotonic() < deadline:
        await asyncio.sleep(0.05)  # the condition is another process's; there is nothing to await
    elapsed = time.perf_counter() - begin
    counts = Stored(state / "trackway.db").counts()
    expected = {vehicle: (count, count) for vehicle, count in (warm.acknowledged + load.acknowledged).items()}
    rate = load.posted / elapsed
    print(
        f"\n{load.posted:,} positions in batches of {options.batch} over {options.connections} connections:"
        f" {load.posted / acknowledged:,.0f}/s acknowledged, {rate:,.0f}/s until the last was in the store"
    )
    report(used(running), before, load.posted, elapsed)
    wrong = [
        f"{vehicle}: {expected.get(vehicle)} acknowledged, {counts.get(vehicle)} stored (all, different)"
        for vehicle in sorted({*expected, *counts})
        if expected.get(vehicle) != counts.get(vehicle)
    ]
    if rate < options.rate:
        wrong.append(f"{rate:,.0f} positions/s are fewer than {options.rate:,.0f}")
    for sentence in wrong[:10]:
        print(f"✗ {sentence}")
    return int(bool(wrong))


def stored_of(state: Path) -> int:
    """Positions in the store."""
    if not (state / "trackway.db").exists():
        return 0
    with closing(sqlite3.connect(state / "trackway.db", timeout=10)) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return sum(database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES if name in names)


def report(
    after: dict[psutil.Process, tuple[str, float]],
    before: dict[psutil.Process, tuple[str, float]],
    positions: int,
    elapsed: float,
) -> None:
    """Print what each process spent."""
    spent: Counter[str] = Counter()
    for process, (name, seconds) in after.items():
        spent[name] += seconds - before.get(process, (name, 0.0))[1]
    rows = [
        [name, f"{1e6 * seconds / positions:.1f} µs", f"{100 * seconds / elapsed:.0f} %"]
        for name, seconds in spent.most_common()
    ]
    table("What a position costs", ["process", "processor time a position", "of a core"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kafka", default="", help="its address, as 127.0.0.1:9092; without it one is started")
    parser.add_argument("--batch", type=int, default=500, help="(default 500, at most 1000)")
    parser.add_argument("--connections", type=int, default=8, help="(default 8, at most 100)")
    parser.add_argument("--seconds", type=float, default=10, help="of posting (default 10, at most 120)")
    parser.add_argument("--rate", type=float, default=0, help="positions/s; exit code 1 below (default 0)")
    options = parser.parse_args()
    if not 1 <= options.batch <= 1000 or not 1 <= options.connections <= 100 or not 1 <= options.seconds <= 120:
        parser.error("--batch is 1 to 1000, --connections 1 to 100, --seconds 1 to 120")
    folder: list[Path] = []

    def manifests(state: Path) -> str:
        folder.append(state)
        return MANIFESTS.format(namespace=NAMESPACE, base=ROOT / "knative/base", store=state / "trackway.db")

    with kafka(options.kafka) as address, knative(manifests, f"--log=kafka://{address}") as running:
        return asyncio.run(measure(running, folder[0], options))


if __name__ == "__main__":
    sys.exit(main())
