"""Which of a topic's partitions an event lies in: that of its key, as Java's clients place it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

from knative_local.cloudevent import CloudEvent

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C
_POSITIVE = 0x7FFFFFFF


def partitions_of(events: Sequence[CloudEvent], count: int) -> list[int]:
    """The partition of each, of `count`; those without a key go to one by chance, together."""
    by_chance = random.randrange(count)  # noqa: S311 - to spread them
    keys = CloudEvent.column(events, "partitionkey")
    return [_hash_of(key) % count if key else by_chance for key in keys]


@lru_cache(1 << 16)
def _hash_of(key: str) -> int:
    return murmur2(key.encode())


def murmur2(data: bytes) -> int:
    """The hash of a key, made positive. Source: org.apache.kafka.common.utils.Utils.murmur2, toPositive."""
    whole = len(data) & ~3
    h = _SEED ^ len(data)
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return (h ^ h >> 15) & _POSITIVE
