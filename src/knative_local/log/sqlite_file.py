"""The SQLite file of the log: its tables, how it is opened, and writing to it in one transaction."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from knative_local.log.port import LogUnavailable

FORMAT = 2
PAGE_BYTES = 4096
# A Broker's number is in the high bits of a chunk's position, the offset of its first event below.
OFFSET_BITS = 40
MOST_OFFSET = (1 << OFFSET_BITS) - 1
# `floor`: the offsets up to it are never given (again), whether their events are still there or not.
# Its text is compared when a log is opened (damage.py): whoever changes it makes another format.
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE brokers (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, floor INTEGER NOT NULL DEFAULT 0);
CREATE TABLE chunks (
    position INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    appended_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    sizes BLOB NOT NULL,
    events BLOB NOT NULL
);
CREATE TABLE cursors (trigger TEXT PRIMARY KEY, broker TEXT NOT NULL, done INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    trigger TEXT NOT NULL,
    "offset" INTEGER NOT NULL,
    destination TEXT NOT NULL,
    reason TEXT NOT NULL,
    code INTEGER,
    data TEXT,
    attempts INTEGER NOT NULL,
    when_ms INTEGER NOT NULL,
    delivered_to_sink INTEGER NOT NULL,
    replaying INTEGER NOT NULL DEFAULT 0,
    event BLOB NOT NULL,
    UNIQUE (trigger, "offset")
);
PRAGMA user_version = {FORMAT};
COMMIT;
"""
_WAL_KEPT_BYTES = 16 << 20
_CORRUPT, _NOT_A_DATABASE = 11, 26

Rows = Sequence[tuple[object, ...]]

logger = logging.getLogger(__name__)


def create(database: sqlite3.Connection) -> None:
    """Make the tables in an empty file. Raises sqlite3.Error."""
    database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    database.executescript(_SCHEMA)


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file, with its tables. Raises sqlite3.Error, or LogUnavailable for a file of another version."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            create(database)
        elif version != FORMAT:
            raise LogUnavailable(f"{path} was written by another version (format {version}, this one reads {FORMAT})")
        database.execute("PRAGMA journal_mode = WAL")
        # A commit is with the operating system; for it to be on the disk, Disk.sync is called.
        database.execute("PRAGMA synchronous = NORMAL")
        # Some builds of SQLite overwrite what is deleted; that would cost as much as writing it did.
        database.execute("PRAGMA secure_delete = OFF")
        database.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
    except BaseException:
        database.close()
        raise
    return database


def is_corruption(error: sqlite3.Error) -> bool:
    """Whether SQLite found the file damaged, and not that it is busy, full or away."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (_CORRUPT, _NOT_A_DATABASE)


class Disk:
    """The file to which SQLite appends its commits (write-ahead log)."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises OSError."""
        self._descriptor = os.open(path, os.O_RDWR)

    def sync(self) -> None:
        """Return when all commits so far are on the disk; made to be called in a thread. Raises OSError.

        Together with `synchronous = NORMAL`, which has SQLite do this only before it reuses the file, this is what
        `FULL` does within each commit.
        """
        _sync(self._descriptor)

    def __del__(self) -> None:
        os.close(self._descriptor)  # not before a thread that still uses it is through


_sync = getattr(os, "fdatasync", os.fsync)  # macOS has the latter only

Prepare = Callable[[Path, str | None], None]
"""Makes a file ready to be opened; told of the damage that was met when it was used, if there was any."""


class Database:
    """The open file. Whatever fails is LogUnavailable, and the next call finds a connection that works again."""

    def __init__(self, path: Path, prepare: Prepare) -> None:
        """Open or create it. Raises sqlite3.Error, OSError, LogUnavailable."""
        prepare(path, None)
        self.connection = _connect(path)
        self._path = path
        self._prepare = prepare
        self._on_reopened: Callable[[], None] = lambda: None
        self._disk: Disk | None = None

    def when_reopened(self, callback: Callable[[], None]) -> None:
        """Call `callback` after the file was opened anew: what a failed commit wrote may be in it after all."""
        self._on_reopened = callback

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        """All rows. Raises LogUnavailable."""
        return self.some(statement, parameters, lambda _: True)

    def some(self, statement: str, parameters: Sequence[object], go_on: Callable[[Any], bool]) -> list[Any]:
        """Rows up to and with the first after which `go_on(row)` is false. Raises LogUnavailable."""
        rows: list[Any] = []
        try:
            found = self.connection.execute(statement, parameters)
            for row in found:
                rows.append(row)
                if not go_on(row):
                    break
            found.close()  # what is half read holds up checkpoints
        except sqlite3.Error as error:
            self._recover(error)
            raise LogUnavailable(f"the event log cannot be read: {error}") from error
        return rows

    def write(self, *statements: tuple[str, Rows]) -> None:
        """As `put`, and return when it is durable. Raises LogUnavailable."""
        self.put(*statements)
        try:
            self.disk().sync()
        except OSError as error:
            raise self.lost(error) from error

    def put(self, *statements: tuple[str, Rows]) -> None:
        """Run statements, each for all its rows of parameters, in one transaction; durable once the disk is synced.

        Raises LogUnavailable.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                self.connection.executemany(statement, rows)
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._recover(error)
            raise LogUnavailable(f"the event log cannot be written: {error}") from error

    def disk(self) -> Disk:
        """What is to be synced. Raises OSError."""
        if self._disk is None:
            self._disk = Disk(self._path.with_name(self._path.name + "-wal"))
        return self._disk

    def lost(self, error: OSError) -> LogUnavailable:
        """What to tell when the disk could not be synced: what was put since it last was may be there or not."""
        # The system tells this once only, and counts as written what it could not write: so nothing is built on it.
        logger.error("%s cannot be written to the disk (%s): opening it anew", self._path, error)
        self._reopen(None)
        return LogUnavailable(f"the event log cannot be written: {error}")

    def shorten(self, pages: int) -> None:
        """Give up to `pages` that are not in use back to the system. Raises LogUnavailable."""
        try:
            # A script, as `execute` takes one step of a statement, which here is one page.
            self.connection.executescript(f"PRAGMA incremental_vacuum({pages})")
        except sqlite3.Error as error:
            self._recover(error)
            raise LogUnavailable(f"the event log cannot be written: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._disk = None
        self.connection.close()

    def _recover(self, error: sqlite3.Error) -> None:
        """Leave a transaction that failed; where even that fails, the connection is of no use any more."""
        if is_corruption(error):
            logger.error("%s is damaged (%s): it is written anew with all that is whole", self._path, error)
            self._reopen(str(error))
            return
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except sqlite3.Error:
            logger.exception("%s: opening it anew, as a transaction that failed cannot be left", self._path)
            self._reopen(None)

    def _reopen(self, problem: str | None) -> None:
        self._disk = None
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()
        try:
            self._prepare(self._path, problem)
            self.connection = _connect(self._path)
            self._on_reopened()
        except (sqlite3.Error, OSError, LogUnavailable):
            # The closed connection fails the next call, which comes by here again.
            logger.exception("%s cannot be opened", self._path)
            with contextlib.suppress(sqlite3.Error):
                self.connection.close()
