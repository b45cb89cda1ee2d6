"""What storing positions in a MongoDB costs beside what its server needs at least: the store's batches against a bare
`insert_many` of the same documents, in turns, on the same server; and what is left of it where Kafka Connect stores
them."""

import argparse
import asyncio
import sys
import time
import uuid
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from report import table
from running import ROOT
from store import positions
from trackway.events import DEFAULT_TENANT
from trackway.storage.identity import event_hash
from trackway.storage.moments import micros
from trackway.storage.mongo.address import Address
from trackway.storage.mongo.connection import connect
from trackway.storage.mongo.positions import document_of, position_id, vehicle_key
from trackway.storage.mongo.store import MongoStore
from trackway.storage.port import StoredPosition

sys.path.insert(0, str(ROOT))
from tests.servers.mongo import Server

Batches = Sequence[Sequence[StoredPosition]]


def documents(batch: Sequence[StoredPosition]) -> list[dict[str, Any]]:
    """As the store keeps them."""
    made: list[dict[str, Any]] = []
    for each in batch:
        position = each.position
        key = vehicle_key(DEFAULT_TENANT, position.vehicle_id)
        own_id = position_id(key, micros(position.recorded_at), event_hash(each))
        made.append(document_of(own_id, DEFAULT_TENANT, position))
    return made


async def bare(url: str, batches: Batches) -> float:
    """Positions a second, made into documents before the clock starts."""
    made = [documents(batch) for batch in batches]
    client = connect(Address.parse(url))
    collection = client[f"bench-{uuid.uuid4().hex[:8]}"]["position"]
    await collection.insert_one({"_id": b"before the clock"})
    begin = time.perf_counter()
    for batch in made:
        await collection.insert_many(batch, ordered=False)
    taken = time.perf_counter() - begin
    await client.close()
    return sum(map(len, batches)) / taken


async def stored(url: str, fleet: Sequence[StoredPosition], batches: Batches) -> tuple[float, float, float]:
    """(positions a second of the store, of the same ones again, and of others whose vehicles are made known only).
    Exits when one is missing or counted twice."""
    store = MongoStore(f"{url}/bench-{uuid.uuid4().hex[:8]}")
    await store.append_positions(DEFAULT_TENANT, fleet)  # opens it; a vehicle is made known once in its life
    begin = time.perf_counter()
    new = sum([await store.append_positions(DEFAULT_TENANT, batch) for batch in batches])
    taken = time.perf_counter() - begin
    again = time.perf_counter()
    repeated = sum([await store.append_positions(DEFAULT_TENANT, batch) for batch in batches[:10]])
    retaken = time.perf_counter() - again
    await store.close()
    known = await _known(f"{url}/bench-{uuid.uuid4().hex[:8]}", fleet, batches)
    total = sum(map(len, batches))
    if new != total or repeated:
        sys.exit(f"{total} positions were given, {new} kept, and {repeated} of repeats")
    return total / taken, sum(map(len, batches[:10])) / retaken, known


async def _known(url: str, fleet: Sequence[StoredPosition], batches: Batches) -> float:
    store = MongoStore(url)
    await store.know_vehicles(DEFAULT_TENANT, [each.position for each in fleet])
    begin = time.perf_counter()
    for batch in batches:
        await store.know_vehicles(DEFAULT_TENANT, [each.position for each in batch])
    taken = time.perf_counter() - begin
    await store.close()
    return sum(map(len, batches)) / taken


async def measure(url: str, options: argparse.Namespace) -> list[list[str]]:
    rows: list[list[str]] = []
    for size in options.batch:
        ours: list[float] = []
        theirs: list[float] = []
        again: list[float] = []
        known: list[float] = []
        for _ in range(options.runs):
            fleet = positions(options.vehicles)
            first = list(islice(fleet, options.vehicles))
            batches = [list(islice(fleet, size)) for _ in range(max(10, options.positions // size))]
            theirs.append(await bare(url, batches))
            of_store, of_repeats, of_known = await stored(url, first, batches)
            ours.append(of_store)
            again.append(of_repeats)
            known.append(of_known)
        shares = [one / other for one, other in zip(ours, theirs, strict=True)]
        rows.append(
            [
                str(size),
                f"{median(theirs):,.0f}",
                f"{median(ours):,.0f}",
                f"{median(shares):.0%}",
                f"{min(shares):.0%} – {max(shares):.0%}",
                f"{median(again):,.0f}",
                f"{median(known):,.0f}",
            ]
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="of a MongoDB, without a database (default: one for tests is started)")
    parser.add_argument("--positions", type=int, default=10_000, help="a run (default 10000)")
    parser.add_argument("--batch", type=int, nargs="+", default=[50, 500], help="sizes (default 50 500)")
    parser.add_argument("--vehicles", type=int, default=500, help="that they are spread over (default 500)")
    parser.add_argument("--runs", type=int, default=5, help="times that each is measured (default 5)")
    options = parser.parse_args()
    headings = ["batch", "insert_many/s", "store/s", "share (median)", "least – most", "repeats/s", "only known/s"]
    with TemporaryDirectory(prefix="trackway-bench-") as folder:
        server = None if options.url else Server(Path(folder))
        if server is not None:
            server.start()
        try:
            url = options.url or server.url
            rows = asyncio.run(measure(url, options))
        finally:
            if server is not None:
                server.stop()
    where = options.url or "SecantusDB, each write on the disk (a server for tests: slow)"
    table(f"{where}, {options.vehicles} vehicles, {options.runs} runs", headings, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
