"""The archive of one tenant: a document for each day that names the files of its trips, and these by their content.

    <tenant>/days/2026-05-04.json            what the day holds, and how far pruning it has come
    <tenant>/trips/<sha256>.geojsonl.gz      a line of GeoJSON for each trip, compressed

A day has several files when trips of it came, or were told more of, after it was pruned. Nothing is pruned that was not
read back from the bucket before, and no file is replaced by one that holds less.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trackway.archive.bucket import ArchiveUnavailable, Bucket
from trackway.archive.trips import read_trip, reading, to_line, writing
from trackway.domain.trip import GRACE
from trackway.storage.port import Store, TripHistory

DAY: Final = timedelta(days=1)
CLOSES_AFTER: Final = GRACE + timedelta(hours=1)
"""After a day's end: positions may belong to a trip that long after it ended, and come a little later."""


class Part(Struct, frozen=True, kw_only=True):
    """A file of a day: its content's hash and size in bytes, which trips it holds, how many positions. ``pruning``
    since the store began to forget these trips, ``pruned`` when it has, but for those that it knew more of by then."""

    sha256: str
    size: int
    trips: list[str]
    positions: int
    pruning: bool = False
    pruned: bool = False

    def holds_no_less(self, other: "Part") -> bool:
        """Whether it may stand in the other's place."""
        return set(self.trips) >= set(other.trips) and self.positions >= other.positions


class Day(Struct, frozen=True, kw_only=True):
    """What is archived of the trips that ended on a day (UTC). Times are RFC 3339."""

    day: date
    tenant: str
    archived_at: datetime
    parts: list[Part]

    @property
    def trips(self) -> list[str]:
        """The ids of all of them."""
        return sorted({trip_id for part in self.parts for trip_id in part.trips})


class Archive:
    """Days of ``tenant`` in a bucket."""

    def __init__(self, bucket: Bucket, tenant: str) -> None:
        self._bucket = bucket
        self._tenant = tenant

    async def days(self) -> list[date]:
        """Those that are archived, the first first."""
        prefix = f"{self._tenant}/days/"
        keys = await self._bucket.keys(prefix)
        return [date.fromisoformat(key.removeprefix(prefix).removesuffix(".json")) for key in keys]

    async def day(self, day: date) -> Day | None:
        """What is archived of a day; None when nothing is."""
        content = await self._bucket.get(self._day_key(day))
        return None if content is None else msgspec.json.decode(content, type=Day)

    async def read(self, day: date) -> AsyncGenerator[TripHistory]:
        """A day's trips, each once, as it was archived with most positions. Raises ArchiveUnavailable when a file is
        missing or is not what it was."""
        archived = await self.day(day)
        parts = archived.parts if archived else []
        holders = await self._holders(parts) if len(parts) > 1 else {}
        for part in parts:
            async for trip in self._read_part(part):
                if holders.get(trip.trip.trip_id, part) is part:
                    yield trip

    async def archive(self, store: Store, day: date, now: datetime) -> Day | None:
        """Archive the trips that the store has of a day; what is there already is not sent again. None when the store
        has none and nothing is archived."""
        known = await self.day(day)
        kept = list(known.parts) if known else []
        with _folder() as folder:
            part = await self._written(store, day, folder / "trips")
            if part is None:
                return known
            await self._send(part, folder / "trips")
        last = kept[-1] if kept else None
        if last is not None and last.sha256 == part.sha256 and not last.pruned:
            return known
        if last is not None and (last.sha256 == part.sha256 or (not last.pruning and part.holds_no_less(last))):
            kept.pop()
        return await self._keep(Day(day=day, tenant=self._tenant, archived_at=now, parts=[*kept, part]))

    async def prune(self, store: Store, day: date, now: datetime) -> int:
        """Forget a day's trips, after it was archived once more as it is now and read back; gives how many."""
        known = await self.day(day)
        if known is None or not any(part.pruning and not part.pruned for part in known.parts):
            known = await self.archive(store, day, now)
        forgotten = 0
        for number, part in enumerate(known.parts if known else ()):
            if known is None or part.pruned:
                continue
            async with self._fetched(part) as file:
                # From here on this file is the only one that may hold all of its trips.
                known = await self._keep(_with_part(known, number, replace(part, pruning=True)))
                for trip in reading(file):
                    # One of which more has become known since stays, and goes into a file beside next time.
                    forgotten += await store.forget_trip(self._tenant, trip)
            known = await self._keep(_with_part(known, number, replace(part, pruning=True, pruned=True)))
        return forgotten

    async def _written(self, store: Store, day: date, file: Path) -> Part | None:
        """The store's trips of a day in a file; None when there is none."""
        trips: list[str] = []
        positions = 0
        with writing(file) as lines:
            async for archived in trips_of_day(store, self._tenant, day):
                lines.write(to_line(archived))
                trips.append(archived.trip.trip_id)
                positions += len(archived.positions)
        if not trips:
            return None
        hashed, size = _measured(file)
        return Part(sha256=hashed, size=size, trips=trips, positions=positions)

    async def _send(self, part: Part, file: Path) -> None:
        key = self._part_key(part)
        if await self._bucket.size(key) != part.size:
            await self._bucket.put_file(key, file)

    async def _read_part(self, part: Part) -> AsyncGenerator[TripHistory]:
        async with self._fetched(part) as file:
            for trip in reading(file):
                yield trip

    @asynccontextmanager
    async def _fetched(self, part: Part) -> AsyncGenerator[Path]:
        """A file of the archive's, whole and as it was."""
        with _folder() as folder:
            file = folder / "part"
            if not await self._bucket.fetch(self._part_key(part), file) or _measured(file)[0] != part.sha256:
                raise ArchiveUnavailable(f"the archive's file {self._part_key(part)} is missing or damaged")
            yield file

    async def _holders(self, parts: Sequence[Part]) -> dict[str, Part]:
        most: dict[str, tuple[int, Part]] = {}
        for part in parts:
            async for trip in self._read_part(part):
                count = len(trip.positions)
                known = most.get(trip.trip.trip_id)
                if known is None or count >= known[0]:
                    most[trip.trip.trip_id] = count, part
        return {trip_id: part for trip_id, (_, part) in most.items()}

    async def _keep(self, day: Day) -> Day:
        await self._bucket.put(self._day_key(day.day), msgspec.json.encode(day))
        return day

    def _day_key(self, day: date) -> str:
        return f"{self._tenant}/days/{day.isoformat()}.json"

    def _part_key(self, part: Part) -> str:
        return f"{self._tenant}/trips/{part.sha256}.geojsonl.gz"


