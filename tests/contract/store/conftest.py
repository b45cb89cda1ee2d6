"""The stores that the contract is held to."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

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


@pytest.fixture(params=["memory", "sqlite", "sqlite, all merged"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite, all merged":
        opened: Store = MergedStore(str(tmp_path / "store.db"))
    else:
        opened = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/deep/store.db")
    yield opened
    await opened.close()


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Store, Store]]:
    """Two stores on one file, as two processes have them."""
    url = f"sqlite:///{tmp_path}/store.db"
    one, other = open_store(url), open_store(url)
    yield one, other
    await one.close()
    await other.close()
