"""One SQLite file and the one thread that all calls of a store go through, so that the event loop never waits for a
disk."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from trackway.storage.port import StoreUnavailable
from trackway.storage.sqlite.migrations import migrate

P = ParamSpec("P")
R = TypeVar("R")

BUSY_SECONDS = 5.0
"""How long a call waits for another process's transaction."""

_TRY_AGAIN = {
    sqlite3.SQLITE_BUSY: "is busy",
    sqlite3.SQLITE_LOCKED: "is locked",
    sqlite3.SQLITE_PROTOCOL: "is locked",
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full",
    sqlite3.SQLITE_IOERR: "cannot be read or written",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_READONLY: "is read-only",
    sqlite3.SQLITE_NOMEM: "does not fit into memory",
}


class Database:
    """The file at ``path``, opened and brought up to date by the first call. Every call raises StoreUnavailable, saying
    why, when trying again later may help."""

    def __init__(self, path: str, on_rollback: Callable[[], None]) -> None:
        """``on_rollback`` is called in the store's thread after a transaction failed, before the next one begins."""
        self._path = path
        self._on_rollback = on_rollback
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None

    async def read(
        self, query: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run ``query`` in a read transaction, so that all its statements see the same state."""
        return await self._in_thread(lambda: self._transaction("BEGIN", query, *args, **kwargs))

    async def write(
        self, change: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run ``change`` in a write transaction; what it did is on the disk when this returns, or not done at all."""
        return await self._in_thread(lambda: self._transaction("BEGIN IMMEDIATE", change, *args, **kwargs))

    async def close(self) -> None:
        """Close the file. Calls under way end first."""
        await self._in_thread(self._close)
        self._thread.shutdown()

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._explained, work)

    def _explained(self, work: Callable[[], R]) -> R:
        try:
            return work()
        except sqlite3.Error as error:
            # Extended codes carry the primary one in their lowest byte; errors of the module itself have none.
            code = getattr(error, "sqlite_errorcode", None)
            reason = None if code is None else _TRY_AGAIN.get(code & 0xFF)
            if reason is None:
                raise
            raise StoreUnavailable(f"the store {self._path} {reason} ({error})") from error

    def _transaction(
        self,
        begin: str,
        work: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        connection = self._connection or self._open()
        connection.execute(begin)
        try:
            result = work(connection, *args, **kwargs)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # some errors, as a full disk, have rolled back already
                connection.execute("ROLLBACK")
            self._on_rollback()
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        try:
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"the store {self._path} cannot be opened ({error})") from error
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            _use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            migrate(connection, self._path)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to its write-ahead log. SQLite does not wait for others here as it does elsewhere, so we do."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # in the store's own thread, so that no event loop waits
        else:
            return
