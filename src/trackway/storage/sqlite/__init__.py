"""The store in one SQLite file, shared by all processes of a machine."""

from trackway.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
