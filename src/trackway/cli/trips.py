"""`trackway trip`: start, list and cancel trips."""

import json
import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from trackway.cli.api import Api, fail, out

trips = typer.Typer(help="Start, list and cancel trips.", no_args_is_help=True)
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="TRACKWAY_URL", help="Where Trackway runs.", show_default="http://127.0.0.1:8080"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


class Status(StrEnum):
    """What a list can be narrowed to."""

    PLANNED = "planned"
    UNDERWAY = "underway"
    FINISHED = "finished"
    CANCELLED = "cancelled"


COLOURS = {"planned": "dim", "underway": "blue", "finished": "green", "cancelled": "yellow"}


@trips.command()
def start(
    route: Annotated[str, typer.Argument(help="A route's id or name (or the beginning of its name).")],
    vehicle: Annotated[str | None, typer.Option(help="The vehicle's id; a new one when not given.")] = None,
    name: Annotated[str | None, typer.Option(help="The vehicle's name.")] = None,
    speed: Annotated[float, typer.Option(help="How many times faster than real time.", min=0.1, max=100)] = 1.0,
    device: Annotated[
        bool, typer.Option("--device", help="A real device reports the positions; nothing is simulated.")
    ] = False,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: repeating the command with it starts nothing new.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Start a trip along a route."""
    api = Api(url)
    body: dict[str, Any] = {"route_id": find_route(api, route)["route_id"], "speed": speed, "simulated": not device}
    body |= {field: value for field, value in (("vehicle_id", vehicle), ("vehicle_name", name)) if value is not None}
    trip = api.post("/v1/trips", body, Idempotency_Key=key or str(uuid.uuid4()))
    if as_json:
        out.print_json(json.dumps(trip))
    else:
        out.print(
            f"[green]✓[/] [bold]{trip['vehicle_name']}[/] is on its way: trip [bold]{trip['trip_id']}[/], ", end=""
        )
        out.print(f"promised at {clock(trip['promised_at'])}")


def find_route(api: Api, wanted: str) -> dict[str, Any]:
    """The route with this id or name, or the only one whose name begins so; otherwise ends the command."""
    routes: list[dict[str, Any]] = api.get("/v1/routes")["routes"]
    for route in routes:
        if wanted in {route["route_id"], route["name"]}:
            return route
    found = [route for route in routes if route["name"].casefold().startswith(wanted.casefold())]
    if len(found) == 1:
        return found[0]
    names = ", ".join(route["name"] for route in found or routes) or "none yet"
    fail(f"{'More than one' if found else 'No'} route is named {wanted!r}. There are: {names}.")


@trips.command("list")
def list_trips(
    status: Annotated[Status | None, typer.Option(help="Only those.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List trips, newest first, with where they are."""
    params: dict[str, str | int] = {"limit": limit} | ({"status": status.value} if status else {})
    found = Api(url).get("/v1/trips", **params)["trips"]
    if as_json:
        out.print_json(json.dumps(found))
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("trip", "vehicle", "status", "way", "arrival", "delay", "position"):
        # An id is there to be copied: it is never cut, whatever the terminal's width.
        align = "right" if column in {"way", "delay"} else "left"
        table.add_column(column, justify=align, no_wrap=column == "trip", overflow="fold")
    for view in found:
        table.add_row(*row(view))
    out.print(table if found else "[dim]No trips.[/]")


def row(view: dict[str, Any]) -> list[str]:
    """The cells of one trip."""
    trip, progress, position = view["trip"], view.get("progress"), view.get("position")
    return [
        trip["trip_id"],
        trip["vehicle_name"],
        f"[{COLOURS[trip['status']]}]{trip['status']}[/]",
        f"{progress['fraction']:.0%}" if progress else "",
        clock(progress["arrival_at"]) if progress else "",
        f"{progress['delay'] / 60:+.0f} min" if progress else "",
        f"{position['lat']:.5f}, {position['lng']:.5f}" if position else "",
    ]


def clock(text: str) -> str:
    """Hours and minutes of an RFC 3339 time, in this machine's zone."""
    return datetime.fromisoformat(text).astimezone().strftime("%H:%M")


@trips.command()
def cancel(
    trip_id: str,
    reason: Annotated[str | None, typer.Option(help="Why; kept with the trip.")] = None,
    url: Url = None,
) -> None:
    """Cancel a trip that is not over."""
    trip = Api(url).post(f"/v1/trips/{trip_id}/cancel", {"reason": reason} if reason else {})
    out.print(f"[green]✓[/] trip [bold]{trip['trip_id']}[/] is cancelled")
