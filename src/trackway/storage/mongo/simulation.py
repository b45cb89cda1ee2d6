"""The shards' documents in MongoDB, changed by compare-and-set."""

from msgspec.structs import replace
from pymongo.errors import DuplicateKeyError

from trackway.storage.moments import micros, moment_or_none
from trackway.storage.mongo.connection import Document, MongoDatabase
from trackway.storage.port import Conflict, Shard


async def shard(db: MongoDatabase, tenant: str, number: int) -> Shard:
    document = await db["shard"].find_one(_id(tenant, number))
    return Shard(shard=number) if document is None else shard_from(document)


def shard_from(document: Document) -> Shard:
    """A kept one, read again."""
    return Shard(
        shard=int(document["shard"]),
        version=int(document["version"]),
        wanted=int(document["wanted"]),
        claim=document["claim"],
        claimed_until=moment_or_none(document["claimed_until_us"]),
        driven_until=moment_or_none(document["driven_until_us"]),
    )


async def update_shard(db: MongoDatabase, tenant: str, changed: Shard) -> Shard:
    following = replace(changed, version=changed.version + 1)
    if not await _replaced(db, tenant, changed.version, following):
        kept = await shard(db, tenant, changed.shard)
        raise Conflict(f"shard {changed.shard} was changed: it is at version {kept.version}, not {changed.version}")
    return following


async def _replaced(db: MongoDatabase, tenant: str, version: int, following: Shard) -> bool:
    document = document_of(tenant, following)
    if version == 0:  # as it is where none is kept yet
        try:
            await db["shard"].insert_one(document)
        except DuplicateKeyError:
            return False
        return True
    outcome = await db["shard"].replace_one({**_id(tenant, following.shard), "version": version}, document)
    return outcome.matched_count == 1


def document_of(tenant: str, kept: Shard) -> Document:
    """The shard as it is kept."""
    return {
        **_id(tenant, kept.shard),
        "tenant": tenant,
        "shard": kept.shard,
        "version": kept.version,
        "wanted": kept.wanted,
        "claim": kept.claim,
        "claimed_until_us": micros(kept.claimed_until),
        "driven_until_us": micros(kept.driven_until),
    }


def _id(tenant: str, number: int) -> Document:
    return {"_id": f"{tenant}/{number}"}
