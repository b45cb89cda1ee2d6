"""The stores that the contract is held to."""

import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from trackway.storage import open_store
from trackway.storage.port import Store, StoredPosition
from trackway.storage.sqlite import SqliteStore


class MergedStore(SqliteStore):
    """A store whose positions never wait to be merged."""

    async def append_positions(self, tenant: str, positions: Sequence[StoredPosition]) -> int:
        new = await super().append_positions(tenant, positions)
        assert await self._db.write(self._appender.merge) == 0
        return new


def fresh_database(server: str) -> str:
    """The address of a database on the server that nobody has used; whatever options the server's has, it has too."""
    parts = urlsplit(server)
    return urlunsplit(parts._replace(path=f"/trackway-test-{uuid.uuid4().hex[:16]}"))


@pytest.fixture
def mongo_url(request: pytest.FixtureRequest) -> str:
    """A fresh database."""
    return fresh_database(request.getfixturevalue("mongo_server"))


@pytest.fixture(params=["memory", "sqlite", "sqlite, all merged", "mongo"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    match request.param:
        case "memory":
            opened: Store = open_store("memory://")
        case "sqlite":
            opened = open_store(f"sqlite:///{tmp_path}/deep/store.db")
        case "mongo":
            opened = open_store(request.getfixturevalue("mongo_url"))
        case _:
            opened = MergedStore(str(tmp_path / "store.db"))
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "mongo"])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Store, Store]]:
    """Two stores on one file or database, as two processes have them."""
    url = f"sqlite:///{tmp_path}/store.db" if request.param == "sqlite" else request.getfixturevalue("mongo_url")
    one, other = open_store(url), open_store(url)
    yield one, other
    await one.close()
    await other.close()
