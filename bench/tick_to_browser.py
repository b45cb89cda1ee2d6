"""How long it takes from a simulated tick to the browser, with many vehicles, and whether all their positions are
stored.

The tick is the position's ``recorded_ms``; the end is the moment when the WebSocket frame that tells it has been
received (one machine, one clock), and with --browser the animation frame in headless Chromium that first draws it.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from realtime_gateway.codecs import MESSAGE_PACK
from realtime_gateway.protocol import Notice, Watch
from report import percentile, spread, table
from running import Running, trackway

AT_ONCE = 8
PAGE = 10_000
PAGE_KEEPS = 2000


class Watcher:
    """A page's socket: how old each position was when it came, and which came."""

    def __init__(self) -> None:
        self.ages: list[float] = []
        self.frames = 0
        self.bytes = 0
        self.seen: set[tuple[str, int]] = set()
        self.is_measuring = False
        self._newest: dict[str, int] = {}

    async def run(self, url: str) -> None:
        address = url.replace("http", "ws", 1) + "/v1/live"
        options: dict[str, Any] = {"compression": None, "proxy": None, "max_size": None}
        async with connect(address, subprotocols=[Subprotocol(MESSAGE_PACK.subprotocol)], **options) as socket:
            await socket.send(MESSAGE_PACK.ask(Watch()))
            async for message in socket:
                self._take(message, time.time() * 1000)

    def _take(self, message: str | bytes, now_ms: float) -> None:
        frame = MESSAGE_PACK.frame(message)
        if isinstance(frame, Notice):
            return
        # A vehicle comes again without a new position when its trip changes; that is no tick.
        new = [v for v in frame.vehicles if v.recorded_ms > self._newest.get(v.vehicle_id, 0)]
        self._newest.update({v.vehicle_id: v.recorded_ms for v in new})
        if self.is_measuring:
            self.frames += 1
            self.bytes += len(message)
            self.ages.extend(now_ms - v.recorded_ms for v in new)
            self.seen.update((v.vehicle_id, v.recorded_ms) for v in new)


async def start_trips(url: str, routes: list[str], vehicles: int) -> dict[str, str]:
    """Put vehicles on the road; gives trip ids by vehicle id."""
    started: dict[str, str] = {}
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:

        async def start(number: int) -> None:
            vehicle = f"bench-{number:04}"
            body = {"route_id": routes[number % len(routes)], "vehicle_id": vehicle, "seed": number}
            async with gate:
                answer = await client.post("/v1/trips", json=body, headers={"Idempotency-Key": vehicle})
            started[vehicle] = answer.raise_for_status().json()["trip_id"]

        await asyncio.gather(*(start(number) for number in range(vehicles)))
    return started


def long_routes(running: Running, seconds: float) -> list[str]:
    """Routes that a vehicle is underway on for the whole measurement."""
    routes = running.get("/v1/routes")["routes"]
    found = [route["route_id"] for route in routes if route["expected_duration"] > seconds]
    if not found:
        sys.exit(f"no route takes longer than {seconds:.0f} s; choose a shorter --seconds")
    return found


async def all_stored(url: str, trips: dict[str, str], seen: set[tuple[str, int]]) -> tuple[int, list[str]]:
    """(positions stored, what is wrong): each trip's seq runs 0, 1, 2, … without a gap or a repeat, and whatever the
    socket told is there."""
    wrong: list[str] = []
    stored: set[tuple[str, int]] = set()
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        for vehicle, trip in trips.items():
            answer = await client.get(f"/v1/trips/{trip}/positions", params={"limit": PAGE})
            positions = answer.raise_for_status().json()["positions"]
            numbers = [position["seq"] for position in positions]
            if numbers != list(range(len(numbers))):
                wrong.append(f"{trip}: {len(numbers)} positions are not 0 to {len(numbers) - 1}")
            stored |= {(vehicle, _milliseconds(position["recorded_at"])) for position in positions}
    lost = seen - stored
    if lost:
        wrong.append(f"{len(lost)} positions were seen live and are not stored, as {min(lost)}")
    return len(stored), wrong


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


Ages = Callable[[], Awaitable[list[float]]]
"""The newest ages that the page keeps, oldest first, in milliseconds."""


