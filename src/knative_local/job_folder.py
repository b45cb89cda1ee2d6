"""The Jobs of one JobSink on the disk: a folder for each, with its event and, once it has ended, its outcome."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

EVENT: Final = "event"
"""The file in a Job's folder that holds the event, as in the Secret that Knative mounts."""
_ATTEMPTS: Final = "attempts"
_OUTCOME: Final = "outcome"
_NEW: Final = ".new-"


class Outcome(msgspec.Struct, frozen=True):
    """How a Job ended: after how many attempts, when (ms since 1970), and why it failed, if it did."""

    succeeded: bool
    attempts: int
    ended_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A Job as it was found: `attempts` are those that failed so far, `outcome` is None until it has ended."""

    name: str
    attempts: int
    outcome: Outcome | None


def job_name(sink: str, source: str, id: str) -> str:
    """The name of the one Job for an event, which `source` and `id` together tell from others."""
    return f"{sink}-{hashlib.sha256(f'{len(source)}:{source}{id}'.encode()).hexdigest()[:32]}"


class JobFolder:
    """What a JobSink has to remember across restarts; everything here raises OSError when the disk cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def folder(self, job: str) -> Path:
        """Where a Job's event is."""
        return self._path / job

    def create(self, job: str, event: bytes) -> None:
        """Keep a new Job, durably: after a crash it is there whole or not at all."""
        self._path.mkdir(parents=True, exist_ok=True)
        new = self._path / f"{_NEW}{job}"
        shutil.rmtree(new, ignore_errors=True)  # of a crash
        new.mkdir()
        try:
            _write(new / EVENT, event)
            _sync(new)
            new.rename(self._path / job)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise
        _sync(self._path)

    def failed(self, job: str, attempts: int) -> None:
        """Remember how many attempts have failed."""
        _replace(self._path / job / _ATTEMPTS, str(attempts).encode())

    def finish(self, job: str, outcome: Outcome) -> None:
        """Remember how a Job ended, durably: it does not run again."""
        _replace(self._path / job / _OUTCOME, msgspec.json.encode(outcome))
        _sync(self._path / job)

    def remove(self, job: str) -> None:
        """Forget a Job."""
        shutil.rmtree(self._path / job, ignore_errors=True)

    def jobs(self) -> Iterator[StoredJob]:
        """All Jobs, those that have waited longest first."""
        with contextlib.suppress(FileNotFoundError):
            found = [(entry.stat().st_mtime_ns, entry) for entry in self._path.iterdir()]
            for _, entry in sorted(found):
                if not entry.name.startswith(_NEW) and (entry / EVENT).is_file():
                    yield StoredJob(entry.name, _attempts(entry), _outcome(entry))


def _attempts(folder: Path) -> int:
    try:
        return int((folder / _ATTEMPTS).read_text())
    except (OSError, ValueError):
        return 0


def _outcome(folder: Path) -> Outcome | None:
    try:
        return msgspec.json.decode((folder / _OUTCOME).read_bytes(), type=Outcome)
    except (OSError, msgspec.DecodeError):
        return None


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(_NEW + path.name)
    _write(new, content)
    new.rename(path)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
