"""Manifests that change: read again, applied when nothing is wrong, and told when something is."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
import pytest_asyncio

from knative_local.environment import VariableErrors
from knative_local.log.port import LogUnavailable
from knative_local.manifests import ManifestErrors, load
from knative_local.model import Manifests
from knative_local.reloading import Loaded, Reloader
from tests.unit.knative_local.eventing import FakeSleep, until
from tests.unit.knative_local.manifest_texts import BROKER


class Town:
    """A project whose reloader is told of changes by the test."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "town.yaml"
        self.folders: list[set[Path]] = []
        self.applied: list[list[str]] = []
        self.failures: list[Exception] = []
        self.fails_for_ever: Exception | None = None
        self.loaded = Loaded(loaded_ms=0)
        self.sleep = FakeSleep()
        self._changes: asyncio.Queue[Exception | None] = asyncio.Queue()
        self.write("default")
        self.reloader = self.watch()

    def watch(self, path: Path | None = None) -> Reloader:
        manifests = load(path or self.file)
        read_ns = time.time_ns() + 3_600_000_000_000  # as if all had been written long before it was read
        reloader = Reloader(
            path or self.file, manifests, read_ns, self.apply, self.loaded, watch=self.changes, sleep=self.sleep
        )
        reloader.begin()
        return reloader

    def write(self, *brokers: str) -> None:
        self.file.write_text("---".join(BROKER.replace("default", name) for name in brokers))

    def change(self) -> None:
        """Say that something has happened in the folders."""
        self._changes.put_nowait(None)

    def fail(self, error: Exception) -> None:
        """Let the watching itself fail."""
        self._changes.put_nowait(error)

    async def changes(self, folders: Iterable[Path]) -> AsyncIterator[object]:
        self.folders.append(set(folders))
        while True:
            error = await self._changes.get()
            if error is not None:
                raise error
            yield None

    async def apply(self, manifests: Manifests) -> None:
        if self.fails_for_ever is not None:
            raise self.fails_for_ever
        if self.failures:
            raise self.failures.pop(0)
        self.applied.append([broker.name for broker in manifests.brokers])


@pytest_asyncio.fixture
async def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    monkeypatch.chdir(tmp_path)
    made = Town(tmp_path)
    yield made
    await made.reloader.stop()


async def test_what_has_changed_is_applied(town: Town) -> None:
    town.write("default", "second")
    town.change()

    await until(lambda: town.applied == [["default", "second"]])
    assert town.loaded.loaded_ms > 0
    assert town.folders == [{town.file.parent}]


async def test_what_has_not_changed_is_not_read_again(town: Town) -> None:
    (town.file.parent / "notes.txt").write_text("a file beside it")
    town.change()
    town.write("second")
    town.change()

    await until(lambda: bool(town.applied))
    assert town.applied == [["second"]]


async def test_a_mistake_is_told_until_it_is_gone(town: Town) -> None:
    good = town.file.read_text()
    town.file.write_text(good.replace("kind: Broker", "kind: Broker\nspek: {}"))
    town.change()
    await until(lambda: bool(town.loaded.problems))
    assert town.loaded.problems == (
        "town.yaml:4: Broker default: spek is not a field that is served here; did you mean 'spec'?",
    )

    town.file.write_text(good)
    town.change()

    await until(lambda: town.loaded.problems == ())
    assert town.applied == [], "nothing has changed in the end"


async def test_a_file_that_goes_and_comes_back(town: Town) -> None:
    """Editors that write a new file in place of the old one."""
    text = town.file.read_text()
    town.file.unlink()
    town.change()
    await until(lambda: bool(town.loaded.problems))
    assert "there is no such file" in town.loaded.problems[0]

    town.file.write_text(text.replace("default", "second"))
    town.change()

    await until(lambda: town.applied == [["second"]])
    assert town.loaded.problems == ()


async def test_a_file_that_is_emptied_before_it_is_filled(town: Town) -> None:
    """`helm template … > town.yaml`: what the Triggers have not delivered yet must not be forgotten meanwhile."""
    town.file.write_text("")
    town.change()
    await until(lambda: town.loaded.problems == ("town.yaml:1: the file is empty now; is it being written?",))

    town.write("default", "second")
    town.change()

    await until(lambda: town.applied == [["default", "second"]])
    assert town.loaded.problems == ()


