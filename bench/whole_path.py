"""The path of every event: positions posted one by one as OsmAnd does, acknowledged when the broker has them, stored,
computed and pushed to browsers; how many a second, how soon, what each process spends on one, and whether every
acknowledged position is stored exactly once.

Everything runs on this machine: Trackway as people start it, the load (bench/load.py) and the browsers' sockets.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import psutil
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from kafka_server import kafka
from load import Load
from realtime_gateway.codecs import MESSAGE_PACK
from realtime_gateway.protocol import Notice, Watch
from report import spread, table
from running import Running, trackway

PROBED = "load-0000"
PROBE_EVERY = 0.25
STORED_WITHIN = 60.0
"""Seconds after the load within which everything acknowledged has to be in the store."""

LOAD = Path(__file__).with_name("load.py")

# Positions wait beside the table that they are merged into (storage/sqlite/appending.py).
TABLES = ("position", "position_staged")


class Browser:
    """A page's socket; one of them reads what it gets, every so many frames."""

    def __init__(self) -> None:
        self.frames = 0
        self.bytes = 0
        self.ages: list[float] = []
        self.is_measuring = False

    async def run(self, url: str, reads_every: int) -> None:
        address = url.replace("http", "ws", 1) + "/v1/live"
        options: dict[str, Any] = {"compression": None, "proxy": None, "max_size": None}
        async with connect(address, subprotocols=[Subprotocol(MESSAGE_PACK.subprotocol)], **options) as socket:
            await socket.send(MESSAGE_PACK.ask(Watch()))
            async for message in socket:
                if not self.is_measuring:
                    continue
                self.frames += 1
                self.bytes += len(message)
                if reads_every and self.frames % reads_every == 0:
                    self._read(message, time.time() * 1000)

    def _read(self, message: str | bytes, now_ms: float) -> None:
        frame = MESSAGE_PACK.frame(message)
        if not isinstance(frame, Notice):
            self.ages.extend(now_ms - v.recorded_ms for v in frame.vehicles if v.vehicle_id.startswith("load-"))


class Stored:
    """What the store has, read beside the processes that write it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(sqlite3.connect(path, timeout=10)) as database:
            names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self._present = [name for name in TABLES if name in names]
        self.ages: list[float] = []

    async def watch(self) -> None:
        """Note, a few times a second, how old the newest stored position of one vehicle is (ms)."""
        union = " UNION ALL ".join(
            f"SELECT max(recorded_us) AS newest FROM {name} JOIN vehicle USING (vehicle_key) WHERE vehicle_id = ?"
            for name in self._present
        )
        with closing(sqlite3.connect(self._path, timeout=10)) as database:
            while True:
                await asyncio.sleep(PROBE_EVERY)
                marks = [PROBED] * len(self._present)
                (newest,) = database.execute(f"SELECT max(newest) FROM ({union})", marks).fetchone()
                if newest is not None:
                    self.ages.append(time.time() * 1000 - newest / 1000)

    def counts(self) -> dict[str, tuple[int, int]]:
        """(rows, different positions) by vehicle."""
        union = " UNION ALL ".join(f"SELECT vehicle_key, recorded_us FROM {name}" for name in self._present)
        with closing(sqlite3.connect(self._path, timeout=10)) as database:
            rows = database.execute(
                f"SELECT vehicle_id, count(*), count(DISTINCT recorded_us) FROM ({union}) JOIN vehicle"
                " USING (vehicle_key) WHERE vehicle_id LIKE 'load-%' GROUP BY vehicle_id"
            )
            return {vehicle: (count, different) for vehicle, count, different in rows}

    def wrong(self, load: Load) -> tuple[int, list[str]]:
        """(positions stored, what is wrong with them), once all are there or STORED_WITHIN has passed."""
        acknowledged = {vehicle: count for vehicle, count in load.acknowledged.items() if count}
        deadline = time.monotonic() + STORED_WITHIN
        while True:
            counts = self.counts()
            total = sum(count for count, _ in counts.values())
            if total >= load.positions or time.monotonic() > deadline:
                break
            time.sleep(0.2)  # the condition is another process's; there is nothing to await
        expected = {vehicle: (count, count) for vehicle, count in acknowledged.items()}
        differ = [vehicle for vehicle in {*expected, *counts} if expected.get(vehicle) != counts.get(vehicle)]
        return total, [
            f"{vehicle}: {expected.get(vehicle, (0, 0))[0]} acknowledged,"
            f" {counts.get(vehicle, (0, 0))[0]} stored, {counts.get(vehicle, (0, 0))[1]} of them different"
            for vehicle in sorted(differ)
        ]


def name_of(process: psutil.Process) -> str:
    """The function that a process serves, or the module or program that it runs."""
    words = [word for word in process.cmdline() if word]  # a forked process has the rest of its parent's line
    module = words[words.index("-m") + 1] if "-m" in words else process.name()
    return words[-1] if module == "trackway.functions" else module


def used(running: Running) -> dict[psutil.Process, tuple[str, float]]:
    """Name and processor seconds of each process that there is now."""
    found: dict[psutil.Process, tuple[str, float]] = {}
    for process in running.tree():
        try:
            times = process.cpu_times()
            found[process] = name_of(process), times.user + times.system
        except psutil.Error:
            continue
    return found


def url_of_ingest(running: Running, options: argparse.Namespace) -> str:
    """Where devices report: the front door, or the address of ingest's own that the banner tells."""
    direct = running.services()["ingest"].get("direct_url")
    return running.url if options.front_door or not direct else direct


