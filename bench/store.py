"""What it costs to store a position, by the size of the batch: microseconds from the call to durable, in the SQLite
store."""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from report import table
from trackway.events import DEFAULT_TENANT, PositionRecorded
from trackway.storage import open_store
from trackway.storage.port import StoredPosition

BATCHES = (1, 10, 50, 200)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def positions(vehicles: int) -> Iterator[StoredPosition]:
    """The fleet's positions, one a second each, without end."""
    for tick in count():
        for number in range(vehicles):
            yield StoredPosition(
                source="/trackway/functions/simulate",
                event_id=f"trip-{number}:{tick}",
                position=PositionRecorded(
                    vehicle_id=f"vehicle-{number}",
                    lat=-34.9 + tick * 1e-5,
                    lng=-56.16 + number * 1e-4,
                    recorded_at=BEGIN + timedelta(seconds=tick),
                    heading=90.0,
                    speed=10.0,
                    trip_id=f"trip-{number}",
                    seq=tick,
                ),
            )


async def microseconds(folder: Path, batch: int, options: argparse.Namespace) -> float:
    """Per position, for a fresh store. Exits when the store does not have each exactly once."""
    amount = min(options.positions, batch * options.commits)
    fleet = positions(options.vehicles)
    batches = [[next(fleet) for _ in range(batch)] for _ in range(max(1, amount // batch))]
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    await store.append_positions(DEFAULT_TENANT, [])  # opens it
    begin = time.perf_counter()
    new = 0
    for each in batches:
        new += await store.append_positions(DEFAULT_TENANT, each)
    taken = time.perf_counter() - begin
    again = await store.append_positions(DEFAULT_TENANT, batches[0])
    await store.close()
    if new != len(batches) * batch or again:
        sys.exit(f"{len(batches) * batch} positions were given, {new} kept, and {again} of a repeat")
    return 1e6 * taken / new


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--positions", type=int, default=20_000, help="a run (default 20000, at most 1000000)")
    parser.add_argument("--commits", type=int, default=2000, help="at most so many batches a run (default 2000)")
    parser.add_argument("--vehicles", type=int, default=500, help="that they are spread over (default 500)")
    parser.add_argument("--runs", type=int, default=5, help="times that each is measured (default 5)")
    parser.add_argument("--folder", type=Path, help="where the stores are made (default: the temporary folder)")
    options = parser.parse_args()
    if not 200 <= options.positions <= 1_000_000 or not 1 <= options.runs <= 50:
        parser.error("--positions is 200 to 1000000 and --runs 1 to 50")
    rows: list[list[str]] = []
    for batch in BATCHES:
        measured: list[float] = []
        for _ in range(options.runs):
            with TemporaryDirectory(prefix="trackway-bench-", dir=options.folder) as folder:
                measured.append(asyncio.run(microseconds(Path(folder), batch, options)))
        measured.sort()
        middle = measured[len(measured) // 2]
        rows.append([str(batch), f"{middle:.1f}", f"{measured[0]:.1f} – {measured[-1]:.1f}", f"{1e6 / middle:,.0f}"])
    table(
        f"SQLite, {options.vehicles} vehicles, {options.runs} runs",
        ["batch", "µs a position (median)", "least – most", "positions/s"],
        rows,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
