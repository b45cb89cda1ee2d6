"""What a store in a file promises beyond the others: many processes, kills, and trouble with the disk."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.store.facts import T, at, position, started, trip
from tests.running import ROOT
from trackway.domain.lifecycle import TripStatus
from trackway.storage import open_store
from trackway.storage.port import SchemaTooNew, Shard, Store, StoreUnavailable
from trackway.storage.sqlite.appending import MERGED_AT_ONCE
from trackway.storage.sqlite.migrations import STEPS


async def status_of(store: Store, trip_id: str = "t1") -> TripStatus | None:
    view = await store.trip(T, trip_id)
    return None if view is None else view.trip.status


class TestOneFileManyProcesses:
    async def test_what_one_wrote_the_other_reads(self, two: tuple[Store, Store]) -> None:
        one, other = two
        await one.apply_trip_events(T, [started()])
        assert await status_of(other) is TripStatus.UNDERWAY
        await other.append_positions(T, [position(1)])
        assert await one.append_positions(T, [position(1), position(2)]) == 1

    async def test_of_racing_claims_one_wins(self, two: tuple[Store, Store]) -> None:
        for version in range(20):
            claims = (each.update_shard(T, Shard(shard=0, version=version, claim=str(n))) for n, each in enumerate(two))
            outcomes = await asyncio.gather(*claims, return_exceptions=True)
            assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Shard"]

    async def test_of_racing_plans_one_wins(self, two: tuple[Store, Store]) -> None:
        for number in range(20):
            plans = (each.plan_trip(T, trip(f"{number}-{n}", f"v{number}")) for n, each in enumerate(two))
            outcomes = await asyncio.gather(*plans, return_exceptions=True)
            assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Trip"]

    async def test_of_racing_keys_one_trip_is_made(self, two: tuple[Store, Store]) -> None:
        for number in range(20):
            plans = (
                each.plan_trip(T, trip(f"{number}-{n}", f"v{number}-{n}"), f"key-{number}")
                for n, each in enumerate(two)
            )
            one, other = await asyncio.gather(*plans)
            assert one == other

    async def test_racing_appends_store_each_position_once(self, two: tuple[Store, Store]) -> None:
        await two[0].apply_trip_events(T, [started()])
        batches = [[position(second) for second in range(start, start + 30)] for start in range(1, 100, 10)]
        added = await asyncio.gather(*(each.append_positions(T, batch) for batch in batches for each in two))
        assert sum(added) == len(await two[0].positions(T, "t1")) == 120

    def test_processes_that_start_at_once_make_one_schema(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        program = (
            "import asyncio, sys; from trackway.storage import open_store\n"
            "async def main():\n"
            f"    store = open_store('sqlite:///{path}')\n"
            "    print(await store.routes('acme')); await store.close()\n"
            "sys.stdin.readline(); asyncio.run(main())"
        )
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", program]
        started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outcomes = [(*process.communicate(timeout=60), process.returncode) for process in started]
        assert outcomes == [("[]\n", "", 0)] * 4
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        db.close()

    async def test_positions_come_to_their_places_when_they_are_many_and_at_the_end(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        store = open_store(f"sqlite:///{path}")
        many = [position(second, f"v{second % 7}") for second in range(MERGED_AT_ONCE + 100)]
        for start in range(0, len(many), 500):
            assert await store.append_positions(T, many[start : start + 500]) == len(many[start : start + 500])
        assert await store.append_positions(T, many[::37]) == 0
        await store.close()
        with sqlite3.connect(path) as db:
            assert db.execute("SELECT count(*) FROM position").fetchone() == (len(many),)
            assert db.execute("SELECT count(*) FROM position_staged").fetchone() == (0,)
        db.close()

    async def test_positions_that_a_killed_process_left_waiting_are_read_and_found_again(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        program = (
            "import asyncio, os, signal; from trackway.storage import open_store\n"
            "from tests.contract.store.facts import position\n"
            "async def main():\n"
            f"    store = open_store('sqlite:///{path}')\n"
            "    await store.append_positions('acme', [position(1), position(3), position(2, 'v2')])\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "asyncio.run(main())"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == -9
        store = open_store(f"sqlite:///{path}")
        assert [each.position.recorded_at for each in await store.vehicles(T)] == [at(3), at(2)]
        assert await store.append_positions(T, [position(1), position(3), position(2), position(2, "v2")]) == 1
        await store.close()

    async def test_what_a_killed_process_had_written_is_there(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        program = (
            "import asyncio, os, signal; from trackway.storage import open_store\n"
            "from trackway.storage.port import Shard\n"
            "async def main():\n"
            f"    store = open_store('sqlite:///{path}')\n"
            "    await store.update_shard('acme', Shard(shard=5, claim='me'))\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "asyncio.run(main())"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
        store = open_store(f"sqlite:///{path}")
        assert (await store.shard(T, 5)).claim == "me"
        await store.close()


class TestTrouble:
    async def test_a_locked_store_says_try_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trackway.storage.sqlite.connection.BUSY_SECONDS", 0.05)
        store = open_store(f"sqlite:///{tmp_path}/store.db")
        await store.append_positions(T, [position(1)])
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"store\.db is busy"):
            await store.append_positions(T, [position(2, "v2")])
        assert len(await store.vehicles(T)) == 1, "reading goes on"
        other.execute("ROLLBACK")
        other.close()
        assert await store.append_positions(T, [position(2, "v2")]) == 1
        await store.close()

    async def test_a_full_disk_says_so_and_what_fails_leaves_nothing(self, tmp_path: Path) -> None:
        store = open_store(f"sqlite:///{tmp_path}/store.db")
        await store.apply_trip_events(T, [started("t0", "v0")])
        limit: Callable[[sqlite3.Connection, int], object] = lambda db, pages: db.execute(  # noqa: E731
            f"PRAGMA max_page_count = {pages}"
        ).fetchone()
        await store._db.write(limit, 1)
        batch = [position(second, f"v{second}") for second in range(2000)]
        with pytest.raises(StoreUnavailable, match="disk is full"):
            await store.append_positions(T, batch)
        assert await store.vehicles(T) == []
        await store._db.write(limit, 1_000_000)
        assert await store.append_positions(T, batch) == 2000
        assert len(await store.vehicles(T)) == 2000
        await store.close()

    async def test_a_path_that_cannot_be_opened(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        store = open_store(f"sqlite:///{tmp_path}/file/store.db")
        with pytest.raises(StoreUnavailable, match="cannot be opened"):
            await store.routes(T)
        await store.close()

    async def test_a_file_of_a_newer_trackway_is_left_alone(self, tmp_path: Path) -> None:
        db = sqlite3.connect(tmp_path / "store.db")
        db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
        db.close()
        store = open_store(f"sqlite:///{tmp_path}/store.db")
        with pytest.raises(SchemaTooNew, match="update Trackway"):
            await store.routes(T)
        await store.close()

    @pytest.mark.parametrize("url", ["", "sqlite:///", "postgres://x", "sqlite://relative", "mongo://h/x"])
    def test_an_address_that_is_not_served(self, url: str) -> None:
        with pytest.raises(ValueError, match="memory://"):
            open_store(url)
