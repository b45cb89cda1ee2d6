"""`trackway vehicles`: where the fleet is, or who is near a place."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from trackway.cli.api import USAGE, Api, fail, out
from trackway.cli.trips import AsJson, Url
from trackway.search.port import InvalidNear, parse_near


def vehicles(
    near: Annotated[
        str | None, typer.Option(help="Only those in this circle, nearest first.", metavar="LAT,LNG,KM")
    ] = None,
    limit: Annotated[int, typer.Option(help="With --near: so many at most.", min=1, max=500)] = 20,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show every vehicle where it was last, or who is near a place."""
    found = all_of(Api(url)) if near is None else nearest(Api(url), near, limit)
    if as_json:
        out.print_json(json.dumps(found))
        return
    now = datetime.now(UTC)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("vehicle", "name", "away", "position", "seen", "trip"):
        if column != "away" or near is not None:
            is_id = column in {"vehicle", "trip"}
            table.add_column(column, justify="right" if column == "away" else "left", no_wrap=is_id, overflow="fold")
    for each in found:
        away = [] if near is None else [kilometres(each["distance"])]
        table.add_row(*row(each.get("vehicle", each), away, now))
    out.print(table if found else "[dim]No vehicles.[/]")


def all_of(api: Api) -> list[dict[str, Any]]:
    """Each where it was last."""
    return api.get("/v1/vehicles")["vehicles"]


def nearest(api: Api, near: str, limit: int) -> list[dict[str, Any]]:
    """``{"distance", "vehicle"}`` of each; ends the command when ``near`` is no circle."""
    try:
        parse_near(near)
    except InvalidNear as error:
        fail(f"--near {near}: {error}", USAGE)
    return api.get("/v1/vehicles/nearest", near=near, limit=limit)["vehicles"]


def row(vehicle: dict[str, Any], away: list[str], now: datetime) -> list[str]:
    """The cells of one vehicle."""
    seen = datetime.fromtimestamp(vehicle["recorded_ms"] / 1000, UTC)
    place = f"{vehicle['lat']:.5f}, {vehicle['lng']:.5f}"
    return [vehicle["vehicle_id"], vehicle["name"], *away, place, age(seen, now), vehicle["trip_id"] or ""]


def kilometres(metres: float) -> str:
    """``850 m``, ``1.2 km``."""
    return f"{metres:.0f} m" if metres < 999.5 else f"{metres / 1000:.1f} km"


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0.0, (now - moment).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
