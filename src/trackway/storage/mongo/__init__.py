"""The store in a MongoDB, shared by the processes of many machines."""

from trackway.storage.mongo.store import MongoStore

__all__ = ["MongoStore"]