async def trips_of_day(store: Store, tenant: str, day: date) -> AsyncGenerator[TripHistory]:
    """All that the store knows of the trips that ended on a day, by when they did."""
    begin = datetime.combine(day, time(), UTC)
    for trip in await store.trips_ended_between(tenant, begin, begin + DAY):
        archived = await read_trip(store, tenant, trip.trip_id)
        if archived is not None:
            yield archived


class Done(Struct, frozen=True, kw_only=True):
    """What a run has done."""

    archived: list[date]
    pruned: list[date]
    trips_forgotten: int
    is_over: bool


async def run(
    archive: Archive, store: Store, tenant: str, now: datetime, keep_days: int | None, go_on: Callable[[], bool]
) -> Done:
    """Archive each closed day that is not yet, then prune those that ended more than ``keep_days`` ago (None: none).
    After each day ``go_on`` is asked, and the next run does the rest."""
    earliest = await store.earliest_end(tenant)
    known = set(await archive.days())
    archived: list[date] = []
    pruned: list[date] = []
    forgotten = 0
    for day in _closed_days(earliest, now):
        if not go_on():
            return Done(archived=archived, pruned=pruned, trips_forgotten=forgotten, is_over=False)
        is_old = keep_days is not None and day < (now - timedelta(days=keep_days)).date()
        if is_old:
            count = await archive.prune(store, day, now)
            forgotten += count
            pruned += [day] if count else []
        elif day not in known and await archive.archive(store, day, now) is not None:
            archived.append(day)
    return Done(archived=archived, pruned=pruned, trips_forgotten=forgotten, is_over=True)


def _closed_days(earliest: datetime | None, now: datetime) -> list[date]:
    if earliest is None:
        return []
    first, last = earliest.astimezone(UTC).date(), (now - CLOSES_AFTER).astimezone(UTC).date() - DAY
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _with_part(day: Day, number: int, part: Part) -> Day:
    return replace(day, parts=[*day.parts[:number], part, *day.parts[number + 1 :]])


@contextmanager
def _folder() -> Generator[Path]:
    with TemporaryDirectory(prefix="trackway-archive-") as name:
        yield Path(name)


def _measured(file: Path) -> tuple[str, int]:
    """(hash of the content, bytes)."""
    hashed = sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(2**20):
            hashed.update(chunk)
    return hashed.hexdigest(), file.stat().st_size
