"""What the event log costs: an append made durable, reading on, and opening a log of many events."""

import argparse
import asyncio
import gc
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from knative_local.cloudevent import CloudEvent, from_json
from knative_local.log.retention import Retention
from knative_local.log.sqlite import SqliteEventLog
from report import percentile, spread, table

BROKER = "bench/default"
# Events that share a commit: one, what 64 connections make of it, and batches of 100 of 10 connections.
COMMITS = (1, 25, 60, 1000)
BIG_COMMIT = 1000
FOREVER = Retention(age_ms=1 << 50, bytes=1 << 50)

OPEN = """
import sys, time
from pathlib import Path
from knative_local.log.sqlite import SqliteEventLog
begin = time.perf_counter()
log = SqliteEventLog.open(Path(sys.argv[1]))
end = log.end(sys.argv[2])
first = log.read(sys.argv[2], end // 2, 500)
took = time.perf_counter() - begin
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(end, len(first), took, int(peak.split()[1]) / 1024)
"""


def events() -> Iterator[CloudEvent]:
    """Positions of a fleet, some 350 bytes of JSON each, without end."""
    for number in count():
        yield from_json(
            b'{"specversion":"1.0","id":"trip-%d:%d","source":"/trackway/functions/ingest",'
            b'"type":"dev.trackway.position.recorded.v1","tenant":"demo","partitionkey":"vehicle-%d",'
            b'"time":"2026-01-01T00:00:00Z","datacontenttype":"application/json","data":{"vehicle_id":"vehicle-%d",'
            b'"lat":-34.9,"lng":-56.16,"recorded_at":"2026-01-01T00:00:00Z","heading":90.0,"speed":10.0}}'
            % (number % 500, number, number % 500, number % 500)
        )


def processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def appends(folder: Path, per_commit: int, total: int) -> list[str]:
    """A row of the table: events parsed beforehand, appended `per_commit` to a turn of the loop."""
    log = SqliteEventLog.open(folder / "log.db", FOREVER)
    source = events()
    batches = [[next(source) for _ in range(per_commit)] for _ in range(total // per_commit)]
    gc.collect()
    gc.freeze()  # as the runtime does; the events to append are the program's own
    took: list[float] = []
    begin, begin_cpu = time.perf_counter(), processor_s()
    for batch in batches:
        one = time.perf_counter()
        await log.append(BROKER, batch)
        took.append(1e3 * (time.perf_counter() - one))
    seconds, cpu = time.perf_counter() - begin, processor_s() - begin_cpu
    number = per_commit * len(batches)
    begin = time.perf_counter()
    seen, last = 0, 0
    while records := log.read(BROKER, last, 500):
        seen, last = seen + len(records), records[-1].offset
    read = time.perf_counter() - begin
    log.close()
    if seen != number:
        sys.exit(f"{number} events were appended, {seen} read")
    return [
        str(per_commit), f"{1e6 * cpu / number:.1f} µs", f"{1e6 * seconds / number:.1f} µs", f"{number / seconds:,.0f}",
        *spread(took, digits=2), f"{1e6 * read / number:.1f} µs",
    ]  # fmt: skip


async def fill(path: Path, total: int) -> None:
    log = SqliteEventLog.open(path, FOREVER)
    source = events()
    batch = [next(source) for _ in range(BIG_COMMIT)]
    for _ in range(total // BIG_COMMIT):
        await log.append(BROKER, batch)
    log.close()


def opening(path: Path, total: int, runs: int) -> list[str]:
    """A row of the table: a fresh process opens the log and reads 500 events from its middle."""
    took: list[float] = []
    memory: list[float] = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", OPEN, str(path), BROKER], capture_output=True, text=True, check=True
        )
        end, first, seconds, megabytes = map(float, done.stdout.split())
        if (end, first) != (total, min(500, total - total // 2)):
            sys.exit(f"the log of {total} events ends at {end} and gives {first} from its middle")
        took.append(1e3 * seconds)
        memory.append(megabytes)
    size = path.stat().st_size / 1e6
    return [
        f"{total:,}",
        f"{size:,.0f} MB",
        f"{percentile(took, 0.5):.0f} ms",
        f"{max(took):.0f} ms",
        f"{max(memory):.1f} MB",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="appended for each row (default 200000)")
    parser.add_argument("--big", type=int, default=10_000_000, help="events of the big log (default 10000000, 0: none)")
    parser.add_argument("--runs", type=int, default=5, help="times that each log is opened (default 5)")
    parser.add_argument("--folder", type=Path, help="where the logs are made (default: the temporary folder)")
    options = parser.parse_args()
    if not 1_000 <= options.events <= 10_000_000 or options.big < 0 or not 1 <= options.runs <= 50:
        parser.error("--events is 1000 to 10000000, --big at least 0, and --runs 1 to 50")
    with TemporaryDirectory(prefix="knative-local-bench-", dir=options.folder) as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < 2 * 400 * (options.big + options.events):
            parser.error(f"too little room in {folder}: choose another --folder, or a smaller --big")
        rows: list[list[str]] = []
        for per_commit in COMMITS:
            total = options.events if per_commit > 1 else options.events // 20
            (one := folder / str(per_commit)).mkdir()
            rows.append(asyncio.run(appends(one, per_commit, total)))
            shutil.rmtree(one)
        headings = [
            "events a commit",
            "processor",
            "time",
            "events/s",
            "commit p50",
            "p90",
            "p99",
            "max",
            "read (time)",
        ]
        table("Appending to the log, durably (fsync), per event", headings, rows)
        rows = []
        for total in (1_000, options.big // BIG_COMMIT * BIG_COMMIT):
            if total:
                asyncio.run(fill(folder / f"{total}.db", total))
                rows.append(opening(folder / f"{total}.db", total, options.runs))
        headings = ["events in the log", "file", "opened and read, p50", "max", "memory of the process"]
        table("Opening a log in a process of its own, and reading 500 events from its middle", headings, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
