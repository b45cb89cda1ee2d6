"""A log's file replaced by one written anew: whatever moment a crash comes at, the log is there, once."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from knative_local.log.copying import Copied, copy
from knative_local.log.sqlite_file import create

logger = logging.getLogger(__name__)

_BESIDE = ("-wal", "-shm")


def prepare(path: Path) -> None:
    """Bring the log at `path`, if there is one, into today's format. Raises sqlite3.Error, OSError."""
    _put_into_place(path)
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as source:
        (version,) = source.execute("PRAGMA user_version").fetchone()
    if version == 1:
        copied = _write_anew(path, ".converted")
        logger.warning("%s: %d events were brought into the format of this version", path, copied.events)
        _put_into_place(path)


def _put_into_place(path: Path) -> None:
    converted = _with(path, ".converted")
    if converted.exists():
        # First what SQLite would take for the new file's: all in it was copied.
        for suffix in _BESIDE:
            _with(path, suffix).unlink(missing_ok=True)
        converted.replace(path)
        _sync(path.parent)


def _write_anew(path: Path, suffix: str) -> Copied:
    """A copy beside `path` that has this name only when it is complete and on the disk."""
    part = _with(path, ".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        create(target)
        target.execute("BEGIN")
        copied = copy(source, target)
        target.execute("COMMIT")
    _sync(part)
    part.replace(_with(path, suffix))
    _sync(path.parent)
    return copied


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
