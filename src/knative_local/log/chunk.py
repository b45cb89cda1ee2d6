"""The events of one commit and Broker in one row: their JSON byte by byte as it came, under a checksum."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from struct import Struct, error
from typing import NamedTuple
from zlib import crc32

# What is read at once to get at one event, and what one damaged byte can cost.
MOST_BYTES = 256 << 10
_HEAD = Struct("<qqq")
_SIZE_CODE = "I"  # 32 bits, little-endian


class Chunk(NamedTuple):
    """A row: `position` of the first event, the `number` of them, their lengths in `sizes`, their JSON in `events`."""

    position: int
    number: int
    appended_ms: int
    crc: int
    sizes: bytes
    events: bytes

    def is_whole(self) -> bool:
        """Whether it is what was written."""
        try:
            return _checksum(self.position, self.number, self.appended_ms, self.sizes, self.events) == self.crc
        except (error, TypeError):  # a damaged row may have a text where there was a number
            return False

    def jsons(self, skip: int, limit: int) -> Iterator[bytes]:
        """The JSON of `limit` events at most, behind the first `skip`."""
        ends = list(accumulate(_sizes(self.sizes), initial=0))
        for begin, end in zip(islice(ends, skip, skip + limit), islice(ends, skip + 1, None), strict=False):
            yield self.events[begin:end]


def chunks(position: int, appended_ms: int, jsons: Sequence[bytes]) -> list[Chunk]:
    """As few chunks as it takes for `jsons`; only an event that is larger itself makes one of over MOST_BYTES."""
    sizes = list(map(len, jsons))
    if sum(sizes) <= MOST_BYTES:
        return [_chunk(position, appended_ms, sizes, jsons)]
    made: list[Chunk] = []
    begin = held = 0
    for index, size in enumerate(sizes):
        if held and held + size > MOST_BYTES:
            made.append(_chunk(position + begin, appended_ms, sizes[begin:index], jsons[begin:index]))
            begin, held = index, 0
        held += size
    made.append(_chunk(position + begin, appended_ms, sizes[begin:], jsons[begin:]))
    return made


def _chunk(position: int, appended_ms: int, sizes: list[int], jsons: Sequence[bytes]) -> Chunk:
    table = array(_SIZE_CODE, sizes)
    if sys.byteorder == "big":
        table.byteswap()
    packed, events = table.tobytes(), b"".join(jsons)
    crc = _checksum(position, len(sizes), appended_ms, packed, events)
    return Chunk(position, len(sizes), appended_ms, crc, packed, events)


def _sizes(packed: bytes) -> array[int]:
    table = array(_SIZE_CODE)
    table.frombytes(packed)
    if sys.byteorder == "big":
        table.byteswap()
    return table


def _checksum(position: int, number: int, appended_ms: int, sizes: bytes, events: bytes) -> int:
    return crc32(events, crc32(sizes, crc32(_HEAD.pack(position, number, appended_ms))))