async def test_what_cannot_be_applied_is_told_like_a_mistake(town: Town) -> None:
    town.failures = [VariableErrors("town.yaml:1: there is no ConfigMap none in town")]
    town.write("second")
    town.change()

    await until(lambda: town.loaded.problems == ("town.yaml:1: there is no ConfigMap none in town",))
    assert town.applied == []


async def test_a_log_that_cannot_be_written_is_waited_for(town: Town) -> None:
    town.failures = [LogUnavailable("the disk is full"), LogUnavailable("the disk is full")]
    town.write("second")
    town.change()

    await until(lambda: town.applied == [["second"]])
    assert town.sleep.slept == [1.0, 1.0]


async def test_a_stop_does_not_wait_for_a_disk_that_stays_full(town: Town) -> None:
    town.fails_for_ever = LogUnavailable("the disk is full")
    town.write("second")
    town.change()
    await until(lambda: len(town.sleep.slept) > 1)

    await asyncio.wait_for(town.reloader.stop(), 5)


async def test_a_watch_that_fails_is_set_up_again(town: Town) -> None:
    town.fail(FileNotFoundError("a folder that goes away at the wrong moment"))
    town.write("second")
    town.change()

    await until(lambda: town.applied == [["second"]])
    assert town.sleep.slept == [5.0]


async def test_a_change_between_reading_and_watching_is_not_missed(tmp_path: Path, town: Town) -> None:
    """The first look, a few seconds later, finds it though nothing tells of it any more."""
    read_ns = time.time_ns()
    manifests = load(town.file)
    town.write("second")
    os.utime(town.file, ns=(read_ns, read_ns))
    reloader = Reloader(town.file, manifests, read_ns, town.apply, town.loaded, watch=town.changes)
    await town.reloader.stop()
    reloader.begin()
    town.change()

    await until(lambda: town.applied == [["second"]])
    await reloader.stop()


async def test_all_files_of_a_kustomization_are_watched_wherever_they_are(tmp_path: Path, town: Town) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [broker.yaml]\n")
    (tmp_path / "base" / "broker.yaml").write_text(BROKER)
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "kustomization.yaml").write_text(
        "resources: [../base]\nconfigMapGenerator: [{name: settings, files: [../settings.ini]}]\n"
    )
    (tmp_path / "settings.ini").write_text("a=b")

    reloader = town.watch(tmp_path / "overlay")
    await until(lambda: len(town.folders) == 2)
    assert {folder.resolve() for folder in town.folders[1]} == {tmp_path / "base", tmp_path / "overlay", tmp_path}
    await town.reloader.stop()
    (tmp_path / "settings.ini").write_text("a=c!")
    town.change()
    await until(lambda: len(town.applied) == 1)

    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "second.yaml").write_text(BROKER.replace("default", "second"))
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [broker.yaml, ../more/second.yaml]\n")
    town.change()
    await until(lambda: len(town.folders) == 3)
    assert (tmp_path / "more") in {folder.resolve() for folder in town.folders[2]}
    assert town.applied[-1] == ["default", "second"]
    await reloader.stop()


async def test_what_is_being_applied_at_a_stop_is_applied_to_its_end(town: Town) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def apply(manifests: Manifests) -> None:
        begun.set()
        await go_on.wait()
        town.applied.append([broker.name for broker in manifests.brokers])

    await town.reloader.stop()
    reloader = Reloader(
        town.file, load(town.file), time.time_ns() + 10**12, apply, town.loaded, watch=town.changes
    )  # fmt: skip
    reloader.begin()
    town.write("second")
    town.change()
    await begun.wait()
    stopping = asyncio.get_running_loop().create_task(reloader.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    go_on.set()
    await stopping

    assert town.applied == [["second"]]


def test_errors_tell_which_files_were_looked_for(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [none.yaml]\n")

    with pytest.raises(ManifestErrors) as caught:
        load(tmp_path)

    assert tmp_path / "none.yaml" in caught.value.files
