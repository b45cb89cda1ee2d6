"""`trackway archive`: days of trips in a bucket: written, listed, taken out again, driven once more."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import gpxpy.gpx
import typer
from rich.progress import track
from rich.table import Table

from trackway.archive import Archive, UnusableArchive, open_bucket, run
from trackway.archive.archive import of_day
from trackway.archive.trips import Archived, LooseTrack, Tracks, to_line
from trackway.cli.api import UNREACHABLE, USAGE, Api, fail, out
from trackway.cli.trips import Url
from trackway.events import DEFAULT_TENANT
from trackway.storage import open_store
from trackway.storage.port import Store, StoreUnavailable, TripHistory

archive = typer.Typer(help="Days of trips in an S3 bucket.", no_args_is_help=True)

Address = Annotated[
    str,
    typer.Option("--archive", envvar="TRACKWAY_ARCHIVE", help="s3://bucket/prefix; AWS_ENDPOINT_URL names its server."),
]
MaybeAddress = Annotated[
    str | None, typer.Option("--archive", envvar="TRACKWAY_ARCHIVE", help="s3://bucket/prefix, for days long past.")
]
StoreAddress = Annotated[str, typer.Option("--store", envvar="TRACKWAY_STORE", help="Where trips are kept.")]
Tenant = Annotated[str, typer.Option(envvar="TRACKWAY_TENANT", help="Whose trips.")]
DayOption = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day (UTC) on which the trips ended.")]
STORE = "sqlite:///var/trackway.db"
T = TypeVar("T")


class Format(StrEnum):
    """What a day is written as."""

    GEOJSONL = "geojsonl"
    GPX = "gpx"


@archive.command("run")
def run_archive(
    address: Address,
    store: StoreAddress = STORE,
    tenant: Tenant = DEFAULT_TENANT,
    keep_days: Annotated[
        int | None,
        typer.Option(envvar="TRACKWAY_KEEP_DAYS", help="The store forgets archived trips older than that.", min=1),
    ] = None,
) -> None:
    """Archive each day that is over, as the function of that name does every hour; what is done is not done again."""

    async def work(opened: Store, bucket: Archive) -> None:
        done = await run(bucket, opened, tenant, datetime.now(UTC), keep_days, lambda: True)
        out.print(f"[green]✓[/] archived {listed(done.archived)}; pruned {listed(done.pruned)}", soft_wrap=True)

    with_both(address, store, tenant, work)


@archive.command("list")
def list_days(address: Address, tenant: Tenant = DEFAULT_TENANT) -> None:
    """List the days that are archived."""

    async def work(bucket: Archive) -> Table | None:
        table = Table(box=None, header_style="dim", pad_edge=False)
        for column in ("day", "trips", "positions", "bytes", "in the store"):
            table.add_column(column, justify="left" if column in {"day", "in the store"} else "right")
        for day in await bucket.days():
            held = await bucket.day(day)
            if held is not None:
                positions, size = sum(p.positions for p in held.parts), sum(p.size for p in held.parts)
                kept = "no more" if all(part.pruned for part in held.parts) else "too"
                table.add_row(str(day), f"{len(held.trips):,}", f"{positions:,}", f"{size:,}", kept)
        return table if table.row_count else None

    out.print(explained(work(opened_archive(address, tenant))) or "[dim]Nothing is archived yet.[/]")


@archive.command()
def export(
    day: DayOption,
    address: MaybeAddress = None,
    store: StoreAddress = STORE,
    tenant: Tenant = DEFAULT_TENANT,
    to: Annotated[Path | None, typer.Option(help="A file; standard output when not given.")] = None,
    format: Annotated[Format, typer.Option(help="All that is known as lines of GeoJSON, or tracks.")] = Format.GEOJSONL,
) -> None:
    """Write a day's trips, and the positions of it that belong to none, to a file, whether the store has them still or
    only the archive."""

    async def work() -> list[Archived]:
        return [each async for each in day_of(day.date(), address, store, tenant)]

    found = explained(work())
    if not found:
        fail(f"No trip ended on {day.date()}, and nobody reported.")
    content = b"".join(map(to_line, found)) if format is Format.GEOJSONL else to_gpx(found)
    if to is None:
        sys.stdout.buffer.write(content)
    else:
        to.write_bytes(content)
        trips = sum(isinstance(each, TripHistory) for each in found)
        out.print(f"[green]✓[/] {trips} trips of {day.date()} are in {to}", soft_wrap=True)


@archive.command()
def replay(
    day: DayOption,
    address: MaybeAddress = None,
    store: StoreAddress = STORE,
    tenant: Tenant = DEFAULT_TENANT,
    trip: Annotated[str | None, typer.Option(help="Only this trip.")] = None,
    speed: Annotated[float, typer.Option(help="How many times faster than it was.", min=0.1, max=10_000)] = 60.0,
    prefix: Annotated[str, typer.Option(help="Begins the names of the vehicles that drive once more.")] = "replay-",
    url: Url = None,
) -> None:
    """Drive a day once more on the live map: each vehicle's positions are posted again as a device's, at the pace of
    then times --speed, under another name, so that no vehicle of now is disturbed."""

    async def work() -> list[Archived]:
        return [each async for each in day_of(day.date(), address, store, tenant)]

    found = [each for each in explained(work()) if trip is None or trip_of(each) == trip]
    fixes = sorted(
        ((position.recorded_at, position.vehicle_id, position) for each in found for position in each.positions),
        key=lambda fix: fix[:2],
    )
    if not fixes:
        fail(f"There are no positions of {f'trip {trip} on ' if trip else ''}{day.date()}.")
    api, begin, first, started_at = Api(url), time.monotonic(), fixes[0][0], datetime.now(UTC)
    for recorded_at, vehicle_id, position in track(fixes, description=str(day.date()), disable=not out.is_terminal):
        elapsed = (recorded_at - first) / speed
        time.sleep(max(0.0, begin + elapsed.total_seconds() - time.monotonic()))  # the pace is what it is for
        body: dict[str, Any] = {"id": f"{prefix}{vehicle_id}"[:64], "lat": position.lat, "lng": position.lng}
        body["recorded_at"] = (started_at + elapsed).isoformat()
        body |= {} if position.heading is None else {"heading": position.heading}
        api.post("/v1/ingest", body)
    trips = sum(isinstance(each, TripHistory) for each in found)
    out.print(f"[green]✓[/] {len(fixes)} positions of {trips} trips were driven once more")


async def day_of(day: date, address: str | None, store: str, tenant: str) -> AsyncGenerator[Archived]:
    """The trips that the store has of a day, then those that only the archive has, then both's positions of none."""
    seen: set[str] = set()
    tracks = Tracks()
    async with opened_store(store) as opened:
        async for archived in of_day(opened, tenant, day):
            if isinstance(archived, LooseTrack):
                tracks.add(archived)
            else:
                seen.add(archived.trip.trip_id)
                yield archived
    if address is not None:
        async for archived in opened_archive(address, tenant).read(day):
            if isinstance(archived, LooseTrack):
                tracks.add(archived)
            elif archived.trip.trip_id not in seen:
                yield archived
    for loose in tracks.all():
        yield loose


