"""Moving all that a store holds into another one: page by page, so that a copy goes on where it was cut off, and
checked at the end by what both say they hold."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, Protocol, runtime_checkable

import msgspec
from msgspec import Struct

from trackway.domain.trip import Trip, TripEnd
from trackway.events import Event, PositionRecorded, RoutePlanned, TripProgressed
from trackway.storage.port import DeadLetter, Shard

CHECKED_AT_ONCE: Final = 5000
_SUM_BITS: Final = 2**64


class RouteRecord(Struct, frozen=True, tag="route"):
    """A route."""

    tenant: str
    route: RoutePlanned


class TripRecord(Struct, frozen=True, tag="trip"):
    """All that is known under a trip's id: the trip, or the end or progress that came before it; and its key."""

    tenant: str
    trip_id: str
    trip: Trip | None
    end: TripEnd | None
    key: str | None
    progress: TripProgressed | None


class FactRecord(Struct, frozen=True, tag="fact"):
    """An event of a trip's timeline, at ``time_us`` (microseconds since 1970)."""

    tenant: str
    trip_id: str
    time_us: int
    event: Event


class PositionRecord(Struct, frozen=True, tag="position"):
    """A position; with its vehicle and time ``event_hash`` tells whose repeat it is."""

    tenant: str
    event_hash: int
    position: PositionRecorded


class ShardRecord(Struct, frozen=True, tag="shard"):
    """A shard's document."""

    tenant: str
    shard: Shard


class LetterRecord(Struct, frozen=True, tag="letter"):
    """A dead letter."""

    tenant: str
    letter: DeadLetter


Record = RouteRecord | TripRecord | FactRecord | PositionRecord | ShardRecord | LetterRecord
KINDS: Final = ("route", "trip", "fact", "position", "shard", "letter")
"""In this order they are copied: a trip after its route, a position after its trip."""

DONE: Final = "done"


@runtime_checkable
class Source(Protocol):
    """A store that can give all that it holds."""

    @property
    def name(self) -> str:
        """Which store this is, without a password."""
        ...

    async def close(self) -> None:
        """Release everything."""
        ...

    async def page(self, kind: str, after: str | None, limit: int) -> tuple[Sequence[Record], str | None]:
        """(records of the kind after that place, in an order of the store's; the place to go on from, or None at the
        end)."""
        ...


@runtime_checkable
class Copied(Source, Protocol):
    """A store that can take over what another one held."""

    async def take_over(self, kind: str, records: Sequence[Record]) -> None:
        """Keep them, all of that kind, as they are. To do it again changes nothing."""
        ...

    async def bookmarks(self, source: str) -> Mapping[str, str | None]:
        """How far each kind has come of a copy from ``source``; under DONE when it was finished."""
        ...

    async def set_bookmark(self, source: str, kind: str, place: str | None) -> None:
        """Keep how far a kind has come; None: it begins anew."""
        ...


class NotEmpty(Exception):
    """The store to copy into holds something that did not come by this copy; says what."""


class AlreadyCopied(Exception):
    """The copy was finished before; says when. The copied store may have been in use since."""


class Differs(Exception):
    """The copy does not hold what the source holds; says of which kinds, and what to do."""


class Digest(Struct, frozen=True):
    """What a store holds of a kind: how many, and a sum over all of their content in whatever order."""

    count: int
    sum: int


async def copy(source: Source, copied: Copied, batch: int, progress: Callable[[str, int], None]) -> dict[str, Digest]:
    """Copy all and check it; ``progress`` hears (kind, how many more). The place where each kind stands is kept in the
    copy after each batch, so a copy that was cut off goes on from there. Raises NotEmpty, AlreadyCopied, Differs."""
    name = source.name
    places = await copied.bookmarks(name)
    if DONE in places:
        raise AlreadyCopied(f"{name} was copied there {places[DONE]}; a new copy needs a new database")
    if not places:
        await _be_empty(copied)
        await copied.set_bookmark(name, KINDS[0], None)
    for kind in KINDS:
        async for records, place in _pages(source, kind, places.get(kind), batch):
            await copied.take_over(kind, records)
            await copied.set_bookmark(name, kind, place)
            progress(kind, len(records))
    held = {kind: await digest(source, kind) for kind in KINDS}
    wrong = [kind for kind in KINDS if await digest(copied, kind) != held[kind]]
    if wrong:
        for kind in KINDS:
            await copied.set_bookmark(name, kind, None)
        raise Differs(
            f"the copy's {', '.join(wrong)} records are not those of {name}: was something written meanwhile? Stop "
            "Trackway and run the copy again; it begins anew, and keeps nothing twice"
        )
    await copied.set_bookmark(name, DONE, datetime.now(UTC).isoformat(timespec="seconds"))
    return held


async def digest(store: Source, kind: str) -> Digest:
    """Reads all of the kind."""
    count = total = 0
    async for records, _ in _pages(store, kind, None, CHECKED_AT_ONCE):
        for record in records:
            hashed = blake2b(msgspec.msgpack.encode(record), digest_size=8).digest()
            total = (total + int.from_bytes(hashed, "big")) % _SUM_BITS
        count += len(records)
    return Digest(count, total)


async def _pages(
    store: Source, kind: str, after: str | None, limit: int
) -> AsyncGenerator[tuple[Sequence[Record], str]]:
    place = after
    while True:
        records, place = await store.page(kind, place, limit)
        if place is None:
            return
        yield records, place


async def _be_empty(copied: Copied) -> None:
    for kind in KINDS:
        records, _ = await copied.page(kind, None, 1)
        if records:
            raise NotEmpty(f"{copied.name} holds {kind} records already; copy into a database of its own")
