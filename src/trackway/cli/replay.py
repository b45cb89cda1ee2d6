"""`trackway replay`: a GPX file posts its points as a device would, over OsmAnd's protocol."""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple

import gpxpy
import gpxpy.gpx
import typer
from gpxpy.geo import get_course
from rich.progress import track

from trackway.cli.api import USAGE, Api, fail, out
from trackway.cli.trips import Url

METRES_PER_SECOND_IN_KNOTS = 1.943844
FASTEST = 480.0
"""Metres per second that ingest takes, with a little to spare."""


class Fix(NamedTuple):
    """A point of a track: seconds since its first point, degrees, metres per second (where known)."""

    elapsed: float
    lat: float
    lng: float
    speed: float | None
    bearing: float | None


def replay(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A GPX track.")],
    device: Annotated[str, typer.Option(help="The device's id, which is its vehicle's.")],
    speed: Annotated[float, typer.Option(help="How many times faster than it was recorded.", min=0.1, max=100)] = 1.0,
    url: Url = None,
) -> None:
    """Post the points of a GPX file as a device, at the pace they were recorded, as if the track began now."""
    fixes = read(file)
    api = Api(url)
    begin = time.monotonic()
    started_at = datetime.now(UTC)
    for fix in track(fixes, description=f"{device}", disable=not out.is_terminal):
        due = begin + fix.elapsed / speed
        time.sleep(max(0.0, due - time.monotonic()))  # the pace of the recording is what the command is for
        params: dict[str, str | float] = {"id": device, "lat": fix.lat, "lon": fix.lng}
        params["timestamp"] = f"{(started_at + timedelta(seconds=fix.elapsed / speed)).timestamp():.3f}"
        # Faster than it was recorded, a car may seem faster than any device reports; then its speed is left out.
        if fix.speed is not None and fix.speed * speed <= FASTEST:
            params["speed"] = fix.speed * speed * METRES_PER_SECOND_IN_KNOTS
        if fix.bearing is not None:
            params["bearing"] = fix.bearing
        api.request("POST", "/v1/ingest/osmand", params=params)
    out.print(f"[green]✓[/] {len(fixes)} positions of {device} were taken")


def read(file: Path) -> list[Fix]:
    """The points of all tracks (else of all routes) of a GPX file; points without times are a second apart."""
    try:
        gpx = gpxpy.parse(file.read_text())
    except (gpxpy.gpx.GPXException, UnicodeDecodeError) as error:
        fail(f"{file} is not GPX: {error}", USAGE)
    points: list[gpxpy.gpx.GPXTrackPoint | gpxpy.gpx.GPXRoutePoint] = [
        *itertools.chain.from_iterable(segment.points for track_ in gpx.tracks for segment in track_.segments)
    ] or [*itertools.chain.from_iterable(route.points for route in gpx.routes)]
    if not points:
        fail(f"{file} holds no track and no route.", USAGE)
    return list(_fixes(points))


def _fixes(points: list[gpxpy.gpx.GPXTrackPoint | gpxpy.gpx.GPXRoutePoint]) -> Iterator[Fix]:
    first = points[0].time
    elapsed = -1.0
    previous: gpxpy.gpx.GPXTrackPoint | gpxpy.gpx.GPXRoutePoint | None = None
    for point in points:
        timed = first is not None and point.time is not None
        now = (point.time - first).total_seconds() if timed and point.time and first else elapsed + 1
        if now <= elapsed:
            continue
        speed = bearing = None
        if previous is not None:
            metres = point.distance_2d(previous) or 0.0
            speed = metres / (now - elapsed)
            bearing = (
                get_course(previous.latitude, previous.longitude, point.latitude, point.longitude)
                if metres > 1
                else None
            )
        yield Fix(now, point.latitude, point.longitude, speed, bearing)
        elapsed, previous = now, point
