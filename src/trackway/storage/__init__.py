"""Where facts are kept: the port, its implementations, and opening one by its address."""

from typing import Final

from trackway.storage.port import Store

MONGO: Final = ("mongodb://", "mongodb+srv://")
"""What addresses of a MongoDB begin with."""


def open_store(url: str) -> Store:
    """The store at ``sqlite:///relative/path``, ``sqlite:////absolute/path``, ``mongodb://host:port/database`` (or
    ``mongodb+srv://``) or ``memory://``; nothing is opened until the first call. Raises ValueError naming what is
    served."""
    from trackway.storage.measured import measured  # noqa: PLC0415 - who imports the port alone opens nothing

    return measured(_opened(url))


def _opened(url: str) -> Store:
    if url == "memory://":
        from trackway.storage.memory import InMemoryStore  # noqa: PLC0415 - only what is asked for is loaded

        return InMemoryStore()
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        from trackway.storage.sqlite import SqliteStore  # noqa: PLC0415 - only what is asked for is loaded

        return SqliteStore(url.removeprefix("sqlite:///"))
    if url.startswith(MONGO):
        from trackway.storage.mongo import MongoStore  # noqa: PLC0415 - only what is asked for is loaded

        return MongoStore(url)
    raise ValueError(
        f"store address {url!r} is not served; use sqlite:///path/to/file.db, mongodb://host:port/database or memory://"
    )