def trip_of(archived: Archived) -> str | None:
    """The id of the trip, if it is one."""
    return archived.trip.trip_id if isinstance(archived, TripHistory) else None


def to_gpx(found: Iterable[Archived]) -> bytes:
    """A track for each trip, and for each vehicle's positions of none."""
    document = gpxpy.gpx.GPX()
    document.creator = "Trackway"
    for each in found:
        is_trip = isinstance(each, TripHistory)
        line = gpxpy.gpx.GPXTrack(name=f"{each.trip.vehicle_name} {each.trip.trip_id}" if is_trip else each.vehicle_id)
        points = [
            gpxpy.gpx.GPXTrackPoint(p.lat, p.lng, elevation=p.altitude, time=p.recorded_at) for p in each.positions
        ]
        line.segments.append(gpxpy.gpx.GPXTrackSegment(points))
        document.tracks.append(line)
    return document.to_xml().encode()


def listed(days: list[date]) -> str:
    """Days in a sentence."""
    return ", ".join(map(str, days)) or "nothing"


def opened_archive(address: str, tenant: str) -> Archive:
    """The tenant's archive at the address; ends the command when it cannot be one."""
    try:
        return Archive(open_bucket(address), tenant)
    except UnusableArchive as error:
        fail(str(error), USAGE)


@asynccontextmanager
async def opened_store(address: str) -> AsyncGenerator[Store]:
    """The store at the address, closed at the end; ends the command when it cannot be one."""
    try:
        opened = open_store(address)
    except ValueError as error:
        fail(str(error), USAGE)
    try:
        yield opened
    finally:
        await opened.close()


def with_both(
    address: str, store: str, tenant: str, work: Callable[[Store, Archive], Coroutine[Any, Any, None]]
) -> None:
    """Run on the store and the archive."""

    async def opened() -> None:
        bucket = opened_archive(address, tenant)
        async with opened_store(store) as kept:
            await work(kept, bucket)

    explained(opened())


def explained(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; ends the command with a sentence when store or archive are away."""
    try:
        return asyncio.run(work)
    except StoreUnavailable as error:
        fail(str(error), UNREACHABLE)
