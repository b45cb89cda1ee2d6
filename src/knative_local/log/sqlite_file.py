"""The SQLite file of the log: its tables, how it is opened, and writing to it in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from knative_local.log.port import LogUnavailable

_SCHEMA_VERSION = 1
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE brokers (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, pruned INTEGER NOT NULL DEFAULT 0);
CREATE TABLE events (position INTEGER PRIMARY KEY, appended_ms INTEGER NOT NULL, event BLOB NOT NULL);
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
PRAGMA user_version = {_SCHEMA_VERSION};
COMMIT;
"""
_WAL_KEPT_BYTES = 16 << 20

Rows = Sequence[tuple[object, ...]]


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, with its tables. Raises sqlite3.Error, or LogUnavailable for a file of another version."""
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on the disk, not only with the operating system, before anyone is told 202.
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            database.executescript(_SCHEMA)
        elif version != _SCHEMA_VERSION:
            raise LogUnavailable(
                f"{path} was written by another version (format {version}, this one reads {_SCHEMA_VERSION})"
            )
    except BaseException:
        database.close()
        raise
    return database


def write(database: sqlite3.Connection, *statements: tuple[str, Rows]) -> None:
    """Run statements, each for all its rows of parameters, in one durable transaction. Raises LogUnavailable."""
    try:
        database.execute("BEGIN IMMEDIATE")
        for statement, rows in statements:
            database.executemany(statement, rows)
        database.execute("COMMIT")
    except sqlite3.Error as error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise LogUnavailable(f"the event log cannot be written: {error}") from error
