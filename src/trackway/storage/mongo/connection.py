"""One connection pool to a MongoDB, opened and brought up to date by the first call that needs it."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from trackway.storage.mongo.address import Address
from trackway.storage.mongo.migrations import migrate
from trackway.storage.port import StoreUnavailable

Document = dict[str, Any]
MongoDatabase = AsyncDatabase[Document]
P = ParamSpec("P")
R = TypeVar("R")

DEFAULTS: Final[dict[str, Any]] = {
    "appname": "trackway",
    "connecttimeoutms": 5000,
    "serverselectiontimeoutms": 5000,  # as long as SQLite waits for others
    "sockettimeoutms": 20_000,
    "waitqueuetimeoutms": 5000,
    "maxpoolsize": 20,
    # What is acknowledged is on the disks of most: a function answers its broker on that.
    "w": "majority",
    "journal": True,
    "wtimeoutms": 10_000,
    "retrywrites": True,
}
"""What the address does not say otherwise. Names in lower case, as pymongo compares them."""

_NOT_ENOUGH_SPACE = 14031
_UNAUTHORIZED = {13, 18}


class Database:
    """The database at ``address``. Every call raises StoreUnavailable, saying why, when trying again later may help."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: AsyncMongoClient[Document] | None = None
        self._ready: MongoDatabase | None = None
        self._opening = asyncio.Lock()

    async def run(
        self,
        work: Callable[Concatenate[MongoDatabase, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """What ``work`` gives for the opened database."""
        with explained(self._address.where):
            database = self._ready
            if database is None:
                database = await self._open()
            return await work(database, *args, **kwargs)

    async def close(self) -> None:
        """Close all connections."""
        self._ready = None
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _open(self) -> MongoDatabase:
        async with self._opening:  # one of those that call at once opens, the others find it done
            if self._ready is None:
                client = self._client = self._client or connect(self._address)
                database = client[self._address.database]
                await migrate(database, self._address)
                self._ready = database
            return self._ready


def connect(address: Address) -> AsyncMongoClient[Document]:
    """A client with our defaults for what the address leaves open; it connects when it is first used."""
    said = {option.partition("=")[0].lower() for option in address.url.partition("?")[2].split("&")}
    if "tls" in said or "ssl" in said:
        said |= {"tls", "ssl"}
    return AsyncMongoClient(address.url, **{name: value for name, value in DEFAULTS.items() if name not in said})


@contextmanager
def explained(where: str) -> Generator[None]:
    """pymongo's errors that time or an operator may heal, as StoreUnavailable that says which server it is."""
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout, ConfigurationError) as error:
        raise StoreUnavailable(f"the store {where} cannot be reached ({_first_line(error)})") from error
    except OperationFailure as error:
        reason = _passing(error)
        if reason is None:
            raise
        raise StoreUnavailable(f"the store {where} {reason} ({_first_line(error)})") from error


def _passing(error: OperationFailure) -> str | None:
    """What is the matter, when it may pass."""
    codes = {error.code}
    unconfirmed = isinstance(error, WriteConcernError)
    if isinstance(error, BulkWriteError):
        codes |= {each["code"] for each in error.details["writeErrors"]}
        unconfirmed = bool(error.details["writeConcernErrors"])
    if codes & _UNAUTHORIZED:
        return "refuses us"
    if _NOT_ENOUGH_SPACE in codes:
        return "cannot grow, its disk is full"
    if unconfirmed:
        return "has too few members that confirm what is written"
    if error.has_error_label("RetryableWriteError"):  # a primary that steps down, a node that shuts down
        return "is changing its primary"
    return None


def _first_line(error: PyMongoError) -> str:
    # What follows describes the whole topology: of no use in a sentence.
    return str(error).partition(", Timeout:")[0].partition("\n")[0][:200]
