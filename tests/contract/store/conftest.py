"""The stores that the contract is held to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trackway.storage import open_store
from trackway.storage.port import Store


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
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
