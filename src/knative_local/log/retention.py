"""How long events are kept that every Trigger is through with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import merge
from typing import NamedTuple

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kKMGT]?)(i?)B?")


@dataclass(frozen=True, slots=True)
class Retention:
    """What is older than `age_ms`, over `count` events of a Broker or over `bytes` of the file goes, oldest first.

    Only events that every Trigger is through with go: nothing unread is lost, whatever its age or size.
    """

    age_ms: int = 24 * 3600 * 1000
    bytes: int = 2 * 1000**3
    count: int | None = None


def size(text: str) -> int | None:
    """Bytes, from a size as people write it (`2GB`, `500 MB`, `1.5GiB`); None when it is none."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    number, prefix, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index(prefix.upper() or " "))


class Portion(NamedTuple):
    """Events that can only go together: `number` of one Broker, up to the offset `last`."""

    appended_ms: int
    broker: str
    last: int
    number: int
    size: int


class Excess(NamedTuple):
    """What is too much: all older than `before_ms`, below the Brokers' offsets `upto`, and `size` bytes of the rest."""

    before_ms: int
    upto: Mapping[str, int]
    size: int


def to_prune(by_broker: Iterable[Iterable[Portion]], excess: Excess, most_bytes: int) -> list[Portion]:
    """What goes: the beginnings of the Brokers' logs, no more at once than `most_bytes` (and a portion).

    Each Broker's portions come in the order of their offsets.
    """
    go: list[Portion] = []
    stays: set[str] = set()
    too_much, most = excess.size, most_bytes
    for portion in merge(*by_broker, key=lambda portion: portion.appended_ms):
        if most <= 0:
            break
        old = portion.appended_ms < excess.before_ms or portion.last <= excess.upto.get(portion.broker, 0)
        if portion.broker in stays or not (old or too_much > 0):
            stays.add(portion.broker)
            continue
        go.append(portion)
        too_much -= portion.size
        most -= portion.size
    return go
