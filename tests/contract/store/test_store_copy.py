"""A store copied into another: all of it, also when the copy is killed on its way, and never without being checked."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.contract.store.facts import (
    NOON,
    ROUTE,
    T,
    at,
    cancelled,
    finished,
    position,
    progressed,
    started,
    trip,
)
from tests.running import ROOT, eventually
from trackway.events import Event
from trackway.storage import open_store
from trackway.storage.port import DeadLetter, Shard, Store

LETTER = DeadLetter(
    letter_id="a",
    event=Event(id="e1", source="/x", type="strange", data=b"\xff{", datacontenttype="text/plain"),
    failed_at=NOON,
    destination="persist",
    code=None,
    reason="bad",
)
FULL = {"received_at": at(4), "heading": 271.5, "speed": 11.25, "accuracy": 4.5, "altitude": -2.0, "seq": 2**40}


@pytest.fixture
async def laptop(tmp_path: Path) -> AsyncIterator[tuple[str, Store]]:
    """A SQLite store with something of each kind, also what came before its trip."""
    url = f"sqlite:///{tmp_path}/laptop.db"
    store = open_store(url)
    await store.add_route(T, ROUTE)
    await store.plan_trip(T, trip(seed=2**40), "key-1")
    await store.apply_trip_events(T, [started(), progressed(10, 50), finished("t1", 500), cancelled("early", 100)])
    await store.plan_trip("other", trip("t2", "v2"))
    await store.append_positions(T, [position(1), position(3, **FULL), position(2, trip_id=None)])
    await store.append_positions("other", [position(7, "v2", trip_id=None)])
    await store.update_shard(T, Shard(shard=3, wanted=2, claim="1/x", claimed_until=at(5), driven_until=at(4)))
    await store.add_dead_letters(T, [LETTER])
    yield url, store
    await store.close()


def copy(source: str, to: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trackway", "store", "copy", source, to, *options]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)


async def told(store: Store, tenant: str) -> list[object]:
    """All that can be asked of a store."""
    views = await store.trips(tenant)
    return [
        await store.routes(tenant),
        await store.route(tenant, "r1"),
        views,
        [await store.trip_events(tenant, view.trip.trip_id) for view in views],
        [await store.positions(tenant, view.trip.trip_id) for view in views],
        await store.open_trips(tenant),
        await store.vehicles(tenant),
        [await store.shard(tenant, number) for number in range(8)],
        [await store.simulated_trips(tenant, number) for number in range(8)],
        await store.dead_letters(tenant),
    ]


async def test_all_of_it_is_there_and_counts_as_the_same(laptop: tuple[str, Store], mongo_url: str) -> None:
    url, store = laptop
    done = await asyncio.to_thread(copy, url, mongo_url)
    assert done.returncode == 0, done.stdout + done.stderr
    copied = open_store(mongo_url)
    for tenant in (T, "other"):
        assert await told(copied, tenant) == await told(store, tenant)
    assert await copied.append_positions(T, [position(1), position(3), position(4)]) == 1, "repeats are known as such"
    assert (await copied.plan_trip(T, trip("t9", "v9"), "key-1")).trip_id == "t1", "keys are known as such"
    await copied.apply_trip_events(T, [started("early", "v5")])
    assert [view.trip.trip_id for view in await copied.open_trips(T)] == [], "an end that came early still counts"
    await copied.close()


async def test_a_finished_copy_is_not_made_again(laptop: tuple[str, Store], mongo_url: str) -> None:
    url, _ = laptop
    assert (await asyncio.to_thread(copy, url, mongo_url)).returncode == 0
    used = open_store(mongo_url)
    await used.apply_trip_events(T, [started("t5", "v5")])
    again = await asyncio.to_thread(copy, url, mongo_url)
    assert (again.returncode, "was copied there" in again.stdout) == (0, True)
    assert await used.trip(T, "t5") is not None
    await used.close()


async def test_a_database_that_holds_something_is_left_alone(laptop: tuple[str, Store], mongo_url: str) -> None:
    url, _ = laptop
    used = open_store(mongo_url)
    await used.apply_trip_events(T, [started("t5", "v5")])
    refused = await asyncio.to_thread(copy, url, mongo_url)
    assert (refused.returncode, "holds trip records already" in refused.stderr) == (1, True)
    assert await used.routes(T) == []
    await used.close()


async def test_a_copy_that_is_killed_goes_on_where_it_was(tmp_path: Path, mongo_url: str) -> None:
    url = f"sqlite:///{tmp_path}/laptop.db"
    store = open_store(url)
    await store.apply_trip_events(T, [started()])
    await store.append_positions(T, [position(second) for second in range(1, 2001)])
    await store.close()

    def kill_in_the_middle() -> None:
        command = [sys.executable, "-m", "trackway", "store", "copy", url, mongo_url, "--batch", "20"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with MongoClient[dict[str, object]](mongo_url) as client:
            kept = client.get_default_database()["position"]
            eventually(lambda: kept.estimated_document_count() > 200, what="a part of the copy")
            process.kill()
            process.communicate()
            assert process.returncode == -9, "it was done before it was killed"
            assert 200 < kept.count_documents({}) < 2000

    await asyncio.to_thread(kill_in_the_middle)
    done = await asyncio.to_thread(copy, url, mongo_url, "--batch", "500")
    assert done.returncode == 0, done.stdout + done.stderr
    copied = open_store(mongo_url)
    assert len(await copied.positions(T, "t1", limit=9999)) == 2000
    await copied.close()


async def test_what_differs_is_said_and_the_next_copy_mends_it(laptop: tuple[str, Store], mongo_url: str) -> None:
    url, store = laptop
    killed = open_store(mongo_url)
    source = f"sqlite:///{Path(url.removeprefix('sqlite:///')).resolve()}"
    await killed.set_bookmark(source, "position", "[999, 0, 0]")  # as if all were there, and then were lost
    await killed.close()
    wrong = await asyncio.to_thread(copy, url, mongo_url)
    assert (wrong.returncode, "the copy's position records are not those of" in wrong.stderr) == (1, True)
    again = await asyncio.to_thread(copy, url, mongo_url)
    assert again.returncode == 0, again.stdout + again.stderr
    copied = open_store(mongo_url)
    assert await told(copied, T) == await told(store, T)
    await copied.close()


@pytest.mark.parametrize(
    ("source", "to", "code", "said"),
    [
        ("memory://", "mongodb://127.0.0.1:9/x", 2, "memory:// cannot be copied from"),
        ("sqlite:///x.db", "sqlite:///y.db", 2, "sqlite:///y.db cannot be copied to"),
        ("sqlite:///x.db", "postgres://x", 2, "is not served"),
        ("sqlite:///no-such.db", "mongodb://127.0.0.1:9/x", 2, "no-such.db is not there"),
        ("sqlite:///x.db", "mongodb://127.0.0.1:9/x?serverSelectionTimeoutMS=50", 3, "cannot be reached"),
    ],
)
def test_what_cannot_be_copied_is_refused_in_words(tmp_path: Path, source: str, to: str, code: int, said: str) -> None:
    (tmp_path / "x.db").touch()
    done = copy(source.replace("///x.db", f"///{tmp_path}/x.db"), to)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
