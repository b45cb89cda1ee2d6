"""A log's file made ready before it is opened: brought into today's format, or written anew where it is damaged.

Whatever moment a crash comes at, the log is there, once; a file that was damaged is kept beside it.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from knative_local.log.copying import from_format_1, from_pages, leave_out_lost
from knative_local.log.damage import Frame, damage, frames_taken, write_ahead_log
from knative_local.log.port import LogUnavailable
from knative_local.log.sqlite_file import FORMAT, create, is_corruption

logger = logging.getLogger(__name__)

_WAL = "-wal"
# Names of a new file that is whole, by what is to become of the old one.
_CONVERTED, _SALVAGED = ".converted", ".salvaged"
_HEADER_BYTES = 100


def prepare(path: Path, problem: str | None = None) -> None:
    """Have a whole log of today's format at `path`, or none; nobody has it open.

    With a `problem`, which was met when it was used, it is written anew. Raises sqlite3.Error, OSError, and
    LogUnavailable for a file that is no log or of which nothing can be read.
    """
    _put_into_place(path)
    if not path.exists():
        return
    if path.stat().st_size < _HEADER_BYTES:
        aside = _set_aside(path, _stamp(time.time()))
        logger.warning("%s was empty: the log begins anew; what was there is kept as %s*", path, aside)
        return
    wal = write_ahead_log(_with(path, _WAL))
    with closing(_connect(path)) as source:
        source.text_factory = _readable
        try:
            (version,) = source.execute("PRAGMA user_version").fetchone()
            cut = wal.behind(frames_taken(source))
            if _report_cut(path, cut) and version == FORMAT:
                leave_out_lost(source)
            if problem is None and version == FORMAT:
                problem = damage(source)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # SQLite quotes what it cannot make sense of
            if isinstance(error, sqlite3.Error) and not is_corruption(error):
                raise
            version, problem = FORMAT, str(error)
        if version == 1:
            events = _write_anew(path, _CONVERTED, partial(from_format_1, source))
            logger.warning("%s: %d events were brought into the format of this version", path, events)
    if problem is not None:
        _salvage(path, problem)
    _put_into_place(path)


def _salvage(path: Path, problem: str) -> None:
    """Write all that is whole into a new file."""
    events = _write_anew(path, _SALVAGED, partial(from_pages, path))
    if not events and not _is_log(_with(path, _SALVAGED)):
        _with(path, _SALVAGED).unlink()
        raise LogUnavailable(
            f"cannot open the event log {path}: {problem}, and nothing in it is of a log; move it away to begin anew"
        )
    logger.warning("%s was damaged (%s): the %d events in it that are whole are kept", path, problem, events)


def _is_log(salvaged: Path) -> bool:
    with closing(_connect(salvaged)) as database:
        return bool(database.execute("SELECT 1 FROM brokers").fetchone())


def _report_cut(path: Path, cut: list[Frame]) -> bool:
    """Tell of what SQLite passes over in silence, pages behind the last whole commit; whether commits were lost."""
    if not cut:
        return False
    commits = sum(frame.ends_commit for frame in cut)
    if not commits:
        logger.warning("%s: a write that a crash broke off was cut; nobody was told 202 for it", path)
        return False
    aside = _with(path, f".damaged-{_stamp(time.time())}{_WAL}")
    shutil.copyfile(_with(path, _WAL), aside)
    logger.warning(
        "%s: its write-ahead log is damaged and cut behind the last whole commit (up to %d are lost); it is kept as %s",
        path, commits, aside,
    )  # fmt: skip
    return True


def _put_into_place(path: Path) -> None:
    """Give a new file that is whole the log's name; does nothing when there is none."""
    converted, salvaged = _with(path, _CONVERTED), _with(path, _SALVAGED)
    if converted.exists():
        # First what SQLite would take for the new file's: all in it was copied.
        for suffix in (_WAL, "-shm"):
            _with(path, suffix).unlink(missing_ok=True)
        converted.replace(path)
        _sync(path.parent)
    elif salvaged.exists():
        aside = _set_aside(path, _stamp(salvaged.stat().st_mtime))
        salvaged.replace(path)
        _sync(path.parent)
        logger.warning("%s: the damaged file is kept as %s", path, aside)


def _set_aside(path: Path, stamp: str) -> Path:
    aside = _with(path, f".damaged-{stamp}")
    for suffix in (_WAL, ""):
        if _with(path, suffix).exists():
            _with(path, suffix).replace(_with(aside, suffix))
    _with(path, "-shm").unlink(missing_ok=True)
    return aside


def _write_anew(path: Path, suffix: str, fill: Callable[[sqlite3.Connection], int]) -> int:
    """A file beside `path` that has this name only when it is filled and on the disk; gives how many events it has."""
    part = _with(path, ".part")
    part.unlink(missing_ok=True)
    with closing(_connect(part)) as target:
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        create(target)
        target.execute("BEGIN")
        events = fill(target)
        target.execute("COMMIT")
    _sync(part)
    part.replace(_with(path, suffix))
    _sync(path.parent)
    return events


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def _readable(text: bytes) -> str:
    return text.decode(errors="replace")


def _stamp(seconds: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
