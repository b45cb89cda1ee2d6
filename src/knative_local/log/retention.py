"""How long events are kept that every Trigger is through with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import merge
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Retention:
    """What is older than `age_ms`, over `count` events of a Broker or over `bytes` of the file goes, oldest first.

    Only events that every Trigger is through with go: nothing unread is lost, whatever its age or size.
    """

    age_ms: int = 24 * 3600 * 1000
    bytes: int = 2 << 30
    count: int | None = None


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
    size, most = excess.size, most_bytes
    for portion in merge(*by_broker, key=lambda portion: portion.appended_ms):
        if most <= 0:
            break
        old = portion.appended_ms < excess.before_ms or portion.last <= excess.upto.get(portion.broker, 0)
        if portion.broker in stays or not (old or size > 0):
            stays.add(portion.broker)
            continue
        go.append(portion)
        size -= portion.size
        most -= portion.size
    return go