async def load_of(running: Running, options: argparse.Namespace, seconds: float) -> Load:
    """Run the load in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(LOAD), url_of_ingest(running, options), "--connections", str(options.connections),
        "--vehicles", str(options.vehicles), "--seconds", str(seconds), "--pace", str(options.pace),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    if not output:
        sys.exit(f"the load ended with exit code {process.returncode}")
    load = msgspec.json.decode(output, type=Load)
    if not load.positions:
        sys.exit(f"nothing was acknowledged: {load.refused[:1]}")
    return load


async def measure(running: Running, state: Path, options: argparse.Namespace) -> int:
    browsers = [Browser() for _ in range(options.browsers)]
    watching = [asyncio.create_task(each.run(running.url, 0 if n else 20)) for n, each in enumerate(browsers)]
    warm = await load_of(running, options, options.warm)
    stored = Stored(state / "trackway.db")
    probing = asyncio.create_task(stored.watch())
    before = used(running)
    for browser in browsers:
        browser.is_measuring = True
    load = await load_of(running, options, options.seconds)
    for browser in browsers:
        browser.is_measuring = False
    after = used(running)
    probing.cancel()
    closed = [task for task in watching if task.done()]
    begin = time.monotonic()
    both = {vehicle: count + warm.acknowledged[vehicle] for vehicle, count in load.acknowledged.items()}
    total, wrong = await asyncio.to_thread(stored.wrong, msgspec.structs.replace(load, acknowledged=both))
    behind = time.monotonic() - begin
    for task in watching:
        task.cancel()
    wrong += [f"the load was refused: {sentence}" for sentence in [*warm.refused, *load.refused][:5]]
    wrong += [f"{len(closed)} browsers' sockets were closed"] if closed else []
    report(load, browsers, stored, before, after)
    print(f"stored: {total:,} of {sum(both.values()):,} acknowledged, {behind:.1f} s after the end of the load")
    if load.rate < options.rate:
        wrong.append(f"{load.rate:,.0f} positions/s are fewer than {options.rate:,.0f}")
    for sentence in wrong[:10]:
        print(f"✗ {sentence}")
    return int(bool(wrong))


def report(
    load: Load,
    browsers: list[Browser],
    stored: Stored,
    before: dict[psutil.Process, tuple[str, float]],
    after: dict[psutil.Process, tuple[str, float]],
) -> None:
    """Print the tables."""
    frames = sum(browser.frames for browser in browsers)
    print(
        f"\n{load.positions:,} positions in {load.seconds:.1f} s: {load.rate:,.0f} a second;"
        f" {len(browsers)} browsers got {frames:,} frames, {sum(b.bytes for b in browsers) / 1e6:.1f} MB"
    )
    rows = [
        ["request → acknowledged", f"{load.positions:,}", *(f"{ms:,.1f} ms" for ms in load.acks)],
        ["recorded → in the store (probed)", f"{len(stored.ages):,}", *spread(stored.ages)],
        ["recorded → browser's socket", f"{len(browsers[0].ages) if browsers else 0:,}", *spread(ages(browsers))],
    ]
    table("How soon", ["from → to", "samples", "p50", "p90", "p99", "max"], rows)
    spent: dict[str, float] = {}
    for process, (name, seconds) in after.items():
        spent[name] = spent.get(name, 0.0) + seconds - before.get(process, (name, 0.0))[1]
    spent["load"] = load.processor
    rows = [
        [name, f"{1e6 * seconds / load.positions:.1f} µs", f"{100 * seconds / load.seconds:.0f} %"]
        for name, seconds in sorted(spent.items(), key=lambda each: -each[1])
    ]
    total = sum(spent.values())
    rows.append(["all", f"{1e6 * total / load.positions:.1f} µs", f"{100 * total / load.seconds:.0f} %"])
    table("What a position costs", ["process", "processor time a position", "of a core"], rows)


def ages(browsers: list[Browser]) -> list[float]:
    return [age for browser in browsers for age in browser.ages]


@contextmanager
def state_in(folder: Path | None) -> Generator[Path]:
    """The given folder, or one that is deleted."""
    if folder is not None:
        yield folder
        return
    with TemporaryDirectory(prefix="trackway-bench-") as temporary:
        yield Path(temporary)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=64, help="that report at once (default 64, at most 1000)")
    parser.add_argument("--vehicles", type=int, default=500, help="that they report for (default 500, at most 10000)")
    parser.add_argument("--browsers", type=int, default=5, help="that watch everything (default 5, at most 100)")
    parser.add_argument("--seconds", type=float, default=60, help="measured (default 60, at most 600)")
    parser.add_argument("--warm", type=float, default=3, help="seconds of load before (default 3)")
    parser.add_argument(
        "--front-door", action="store_true", help="report to the front door, not to ingest's own address"
    )
    parser.add_argument("--pace", type=float, default=0, help="positions/s to report; 0 is as many as are taken")
    parser.add_argument(
        "--kafka", nargs="?", const="", help="keep the events in Kafka: at this address, or in one started for it"
    )
    parser.add_argument("--rate", type=float, default=0, help="positions/s; exit code 1 below (default 0)")
    parser.add_argument("--state", type=Path, help="keep the data in this folder instead of a temporary one")
    options = parser.parse_args()
    if not 1 <= options.seconds <= 600 or not 0.5 <= options.warm <= 60 or not 0 <= options.browsers <= 100:
        parser.error("--seconds is 1 to 600, --warm 0.5 to 60, --browsers 0 to 100")
    with ExitStack() as stack:
        more = [] if options.kafka is None else ["--kafka", stack.enter_context(kafka(options.kafka))]
        state = stack.enter_context(state_in(options.state))
        running = stack.enter_context(trackway(state, *more))
        return asyncio.run(measure(running, state, options))


if __name__ == "__main__":
    sys.exit(main())
