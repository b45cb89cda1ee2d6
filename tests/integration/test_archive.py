"""Days of trips in a bucket: archived once, read back as they were, and pruned without losing any; on moto's S3."""

import asyncio
import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import boto3
import gpxpy
import pytest
from msgspec.structs import replace

from tests.contract.store.facts import NOON, T, at, cancelled, finished, position, progressed, started
from tests.integration.test_function_process import post, serving
from tests.running import ROOT, Running, eventually
from tests.servers import s3
from tests.unit.functions.fakes import FakeClock
from trackway.archive import Archive, ArchiveUnavailable, UnusableArchive, open_bucket, run
from trackway.archive.archive import trips_of_day
from trackway.archive.bucket import S3Bucket
from trackway.archive.trips import LooseTrack, from_line, to_line
from trackway.events import Event, PositionRecorded
from trackway.functions import Deps, Settings
from trackway.functions.catalogue import load
from trackway.storage import open_store
from trackway.storage.port import Store, TripHistory

pytestmark = pytest.mark.integration

DAY = NOON.date()
NEXT = DAY + timedelta(days=1)
MIB = 2**20


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with s3.running() as address:
        yield address


@pytest.fixture
def name(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh bucket, and the environment in which boto3 finds it."""
    environment = {"AWS_ENDPOINT_URL": s3_server, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret"}
    for variable, value in {**environment, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(variable, value)
    made = f"bucket-{uuid.uuid4().hex[:12]}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=made)
    client.close()
    return made


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    """Two trips that ended on the day, one that ended the day after, one that is open."""
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    await opened.apply_trip_events(T, [started("t1", "v1"), progressed(10, 50), finished("t1", 500)])
    await opened.apply_trip_events(T, [started("t2", "v2"), cancelled("t2", 100)])
    await opened.apply_trip_events(T, [started("t3", "v3", 80_000), finished("t3", 90_000)])
    await opened.apply_trip_events(T, [started("open", "v4", 10)])
    full = {"received_at": at(4), "heading": 271.5, "speed": 11.25, "accuracy": 4.5, "altitude": -2.0, "seq": 2}
    await opened.append_positions(T, [position(2), position(3, **full), position(5, trip_id=None)])
    await opened.append_positions(T, [position(80_001, "v3", "t3"), position(11, "v4", "open")])
    yield opened
    await opened.close()


def later(days: float) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=days)


async def held(archive: Archive, day: date = DAY) -> list[TripHistory]:
    trips = [trip async for trip in archive.read(day) if isinstance(trip, TripHistory)]
    return sorted(trips, key=lambda trip: trip.trip.trip_id)


async def tracks(archive: Archive, day: date = DAY) -> list[LooseTrack]:
    return [track async for track in archive.read(day) if isinstance(track, LooseTrack)]


async def kept(store: Store, day: date = DAY) -> list[TripHistory]:
    return sorted([trip async for trip in trips_of_day(store, T, day)], key=lambda trip: trip.trip.trip_id)


async def due(archive: Archive, store: Store, now: datetime, keep_days: int | None = None) -> tuple[list[date], int]:
    done = await run(archive, store, T, now, keep_days, lambda: True)
    assert done.is_over
    return done.archived, done.trips_forgotten


class TestDays:
    async def test_a_day_is_read_back_as_it_was(self, name: str, store: Store) -> None:
        archive = Archive(S3Bucket(name, "a/prefix"), T)
        before = await kept(store)
        assert [(len(trip.positions), len(trip.events)) for trip in before] == [(3, 2), (0, 2)]
        assert await due(archive, store, later(3)) == ([DAY, NEXT], 0)
        assert await held(archive) == before
        assert await archive.days() == [DAY, NEXT]
        assert await kept(store) == before, "nothing is pruned where nothing says so"

    async def test_a_day_is_archived_when_it_is_over_and_its_last_positions_have_come(
        self, name: str, store: Store
    ) -> None:
        archive = Archive(S3Bucket(name), T)
        assert await due(archive, store, later(1) + timedelta(hours=1)) == ([], 0)
        assert await due(archive, store, later(1) + timedelta(hours=2)) == ([DAY], 0)

    async def test_what_is_archived_is_not_sent_again(
        self, name: str, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = Archive(S3Bucket(name), T)
        first = await archive.archive(store, DAY, later(2))
        sent: list[str] = []
        put_file = S3Bucket.put_file

        async def noted(self: S3Bucket, key: str, file: Path) -> None:
            sent.append(key)
            await put_file(self, key, file)

        monkeypatch.setattr(S3Bucket, "put_file", noted)
        assert await archive.archive(store, DAY, later(3)) == first
        assert sent == []
        await store.append_positions(T, [position(7)])
        again = await archive.archive(store, DAY, later(4))
        assert len(sent) == 1
        assert again is not None
        assert [part.positions for part in again.parts] == [4], "what holds more stands in its place"

    async def test_a_trip_is_read_again_exactly(self, store: Store) -> None:
        lines = [to_line(trip) for trip in await kept(store)]
        assert lines == [to_line(trip) for trip in await kept(store)], "the same trips make the same file"
        assert [from_line(line) for line in lines] == await kept(store)

    async def test_a_line_is_geojson(self, store: Store) -> None:
        feature = json.loads(to_line((await kept(store))[0]))
        assert (feature["type"], feature["geometry"]["type"]) == ("Feature", "LineString")
        assert feature["geometry"]["coordinates"][0] == [position(2).position.lng, position(2).position.lat]
        assert feature["properties"]["events"][0]["type"] == "dev.trackway.trip.finished.v1"

    async def test_many_positions_of_one_moment_are_all_there(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("trackway.archive.trips.PAGE", 2)
        await store.append_positions(T, [position(3, id=f"again {number}") for number in range(5)])
        assert len((await kept(store))[0].positions) == 8


class Dies(Exception):
    """Stands for a process that ends where it is."""


class TestPruning:
    async def test_old_trips_are_forgotten_and_stay_readable(self, name: str, store: Store) -> None:
        archive = Archive(S3Bucket(name), T)
        before, others = await kept(store), await kept(store, NEXT)
        assert (await due(archive, store, later(31.5), keep_days=30))[1] == 2
        assert await store.trip(T, "t1") is None
        assert await store.trip(T, "open") is not None
        assert await held(archive) == before
        assert await kept(store, NEXT) == others
        assert (await due(archive, store, later(31.6), keep_days=30))[1] == 0

    async def test_what_comes_after_a_day_was_pruned_is_archived_beside(self, name: str, store: Store) -> None:
        archive = Archive(S3Bucket(name), T)
        before = await kept(store)
        await due(archive, store, later(31.5), keep_days=30)
        await store.apply_trip_events(T, [started("late", "v7"), finished("late", 600)])
        assert (await due(archive, store, later(31.6), keep_days=30))[1] == 1
        assert [trip.trip.trip_id for trip in await held(archive)] == ["late", "t1", "t2"]
        assert [trip for trip in await held(archive) if trip.trip.trip_id != "late"] == before

    async def test_a_prune_that_was_cut_off_goes_on_and_the_archive_keeps_all(
        self, name: str, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = Archive(S3Bucket(name), T)
        before = await kept(store)
        forgotten: list[str] = []
        with monkeypatch.context() as patch:
            forget = store.forget_trip

            async def dies_at_the_second(tenant: str, history: TripHistory) -> bool:
                if forgotten:
                    raise Dies
                forgotten.append(history.trip.trip_id)
                return await forget(tenant, history)

            patch.setattr(store, "forget_trip", dies_at_the_second)
            with pytest.raises(Dies):
                await archive.prune(store, DAY, later(40))
        assert len(await kept(store)) == 1
        assert (await archive.prune(store, DAY, later(41))).trips == 2
        assert (await kept(store), await held(archive)) == ([], before)

    async def test_what_comes_between_archiving_and_pruning_is_kept_and_goes_into_a_file_beside(
        self, name: str, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = Archive(S3Bucket(name), T)
        forget = store.forget_trip

        async def late(tenant: str, history: TripHistory) -> bool:
            await store.append_positions(T, [position(4)])  # once; a repeat changes nothing
            return await forget(tenant, history)

        with monkeypatch.context() as patch:
            patch.setattr(store, "forget_trip", late)
            assert (await archive.prune(store, DAY, later(40))).trips == 1
        assert [each.recorded_at for each in await store.positions(T, "t1")] == [at(2), at(3), at(4), at(5)]
        before = await kept(store)
        assert (await archive.prune(store, DAY, later(41))).trips == 1
        assert [trip.trip.trip_id for trip in await held(archive)] == ["t1", "t2"]
        assert [trip for trip in await held(archive) if trip.trip.trip_id == "t1"] == before
        assert await kept(store) == []

    async def test_positions_of_no_trip_are_archived_by_their_day_and_forgotten_as_they_were_archived(
        self, name: str, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = Archive(S3Bucket(name), T)
        loose = [position(1000, "v2", None), position(2000, "v1", "unknown"), position(90_000, "alone", None)]
        await store.append_positions(T, [*loose, position(12, "v4", None), position(14, "v5", None)])
        await store.append_positions(T, [position(14, "v5", None, id="and another")])
        expected = [
            LooseTrack("v1", [loose[1].position]),
            LooseTrack("v2", [loose[0].position]),
            LooseTrack("v5", [position(14, "v5", None).position] * 2),
        ]
        assert (await due(archive, store, later(3)))[0] == [DAY, NEXT]
        assert await tracks(archive) == expected
        assert await tracks(archive, NEXT) == [LooseTrack("alone", [loose[2].position])]
        forget = store.forget_loose_positions

        async def late(tenant: str, positions: Sequence[PositionRecorded]) -> int:
            await store.append_positions(T, [position(1001, "v2", None)])  # once; a repeat changes nothing
            return await forget(tenant, positions)

        with monkeypatch.context() as patch:
            patch.setattr(store, "forget_loose_positions", late)
            assert await archive.prune(store, DAY, later(40)) == (2, 4)
        left = await store.loose_positions(T, "v2", at(0), at(3000))
        assert [each.recorded_at for each in left] == [at(1001)], "what came between is kept"
        assert await archive.prune(store, DAY, later(41)) == (0, 1)
        assert (await tracks(archive))[1].positions == [loose[0].position, position(1001, "v2", None).position]
        assert len(await held(archive)) == 2
        assert [each.vehicle_id for each in await store.vehicles(T)] == ["alone", "v3", "v4"], (
            "an open trip keeps its own"
        )

    async def test_a_day_on_which_no_trip_ended_is_archived_and_pruned_too(self, name: str, tmp_path: Path) -> None:
        store = open_store(f"sqlite:///{tmp_path}/other.db")
        await store.append_positions(T, [position(5, trip_id=None)])
        archive = Archive(S3Bucket(name), T)
        assert await due(archive, store, later(3)) == ([DAY], 0)
        done = await run(archive, store, T, later(40), 30, lambda: True)
        assert (done.pruned, done.positions_forgotten) == ([DAY], 1)
        assert await store.earliest_position(T) is None
        assert await tracks(archive) == [LooseTrack("v1", [position(5, trip_id=None).position])]
        await store.close()

    async def test_a_file_that_was_lost_is_sent_again_while_the_store_has_its_trips(
        self, name: str, store: Store
    ) -> None:
        archive = Archive(S3Bucket(name), T)
        day = await archive.archive(store, DAY, later(2))
        assert day is not None
        client = boto3.client("s3")
        client.delete_object(Bucket=name, Key=f"{T}/trips/{day.parts[0].sha256}.geojsonl.gz")
        client.close()
        with pytest.raises(ArchiveUnavailable, match="missing"):
            await held(archive)
        before = await kept(store)
        assert (await archive.prune(store, DAY, later(40))).trips == 2
        assert await held(archive) == before

    async def test_nothing_is_forgotten_that_cannot_be_read_back(self, name: str, store: Store) -> None:
        bucket = S3Bucket(name)
        archive = Archive(bucket, T)
        day = await archive.archive(store, DAY, later(2))
        assert day is not None
        await bucket.put(f"{T}/trips/{day.parts[0].sha256}.geojsonl.gz", b"x" * day.parts[0].size)
        with pytest.raises(ArchiveUnavailable, match="damaged"):
            await archive.prune(store, DAY, later(40))
        assert len(await kept(store)) == 2


class TestBucket:
    async def test_a_large_file_goes_in_parts_and_comes_back(self, name: str, tmp_path: Path) -> None:
        file = tmp_path / "large"
        file.write_bytes(random.Random(1).randbytes(12 * MIB + 17))
        bucket = S3Bucket(name, "deep/er", part=5 * MIB)
        await bucket.put_file("large", file)
        assert await bucket.size("large") == 12 * MIB + 17
        assert await bucket.fetch("large", tmp_path / "back") is True
        assert (tmp_path / "back").read_bytes() == file.read_bytes()
        assert await bucket.keys("la") == ["large"]

    async def test_an_upload_that_was_killed_sends_only_the_parts_that_are_missing(
        self, name: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "large"
        file.write_bytes(random.Random(2).randbytes(16 * MIB))
        program = (
            "import asyncio, os, signal, sys; from pathlib import Path\n"
            "from trackway.archive import bucket as b\n"
            "made = b._client\n"
            "def client():\n"
            "    s3 = made()\n"
            "    die = lambda **_: os.kill(os.getpid(), signal.SIGKILL)\n"
            "    s3.meta.events.register('after-call.s3.UploadPart', die)\n"
            "    return s3\n"
            "b._client = client\n"
            f"asyncio.run(b.S3Bucket({name!r}, part=5 * 2**20).put_file('large', Path({str(file)!r})))"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == -9
        bucket = S3Bucket(name, part=5 * MIB)
        assert await bucket.size("large") is None
        sent: list[int] = []
        bucket._client.meta.events.register(
            "before-parameter-build.s3.UploadPart", lambda params, **_: sent.append(params["PartNumber"])
        )
        await bucket.put_file("large", file)
        assert sent == [2, 3, 4]
        assert await bucket.fetch("large", tmp_path / "back") is True
        assert (tmp_path / "back").read_bytes() == file.read_bytes()

    async def test_what_is_not_there(self, name: str, tmp_path: Path) -> None:
        bucket = S3Bucket(name)
        assert await bucket.get("none") is None
        assert await bucket.size("none") is None
        assert await bucket.fetch("none", tmp_path / "none") is False
        assert await bucket.keys("") == []

    async def test_a_bucket_that_is_away_or_refuses_is_tried_again(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ArchiveUnavailable, match="refuses us"):
            await S3Bucket("no-such-bucket-here").put("x", b"")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        with pytest.raises(ArchiveUnavailable, match="cannot be reached"):
            await S3Bucket(name).get("x")

    @pytest.mark.parametrize("address", ["", "s3://", "s3:///prefix", "http://bucket", "bucket"])
    def test_an_address_that_cannot_be_one(self, address: str) -> None:
        with pytest.raises(UnusableArchive, match="s3://bucket"):
            open_bucket(address)


async def test_the_function_does_what_is_due_at_each_ping(name: str, store: Store) -> None:
    ping = Event(id="1", source="/apis/v1/namespaces/trackway/pingsources/archive", type="dev.knative.sources.ping")
    function = load(ROOT / "functions", "archive")
    assert function.handler is not None
    settings = Settings(archive=f"s3://{name}", tenant=T, keep_days=30)
    assert list(await function.handler([ping], Deps(settings, store=store, clock=FakeClock(later(3))))) == []
    archive = Archive(S3Bucket(name), T)
    assert await archive.days() == [DAY, NEXT]
    await function.handler([ping], Deps(settings, store=store, clock=FakeClock(later(40))))
    assert await store.trip(T, "t1") is None
    assert len(await held(archive)) == 2
    idle = Deps(replace(settings, archive=None), store=store, clock=FakeClock(later(40)))
    assert list(await function.handler([ping], idle)) == []


def command(*arguments: str, store: Path) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "120", "TRACKWAY_STORE": f"sqlite:///{store}"}
    words = [sys.executable, "-m", "trackway", "archive", *arguments]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False)


async def test_on_the_command_line_a_day_is_archived_pruned_and_exported(
    name: str, store: Store, tmp_path: Path
) -> None:
    before = sorted(await kept(store), key=lambda trip: trip.trip.ended_at or NOON)
    options, file = ["--archive", f"s3://{name}", "--tenant", T], tmp_path / "store.db"
    fresh = command("export", str(DAY), "--tenant", T, store=file)
    assert [from_line(line) for line in fresh.stdout.splitlines()] == before, "from the store"
    done = command("run", *options, "--keep-days", "1", store=file)
    assert done.returncode == 0, done.stderr
    assert b"pruned 2026-05-04, 2026-05-05" in done.stdout
    assert await kept(store) == []
    assert command("list", *options, store=file).stdout.split()[7:10] == [b"2026-05-04", b"2", b"3"]
    old = command("export", str(DAY), *options, store=file)
    assert [from_line(line) for line in old.stdout.splitlines()] == before, "from the archive, the same"
    gpx = command("export", str(DAY), *options, "--format", "gpx", "--to", str(tmp_path / "day.gpx"), store=file)
    assert gpx.returncode == 0, gpx.stderr
    tracks = gpxpy.parse((tmp_path / "day.gpx").read_text()).tracks
    assert [len(track.segments[0].points) if track.segments else 0 for track in tracks] == [0, 3]
    nothing = command("export", "2020-01-01", *options, store=file)
    assert (nothing.returncode, b"No trip ended on 2020-01-01" in nothing.stderr) == (1, True)
    wrong = command("list", "--archive", "ftp://x", store=file)
    assert (wrong.returncode, b"use s3://bucket" in wrong.stderr) == (2, True)


async def test_an_archived_day_is_driven_once_more(name: str, store: Store, tmp_path: Path, trackway: Running) -> None:
    options, file = ["--archive", f"s3://{name}", "--tenant", T], tmp_path / "store.db"
    assert command("run", *options, "--keep-days", "1", store=file).returncode == 0
    done = command("replay", str(DAY), *options, "--speed", "100", "--url", trackway.url, store=file)
    assert done.returncode == 0, done.stderr
    assert b"3 positions of 2 trips" in done.stdout

    def seen() -> dict[str, object] | None:
        vehicles = trackway.get("/v1/vehicles")["vehicles"]
        return next((each for each in vehicles if each["vehicle_id"] == "replay-v1"), None)

    assert eventually(seen, what="the vehicle on the map")["lng"] == pytest.approx(-56.1234567)


async def test_the_functions_process_answers_a_ping_as_knative_sends_it(
    name: str, store: Store, tmp_path: Path
) -> None:
    ping = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e5c0f9f2",
        "ce-source": "/apis/v1/namespaces/trackway/pingsources/archive",
        "ce-type": "dev.knative.sources.ping",
        "ce-time": "2026-05-07T00:17:00Z",
    }
    own = {"TRACKWAY_STORE": f"sqlite:///{tmp_path}/store.db", "TRACKWAY_ARCHIVE": f"s3://{name}", "TRACKWAY_TENANT": T}
    with serving("archive", ROOT, **own) as (_, port):
        assert await asyncio.to_thread(post, port, "{}", ping) == (204, "")
        assert await Archive(S3Bucket(name), T).days() == [DAY, NEXT]
        assert await asyncio.to_thread(post, port, "{}", ping) == (204, "")
    with serving("archive", ROOT, **own, AWS_ENDPOINT_URL="http://127.0.0.1:9") as (_, port):
        status, problem = await asyncio.to_thread(post, port, "{}", ping)
        assert (status, "cannot be reached" in problem) == (503, True)
    assert len(await kept(store)) == 2
