"""What the functions' host spends: processor time of the function's own process, for a position posted to the hot route
of ingest, and for an event of a batch delivered to persist and progress.

The broker is a stand-in that accepts whatever comes, and the store one in memory or in SQLite: what is measured is the
way of the bytes to the handler and back, and the handler.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import httptools
import psutil
import uvloop

from load import drive
from report import table
from running import ROOT, free_port
from trackway.events import PositionRecorded, event_of, to_batch

HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/cloudevents-batch+json\r\n"
DELIVERED = (
    ("persist", "SQLite", 200),
    ("persist", "SQLite", 50),
    ("persist", "memory", 200),
    ("progress", "memory", 200),
)
ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class Broker(asyncio.Protocol):
    """Takes every post."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        assert self._transport is not None
        self._transport.write(ACCEPTED)


class Deliverer(asyncio.Protocol):
    """Posts one batch after the other."""

    def __init__(self, batches: list[bytes]) -> None:
        self._batches = iter(batches)
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._post()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() != 204:
            self.done.set_exception(SystemExit(f"a delivery was answered {self._parser.get_status_code()}"))
        else:
            self._post()

    def _post(self) -> None:
        assert self._transport is not None
        body = next(self._batches, None)
        if body is None:
            self.done.set_result(None)
            return
        self._transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (HEAD, len(body), body))


@contextmanager
def serving(name: str, folder: Path, store: str) -> Generator[tuple[psutil.Process, int]]:
    """A function's process and its port."""
    port = free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "TRACKWAY_STORE": store,
        "KNATIVE_LOCAL_SINK": f"unix:{folder}/broker.sock:/trackway/default",
    }
    process = subprocess.Popen([sys.executable, "-m", "trackway.functions", name], cwd=ROOT, env=environment)
    try:
        yield psutil.Process(process.pid), port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@asynccontextmanager
async def broker(folder: Path) -> AsyncGenerator[None]:
    server = await asyncio.get_running_loop().create_unix_server(Broker, str(folder / "broker.sock"))
    async with server:
        yield


async def listening(port: int) -> None:
    """Return when somebody does."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def hot_route(folder: Path, seconds: float) -> tuple[float, float]:
    """(µs a position, positions/s)."""
    with serving("ingest", folder, "memory://") as (process, port):
        await listening(port)
        url = f"http://127.0.0.1:{port}/v1/ingest/osmand"
        await drive(url, 64, 500, 0.5)
        before = spent(process)
        load = await drive(url, 64, 500, seconds)
        if load.refused:
            sys.exit(load.refused[0])
        return 1e6 * (spent(process) - before) / load.positions, load.rate


def batches(size: int, count: int) -> list[bytes]:
    """Positions of 500 vehicles, in batches as the dispatcher delivers them."""
    begin = datetime.now(UTC) - timedelta(hours=1)
    found: list[bytes] = []
    for number in range(count):
        events = [
            event_of(
                PositionRecorded(
                    vehicle_id=f"van-{at % 500:04}",
                    lat=-34.9 + at % 1000 * 1e-5,
                    lng=-56.16,
                    recorded_at=begin + timedelta(milliseconds=at),
                    received_at=begin,
                    heading=90.0,
                    speed=6.43,
                    accuracy=5.0,
                    altitude=31.0,
                ),
                id=f"{at:024x}",
                source="/trackway/functions/ingest",
                subject=f"van-{at % 500:04}",
                partitionkey=f"van-{at % 500:04}",
                time=begin + timedelta(milliseconds=at),
            )
            for at in range(number * size, (number + 1) * size)
        ]
        found.append(to_batch(events))
    return found


async def deliveries(name: str, folder: Path, store: str, size: int, count: int) -> float:
    """µs an event."""
    with serving(name, folder, store) as (process, port):
        await listening(port)
        bodies = batches(size, count)
        loop = asyncio.get_running_loop()
        _, warm = await loop.create_connection(partial(Deliverer, bodies[: count // 10]), "127.0.0.1", port)
        await warm.done
        before = spent(process)
        _, deliverer = await loop.create_connection(partial(Deliverer, bodies[count // 10 :]), "127.0.0.1", port)
        await deliverer.done
        return 1e6 * (spent(process) - before) / (size * (count - count // 10))


async def measure(folder: Path, options: argparse.Namespace) -> None:
    async with broker(folder):
        taken, rate = await hot_route(folder, options.seconds)
        rows = [["ingest, a position by the hot route", "1", f"{taken:.1f} µs", f"{rate:,.0f}/s over 64 connections"]]
        for name, store, size in DELIVERED:
            address = f"sqlite:///{folder}/{size}.db" if store == "SQLite" else "memory://"
            taken = await deliveries(name, folder, address, size, options.events // size)
            rows.append([f"{name}, an event of a batch ({store})", str(size), f"{taken:.1f} µs", ""])
    table("The host", ["what", "batch", "processor time", ""], rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="of positions by the hot route (default 5)")
    parser.add_argument("--events", type=int, default=100_000, help="delivered in batches (default 100000)")
    options = parser.parse_args()
    if not 0.5 <= options.seconds <= 600 or not 2000 <= options.events <= 2_000_000:
        parser.error("--seconds is 0.5 to 600, --events 2000 to 2000000")
    with TemporaryDirectory(prefix="trackway-bench-") as folder:
        uvloop.run(measure(Path(folder), options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
