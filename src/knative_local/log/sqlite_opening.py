"""A log's file opened for one process: locked, made ready, and told in a sentence when that cannot be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from knative_local.log.file_lock import FileLock
from knative_local.log.port import LogUnavailable
from knative_local.log.rebuild import prepare
from knative_local.log.sqlite_file import Database


def open_file(path: Path) -> tuple[Database, FileLock]:
    """Open or create the file at `path`. Raises LogUnavailable: another process has it, or it is no log."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock.acquire(path)
    except OSError as error:
        raise LogUnavailable(f"cannot open the event log {path}: {error.strerror or error}") from error
    try:
        return Database(path, prepare), lock
    except BaseException as error:
        lock.release()
        if isinstance(error, (sqlite3.Error, OSError)):
            raise LogUnavailable(f"cannot open the event log {path}: {error}") from error
        raise
