"""The archive of one tenant: a document for each day that names the files of its trips, and these by their content.

    <tenant>/days/2026-05-04.json            what the day holds, and how far pruning it has come
    <tenant>/trips/<sha256>.geojsonl.gz      a line of GeoJSON for each trip that ended on the day, and for each vehicle
                                             that reported on it while on no trip; compressed

A day has several files when trips of it came, or were told more of, after it was pruned. Nothing is pruned that was not
read back from the bucket before, and no file is replaced by one that holds less.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trackway.archive.bucket import ArchiveUnavailable, Bucket
from trackway.archive.trips import Archived, LooseTrack, Tracks, read_trip, reading, to_line, writing
from trackway.domain.trip import GRACE
from trackway.storage.port import Store, TripHistory

DAY: Final = timedelta(days=1)
CLOSES_AFTER: Final = GRACE + timedelta(hours=1)
"""After a day's end: positions may belong to a trip that long after it ended, and come a little later."""


class Part(Struct, frozen=True, kw_only=True):
    """A file of a day: its content's hash and size in bytes, which trips it holds, loose tracks of which vehicles, how
    many positions. ``pruning`` since the store began to forget these, ``pruned`` when it has, but for what it knew more
    of by then."""

    sha256: str
    size: int
    trips: list[str]
    positions: int
    vehicles: list[str] = []
    pruning: bool = False
    pruned: bool = False

    def holds_no_less(self, other: "Part") -> bool:
        """Whether it may stand in the other's place."""
        trips, vehicles = set(self.trips) >= set(other.trips), set(self.vehicles) >= set(other.vehicles)
        return trips and vehicles and self.positions >= other.positions


class Day(Struct, frozen=True, kw_only=True):
    """What is archived of a day (UTC): trips that ended on it, and positions of it that belong to none. Times are
    RFC 3339."""

    day: date
    tenant: str
    archived_at: datetime
    parts: list[Part]

    @property
    def trips(self) -> list[str]:
        """The ids of all of them."""
        return sorted({trip_id for part in self.parts for trip_id in part.trips})


class Forgotten(NamedTuple):
    """How many trips the store has forgotten, and how many positions of none."""

    trips: int
    positions: int


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

    async def read(self, day: date) -> AsyncGenerator[Archived]:
        """A day's trips, each once, as it was archived with most positions; then its loose tracks. Raises
        ArchiveUnavailable when a file is missing or is not what it was."""
        archived = await self.day(day)
        parts = archived.parts if archived else []
        holders = await self._holders(parts) if len(parts) > 1 else {}
        tracks = Tracks()
        for part in parts:
            async for archived in self._read_part(part):
                if isinstance(archived, LooseTrack):
                    tracks.add(archived)
                elif holders.get(archived.trip.trip_id, part) is part:
                    yield archived
        for track in tracks.all():
            yield track

    async def archive(self, store: Store, day: date, now: datetime) -> Day | None:
        """Archive the trips and loose positions that the store has of a day; what is there already is not sent again.
        None when the store has none and nothing is archived."""
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

    async def prune(self, store: Store, day: date, now: datetime) -> Forgotten:
        """Forget a day's trips and loose positions, after it was archived once more as it is now and read back."""
        known = await self.day(day)
        if known is None or not any(part.pruning and not part.pruned for part in known.parts):
            known = await self.archive(store, day, now)
        trips = positions = 0
        for number, part in enumerate(known.parts if known else ()):
            if known is None or part.pruned:
                continue
            async with self._fetched(part) as file:
                # From here on this file is the only one that may hold all of its trips.
                known = await self._keep(_with_part(known, number, replace(part, pruning=True)))
                for archived in reading(file):
                    if isinstance(archived, LooseTrack):
                        positions += await store.forget_loose_positions(self._tenant, archived.positions)
                    else:  # one of which more has become known since stays, and goes into a file beside next time
                        trips += await store.forget_trip(self._tenant, archived)
            known = await self._keep(_with_part(known, number, replace(part, pruning=True, pruned=True)))
        return Forgotten(trips, positions)

    async def _written(self, store: Store, day: date, file: Path) -> Part | None:
        """What the store has of a day in a file; None when that is nothing."""
        trips: list[str] = []
        vehicles: list[str] = []
        positions = 0
        with writing(file) as lines:
            async for archived in of_day(store, self._tenant, day):
                lines.write(to_line(archived))
                if isinstance(archived, LooseTrack):
                    vehicles.append(archived.vehicle_id)
                else:
                    trips.append(archived.trip.trip_id)
                positions += len(archived.positions)
        if not (trips or vehicles):
            return None
        hashed, size = _measured(file)
        return Part(sha256=hashed, size=size, trips=trips, vehicles=vehicles, positions=positions)

    async def _send(self, part: Part, file: Path) -> None:
        key = self._part_key(part)
        if await self._bucket.size(key) != part.size:
            await self._bucket.put_file(key, file)

    async def _read_part(self, part: Part) -> AsyncGenerator[Archived]:
        async with self._fetched(part) as file:
            for archived in reading(file):
                yield archived

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
                if isinstance(trip, LooseTrack):
                    continue
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


async def of_day(store: Store, tenant: str, day: date) -> AsyncGenerator[Archived]:
    """All that the store has of a day: trips, then loose tracks."""
    async for trip in trips_of_day(store, tenant, day):
        yield trip
    async for track in tracks_of_day(store, tenant, day):
        yield track


async def tracks_of_day(store: Store, tenant: str, day: date) -> AsyncGenerator[LooseTrack]:
    """The positions of a day that belong to no trip, by vehicle."""
    begin = datetime.combine(day, time(), UTC)
    for vehicle_id in await store.reported_between(tenant, begin, begin + DAY):
        positions = await store.loose_positions(tenant, vehicle_id, begin, begin + DAY)
        if positions:
            yield LooseTrack(vehicle_id, positions)


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
    positions_forgotten: int
    """Of no trip."""

    is_over: bool


async def run(
    archive: Archive, store: Store, tenant: str, now: datetime, keep_days: int | None, go_on: Callable[[], bool]
) -> Done:
    """Archive each closed day that is not yet, then prune those that ended more than ``keep_days`` ago (None: none).
    After each day ``go_on`` is asked, and the next run does the rest."""
    begins = await store.earliest_end(tenant), await store.earliest_position(tenant)
    known = set(await archive.days())
    archived: list[date] = []
    pruned: list[date] = []
    trips = positions = 0
    is_over = True
    for day in _closed_days(min(filter(None, begins), default=None), now):
        if not go_on():
            is_over = False
            break
        is_old = keep_days is not None and day < (now - timedelta(days=keep_days)).date()
        if is_old:
            forgotten = await archive.prune(store, day, now)
            trips, positions = trips + forgotten.trips, positions + forgotten.positions
            pruned += [day] if any(forgotten) else []
        elif day not in known and await archive.archive(store, day, now) is not None:
            archived.append(day)
    return Done(archived=archived, pruned=pruned, trips_forgotten=trips, positions_forgotten=positions, is_over=is_over)


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
