"""A fleet that reports as OsmAnd does: one position a request over keep-alive connections, each sent once the one
before is answered. It is light, so that on the machine of what it measures it does not become the bottleneck.

Prints a line of JSON: what was acknowledged, by vehicle, and how long that took.
"""

import argparse
import asyncio
import os
import sys
import time
from array import array
from functools import partial
from ipaddress import ip_address
from typing import cast
from urllib.parse import urlsplit

import httptools
import msgspec
import uvloop
from msgspec import Struct

LAT, LNG = -34.9, -56.16
STEPS = 10_000
LATS = [b"%.6f" % (LAT + step * 1e-5) for step in range(STEPS)]
LONGEST_WAIT = 10.0
"""Seconds that what is under way at the end may take."""


class Load(Struct, frozen=True):
    """What came of it. ``acknowledged`` is positions by vehicle; of each vehicle all that were sent were, but those in
    ``refused``. ``acks`` are milliseconds at p50, p90, p99 and the largest; ``processor`` is this process's seconds."""

    seconds: float
    acknowledged: dict[str, int]
    refused: list[str]
    acks: list[float]
    processor: float

    @property
    def positions(self) -> int:
        return sum(self.acknowledged.values())

    @property
    def rate(self) -> float:
        """Positions a second."""
        return self.positions / self.seconds


class Fleet:
    """Vehicles that take turns: whose turn it is, and what its next report says."""

    def __init__(self, host: str, path: str, vehicles: list[str]) -> None:
        lines = f" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n".encode()
        self.names = vehicles
        self.acknowledged = [0] * len(vehicles)
        self._begin = [
            f"GET {path}?id={vehicle}&lon={LNG + number * 1e-4:.6f}&lat=".encode()
            for number, vehicle in enumerate(vehicles)
        ]
        self._end = b"&speed=12.5&bearing=90&altitude=31&accuracy=5&batt=80" + lines
        self._newest = [0] * len(vehicles)
        self._turn = 0

    def next(self) -> tuple[int, bytes]:
        """(vehicle, request). No two reports of a vehicle are of the same millisecond."""
        vehicle = self._turn
        self._turn = (vehicle + 1) % len(self.names)
        recorded = self._newest[vehicle] = max(self._newest[vehicle] + 1, time.time_ns() // 1_000_000)
        return vehicle, b"%b%b&timestamp=%d%b" % (self._begin[vehicle], LATS[recorded % STEPS], recorded, self._end)


class Device(asyncio.Protocol):
    """A connection that always has one request under way, or sends one each ``interval`` seconds, until it is told to
    stop."""

    def __init__(self, fleet: Fleet, taken: "array[int]", refused: list[str], interval: float) -> None:
        self._fleet = fleet
        self._taken = taken
        self._refused = refused
        self._known = b""
        """A whole answer of 200 as it came before: what equals it need not be parsed."""
        self._parser = httptools.HttpResponseParser(self)
        self._raw = b""
        self._body = b""
        self._vehicle, self._request, self._sent = 0, b"", 0
        self._is_stopping = False
        self._interval = interval
        self._due = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def stop(self) -> None:
        """Send no more."""
        self._is_stopping = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._due = asyncio.get_running_loop().time()
        self._send()

    def data_received(self, data: bytes) -> None:
        if data == self._known:
            self._acknowledged()
            return
        self._raw += data
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._refused.append(f"connection lost: {exc or 'closed by the other side'}")
            self.done.set_result(None)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        raw, body, self._raw, self._body = self._raw, self._body, b"", b""
        if self._parser.get_status_code() != 200:
            self._refused.append(f"{self._parser.get_status_code()} {body[:300].decode(errors='replace')}")
            self._go_on()
            return
        self._known = raw
        self._acknowledged()

    def _acknowledged(self) -> None:
        self._taken.append(time.perf_counter_ns() - self._sent)
        self._fleet.acknowledged[self._vehicle] += 1
        self._go_on()

    def _go_on(self) -> None:
        if self._is_stopping:
            self._end()
        elif self._interval:
            loop = asyncio.get_running_loop()
            self._due = max(self._due + self._interval, loop.time())
            loop.call_at(self._due, self._send_or_end)
        else:
            self._send()

    def _send_or_end(self) -> None:
        if self._is_stopping:
            self._end()
        else:
            self._send()

    def _end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        self._vehicle, request = self._fleet.next()
        self._sent = time.perf_counter_ns()
        self._transport.write(request)


async def drive(url: str, connections: int, vehicles: int, seconds: float, rate: float = 0) -> Load:
    """Report for so long, ``rate`` positions a second or as many as are taken. Raises OSError when the address cannot
    be reached, TimeoutError when at the end an answer
    does not come within LONGEST_WAIT."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    names = [f"load-{number:04}" for number in range(vehicles)]
    # Each connection has vehicles of its own, so that what one vehicle reports is answered in order.
    fleets = [
        Fleet(f"{host}:{port}", parts.path or "/v1/ingest/osmand", names[number::connections])
        for number in range(min(connections, vehicles))
    ]
    taken, refused = array("Q"), list[str]()
    loop = asyncio.get_running_loop()
    used, begin = time.process_time(), time.perf_counter()
    devices: list[Device] = []
    interval = len(fleets) / rate if rate else 0.0
    for fleet in fleets:
        make = partial(Device, fleet, taken, refused, interval)
        _, device = await loop.create_connection(make, host, port)
        devices.append(device)
        await asyncio.sleep(interval / len(fleets))  # so that they do not all send at once
    await asyncio.sleep(seconds)
    for device in devices:
        device.stop()
    elapsed = time.perf_counter() - begin
    used = time.process_time() - used
    async with asyncio.timeout(LONGEST_WAIT):
        await asyncio.gather(*(device.done for device in devices))
    ordered = sorted(taken)
    acks = [round(ordered[int(share * (len(ordered) - 1))] / 1e6, 3) for share in (0.5, 0.9, 0.99, 1)] if taken else []
    acknowledged = {
        name: count for fleet in fleets for name, count in zip(fleet.names, fleet.acknowledged, strict=True)
    }
    return Load(elapsed, acknowledged, refused, acks, used)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="as http://127.0.0.1:8080 (this machine only)")
    parser.add_argument("--connections", type=int, default=64, help="(default 64, at most 1000)")
    parser.add_argument("--vehicles", type=int, default=500, help="(default 500, at most 10000)")
    parser.add_argument("--seconds", type=float, default=10, help="(default 10, at most 600)")
    parser.add_argument("--pace", type=float, default=0, help="positions/s; 0 (default) is as many as are taken")
    options = parser.parse_args()
    if not 1 <= options.connections <= 1000 or not 1 <= options.vehicles <= 10_000 or not 0 < options.seconds <= 600:
        parser.error("--connections is 1 to 1000, --vehicles 1 to 10000, --seconds at most 600")
    if not ip_address(urlsplit(options.url).hostname or "0.0.0.0").is_loopback:
        parser.error("only an address of this machine is loaded, as http://127.0.0.1:8080")
    if hasattr(os, "SCHED_BATCH"):
        # Fleets are elsewhere: an answer is not to take the processor from who writes the next one.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    load = uvloop.run(drive(options.url, options.connections, options.vehicles, options.seconds, options.pace))
    print(msgspec.json.encode(load).decode())
    return int(bool(load.refused))


if __name__ == "__main__":
    sys.exit(main())