@asynccontextmanager
async def open_page(url: str, chromium: str | None) -> AsyncGenerator[Ages]:
    """The page in headless Chromium, which measures itself; ready when its first vehicle is drawn."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - only where a browser is asked for

    flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(f"{url}/live")

        async def ages() -> list[float]:
            return await page.evaluate("window.__trackway?.frameAges() ?? []")

        async with asyncio.timeout(60):  # asked again and again: the page's policy forbids waiting inside of it
            while not await ages():
                await asyncio.sleep(0.1)
        yield ages
        await browser.close()


async def no_page() -> list[float]:
    """What a page that nobody opened measured."""
    return []


async def measure(running: Running, options: argparse.Namespace) -> int:
    routes = long_routes(running, options.seconds + options.settle + 120)
    watcher = Watcher()
    watching = asyncio.create_task(watcher.run(running.url))
    begin = time.monotonic()
    trips = await start_trips(running.url, routes, options.vehicles)
    print(f"{len(trips)} vehicles started in {time.monotonic() - begin:.1f} s", flush=True)
    async with AsyncExitStack() as stack:
        ages: Ages = no_page
        if options.browser:
            ages = await stack.enter_async_context(open_page(running.url, options.chromium))
        browser, used = await observe(running, watcher, ages, options)
    if watching.done():
        watching.result()
        sys.exit("the socket was closed in the middle of the measurement")
    await asyncio.sleep(3)  # persist is a little behind; that is part of what is promised
    stored, wrong = await all_stored(running.url, trips, watcher.seen)
    watching.cancel()
    wrong += print_ages(watcher, browser, options)
    print(f"processor: {100 * used / options.seconds:.0f} % of one core for all of Trackway")
    print(f"stored: {stored:,} positions of {len(trips)} trips" + ("" if wrong else ", each exactly once"))
    for sentence in wrong[:10]:
        print(f"✗ {sentence}")
    return int(bool(wrong))


async def observe(
    running: Running, watcher: Watcher, ages: Ages, options: argparse.Namespace
) -> tuple[list[float], float]:
    """Settle, then measure; gives the ages of the browser's frames, and the processor seconds that Trackway used."""
    print(f"settling {options.settle:.0f} s, measuring {options.seconds:.0f} s …", flush=True)
    await asyncio.sleep(options.settle)
    before = len(await ages())
    processes = {process: process.cpu_times() for process in running.tree()}
    watcher.is_measuring = True
    await asyncio.sleep(options.seconds)
    watcher.is_measuring = False
    kept = await ages()
    # The page keeps its newest 2,000: when these are full, what was there before has left long ago.
    return kept[before:] if len(kept) < PAGE_KEEPS else kept, used_seconds(processes)


def print_ages(watcher: Watcher, browser: list[float], options: argparse.Namespace) -> list[str]:
    """Print the table; gives what is wrong with it."""
    rows = [["tick → socket", f"{len(watcher.ages):,}", *spread(watcher.ages)]]
    if options.browser:
        rows.append(["tick → browser's frame", f"{len(browser):,}", *spread(browser)])
    frames = f"{watcher.frames:,} frames, {watcher.bytes / 1e6:.1f} MB"
    title = f"{options.vehicles} vehicles at 1 Hz for {options.seconds:.0f} s ({frames})"
    table(title, ["from → to", "positions", "p50", "p90", "p99", "max"], rows)
    slowest = max(percentile(ages, 0.99) for ages in (watcher.ages, browser or [0.0]))
    return [f"p99 of {slowest:.0f} ms is over {options.limit:.0f} ms"] if slowest > options.limit else []


def used_seconds(before: dict[psutil.Process, Any]) -> float:
    """Processor seconds of the processes since then; one that ended meanwhile counts no more."""
    used = 0.0
    for process, times in before.items():
        try:
            now = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += now.user + now.system - times.user - times.system
    return used


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vehicles", type=int, default=500, help="on the road at once (default 500, at most 5000)")
    parser.add_argument("--seconds", type=float, default=60, help="measured (default 60, at most 600)")
    parser.add_argument("--settle", type=float, default=15, help="seconds to leave after the last start (default 15)")
    parser.add_argument("--limit", type=float, default=250, help="ms that p99 may be; exit code 1 above (default 250)")
    parser.add_argument("--browser", action="store_true", help="also measure in headless Chromium")
    parser.add_argument("--chromium", help="path of the browser, where Playwright has none of its own")
    parser.add_argument("--state", type=Path, help="keep the data in this folder instead of a temporary one")
    options = parser.parse_args()
    if not 1 <= options.vehicles <= 5000 or not 1 <= options.seconds <= 600:
        parser.error("--vehicles is 1 to 5000 and --seconds 1 to 600")
    with trackway(options.state) as running:
        return asyncio.run(measure(running, options))


if __name__ == "__main__":
    sys.exit(main())
