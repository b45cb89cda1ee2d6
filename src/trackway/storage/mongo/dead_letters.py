"""Dead letters in MongoDB."""

from collections.abc import Sequence

import msgspec
from pymongo import ReplaceOne

from trackway.events import Event
from trackway.storage.moments import micros, moment
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.port import DeadLetter

_event = msgspec.msgpack.Decoder(Event)


async def add_dead_letters(db: MongoDatabase, tenant: str, letters: Sequence[DeadLetter]) -> None:
    # In their order: of two of one id the later one stays.
    replacing = [
        ReplaceOne(_id(tenant, letter.letter_id), document_of(tenant, letter), upsert=True) for letter in letters
    ]
    if replacing:
        await db["dead_letter"].bulk_write(replacing)


async def dead_letters(db: MongoDatabase, tenant: str, limit: int) -> tuple[list[DeadLetter], int]:
    kept = db["dead_letter"]
    found = kept.find({"tenant": tenant}).sort([("failed_us", -1), ("letter_id", -1)]).limit(limit)
    return [letter_from(document) async for document in found], await kept.count_documents({"tenant": tenant})


async def dead_letter(db: MongoDatabase, tenant: str, letter_id: str) -> DeadLetter | None:
    document = await db["dead_letter"].find_one(_id(tenant, letter_id))
    return None if document is None else letter_from(document)


async def drop_dead_letter(db: MongoDatabase, tenant: str, letter_id: str) -> bool:
    return (await db["dead_letter"].delete_one(_id(tenant, letter_id))).deleted_count > 0


def _id(tenant: str, letter_id: str) -> Document:
    return {"_id": f"{tenant}/{letter_id}"}


def document_of(tenant: str, letter: DeadLetter) -> Document:
    """The letter as it is kept."""
    return {
        **_id(tenant, letter.letter_id),
        "tenant": tenant,
        "letter_id": letter.letter_id,
        "failed_us": micros(letter.failed_at),
        "event": msgspec.msgpack.encode(letter.event),
        "destination": letter.destination,
        "code": letter.code,
        "reason": letter.reason,
    }


def letter_from(document: Document) -> DeadLetter:
    """A kept one, read again."""
    return DeadLetter(
        letter_id=document["letter_id"],
        event=_event.decode(document["event"]),
        failed_at=moment(document["failed_us"]),
        destination=document["destination"],
        code=document["code"],
        reason=document["reason"],
    )
