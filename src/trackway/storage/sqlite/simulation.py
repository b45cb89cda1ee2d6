"""The shards' documents in SQLite, changed by compare-and-set."""

import sqlite3

from msgspec.structs import replace

from trackway.storage.moments import micros, moment_or_none
from trackway.storage.port import Conflict, Shard


def shard(db: sqlite3.Connection, tenant: str, number: int) -> Shard:
    row = db.execute(
        "SELECT version, wanted, claim, claimed_until_us, driven_until_us FROM shard WHERE tenant = ? AND shard = ?",
        (tenant, number),
    ).fetchone()
    if row is None:
        return Shard(shard=number)
    version, wanted, claim, claimed_until, driven_until = row
    return Shard(
        shard=number,
        version=version,
        wanted=wanted,
        claim=claim,
        claimed_until=moment_or_none(claimed_until),
        driven_until=moment_or_none(driven_until),
    )


def update_shard(db: sqlite3.Connection, tenant: str, changed: Shard) -> Shard:
    kept = shard(db, tenant, changed.shard)
    if kept.version != changed.version:
        raise Conflict(f"shard {changed.shard} was changed: it is at version {kept.version}, not {changed.version}")
    following = replace(changed, version=changed.version + 1)
    db.execute(
        "INSERT OR REPLACE INTO shard VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            tenant,
            following.shard,
            following.version,
            following.wanted,
            following.claim,
            micros(following.claimed_until),
            micros(following.driven_until),
        ),
    )
    return following
