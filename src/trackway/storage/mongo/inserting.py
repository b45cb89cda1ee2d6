"""Inserting what may be there already: without order, so that what is there falls, and nothing is looked up before."""

from collections.abc import Sequence
from typing import Final

from pymongo.errors import BulkWriteError

from trackway.storage.mongo.connection import Document, MongoDatabase

_DUPLICATE: Final = 11000


async def insert_new(db: MongoDatabase, collection: str, documents: Sequence[Document]) -> int:
    """Insert those whose ``_id`` is not there yet; gives how many those were. The others stay as they are."""
    try:
        return len((await db[collection].insert_many(documents, ordered=False)).inserted_ids)
    except BulkWriteError as error:
        if not only_duplicates(error):
            raise
        return error.details["nInserted"]


def only_duplicates(error: BulkWriteError) -> bool:
    """Whether nothing else went wrong but that documents were there already."""
    details = error.details
    return not details["writeConcernErrors"] and all(each["code"] == _DUPLICATE for each in details["writeErrors"])
