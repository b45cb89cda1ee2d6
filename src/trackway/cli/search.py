"""`trackway search`: finds trips and positions in Elasticsearch, and sets it up for them."""

import asyncio
import re
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.table import Table
from typer.core import TyperGroup

from trackway.cli.api import UNREACHABLE, USAGE, fail, out
from trackway.cli.trips import COLOURS, AsJson, clock
from trackway.cli.up import find_root
from trackway.events import DEFAULT_TENANT
from trackway.search.port import (
    Found,
    InvalidNear,
    InvalidSearchAddress,
    Near,
    Question,
    SearchUnavailable,
    parse_near,
)

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:9200"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(\d{1,6})([smhdw])\Z")

ElasticsearchUrl = Annotated[
    str,
    typer.Option(
        "--elasticsearch", envvar="TRACKWAY_ELASTICSEARCH", help="http[s]://[user:password@]host:port", show_envvar=True
    ),
]


class _TextOrCommand(TyperGroup):
    """``search setup`` is the command; any other first word is a text to search for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ours = not args or args in (["-h"], ["--help"]) or args[0] in self.commands
        return super().parse_args(ctx, args if ours else ["find", *args])


search = typer.Typer(
    cls=_TextOrCommand, help="Search trips and positions in Elasticsearch: trackway search TEXT.", no_args_is_help=True
)


@search.command("find")
def find(
    text: Annotated[str | None, typer.Argument(help="Words of a vehicle, route, geofence, or an id.")] = None,
    near: Annotated[str | None, typer.Option(help="A circle, as lat,lng,km.", metavar="LAT,LNG,KM")] = None,
    since: Annotated[str | None, typer.Option(help="An age such as 30m, 2h or 7d, or a moment (RFC 3339).")] = None,
    limit: Annotated[int, typer.Option(help="So many trips and vehicles at most.", min=1, max=500)] = 20,
    tenant: Annotated[str, typer.Option(envvar="TRACKWAY_TENANT", help="Whose.")] = DEFAULT_TENANT,
    elasticsearch: ElasticsearchUrl = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Trips and positions with these words, in this circle, since then."""
    question = Question(
        tenant=tenant,
        text=text or None,
        near=None if near is None else circle(near),
        since=None if since is None else moment(since, datetime.now(UTC)),
        limit=limit,
    )
    if question.text is None and question.near is None and question.since is None:
        fail("say what to search for: a text, --near or --since", USAGE)

    async def ask() -> Found:
        from trackway.search.finding import Finder  # noqa: PLC0415 - slow to import, and no other command needs it

        finder = Finder(elasticsearch)
        try:
            return await finder.find(question)
        finally:
            await finder.close()

    found = run(ask())
    if as_json:
        out.print_json(msgspec.json.encode(found).decode())
    else:
        show(found)


@search.command("setup")
def setup(
    elasticsearch: ElasticsearchUrl = DEFAULT_URL,
    lifecycle: Annotated[bool, typer.Option("--lifecycle", help="Also merge and drop old indices (ILM).")] = False,
    data_streams: Annotated[
        bool, typer.Option("--data-streams", help="Data streams instead of an index per month.")
    ] = False,
) -> None:
    """Put the index templates in place; before the first connector, and again after an update or each month."""

    async def put() -> None:
        from trackway.search.client import connect, explained  # noqa: PLC0415 - as above
        from trackway.search.templates import install  # noqa: PLC0415 - as above

        client = connect(elasticsearch)
        try:
            with explained(elasticsearch):
                folder, today = find_root() / "connect/index-templates", datetime.now(UTC).date()
                async for done in install(client, folder, today, lifecycle=lifecycle, data_streams=data_streams):
                    out.print(f"[green]✓[/] {done}")
        finally:
            await client.close()

    run(put())


def run(work: Coroutine[Any, Any, T]) -> T:
    """What it gives; whatever goes wrong ends the command with a sentence."""
    try:
        return asyncio.run(work)
    except SearchUnavailable as error:
        fail(str(error), UNREACHABLE)
    except InvalidSearchAddress as error:
        fail(str(error), USAGE)


def circle(text: str) -> Near:
    """``lat,lng,km`` read; ends the command when it is something else."""
    try:
        return parse_near(text)
    except InvalidNear as error:
        fail(f"--near {text}: {error}", USAGE)


def moment(text: str, now: datetime) -> datetime:
    """An age (``2h``) before ``now``, or a moment with its offset; ends the command when it is something else."""
    if age := _AGE.match(text):
        return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        fail(f"--since {text}: expected an age such as 30m, 2h or 7d, or a moment such as 2026-11-23T17:00:00Z", USAGE)
    return given.astimezone() if given.tzinfo is None else given


def show(found: Found) -> None:
    """Print what was found, for people."""
    trips = Table(box=None, pad_edge=False, title="trips", title_justify="left")
    for title in ("trip", "vehicle", "status", "started", "last heard"):
        trips.add_column(title)
    for trip in found.trips:
        started = "" if trip.started_at is None else clock(trip.started_at.isoformat())
        status = f"[{COLOURS.get(trip.status, '')}]{trip.status}[/]"
        trips.add_row(
            trip.trip_id, trip.vehicle_name or trip.vehicle_id, status, started, clock(trip.latest.isoformat())
        )
    places = Table(box=None, pad_edge=False, title=f"positions ({found.positions_total})", title_justify="left")
    for title in ("vehicle", "at", "place", "away", "trip"):
        places.add_column(title)
    for at in found.positions:
        away = "" if at.distance is None else f"{at.distance:.0f} m"
        when, place = clock(at.recorded_at.isoformat()), f"{at.lat:.5f},{at.lng:.5f}"
        places.add_row(at.vehicle_id, when, place, away, at.trip_id or "")
    if found.trips:
        out.print(trips)
    if found.positions:
        out.print(places)
    if not (found.trips or found.positions):
        out.print("nothing was found")
