"""`trackway demo`: puts vehicles on the road, each on a way of its own between two places of the city."""

import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from trackway.cli.api import REMEDY, UNREACHABLE, USAGE, Api, fail, out
from trackway.cli.trips import Url
from trackway.domain.geometry import distance

KINDS = ("Van", "Moto", "Van", "Van", "Moto", "Caminhão")
NEAREST, FARTHEST = 1_500.0, 7_000.0
INNER_CITY = 5_500.0
"""Metres around the middle of all places."""


def demo(
    vehicles: Annotated[int, typer.Argument(help="How many.", min=1, max=2000)] = 25,
    speed: Annotated[float, typer.Option(help="How many times faster than real time.", min=0.1, max=100)] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same ways.")] = 1,
    streets: Annotated[Path, typer.Option(help="The street network, for its places.")] = Path("build/map/streets.json"),
    url: Url = None,
    while_pid: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Send simulated vehicles all over the city, each on one trip; those that have arrived drive again."""
    api = Api(url)
    wait_until_up(api, while_pid)
    places = read_places(streets)
    chance = random.Random(seed)  # noqa: S311 - a repeatable demonstration, not a secret
    busy = on_the_road(api)
    for number in range(1, vehicles + 1):
        vehicle_id, ends, drive = f"demo-{number:03}", choose(places, chance), chance.randrange(2**31)
        if vehicle_id in busy:
            continue
        route = plan_between(api, *ends)
        name = f"{KINDS[number % len(KINDS)]} {number:02}"
        body = {"route_id": route["route_id"], "vehicle_id": vehicle_id, "vehicle_name": name}
        api.post("/v1/trips", body | {"speed": speed, "seed": drive}, Idempotency_Key=f"{vehicle_id}-{time.time_ns()}")
    again = f"`trackway demo {vehicles}` sends out again who has arrived"
    out.print(f"[green]✓[/] {vehicles} vehicles are on the road, each for one trip; {again}")


def on_the_road(api: Api) -> set[str]:
    """The vehicles whose trips an earlier start left underway; they go on by themselves."""
    return {trip["vehicle_id"] for status in ("planned", "underway") for trip in trips_of(api, status)}


def trips_of(api: Api, status: str) -> Iterator[dict[str, Any]]:
    """All trips in this status, page by page."""
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        cursor = {"cursor": page["next"]} if page["next"] else {}
        page = api.get("/v1/trips", status=status, limit=500, **cursor)
        yield from (view["trip"] for view in page["trips"])


def wait_until_up(api: Api, while_pid: int | None, patience: float = 60.0) -> None:
    """Wait for the gateway to answer; give up when its process is gone, or after ``patience`` seconds."""
    end = time.monotonic() + (patience if while_pid else 0.0)
    while not api.healthy():
        gone = while_pid is not None and not alive(while_pid)
        if gone or time.monotonic() > end:
            fail(f"Trackway does not answer at {api.url}. {REMEDY}", UNREACHABLE)
        time.sleep(0.1)  # the server is another process; there is nothing to await


def alive(pid: int) -> bool:
    """Whether a process of this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def read_places(file: Path) -> list[dict[str, Any]]:
    """The named places of the inner city: all of them at once fit a screen on which vehicles can be told apart."""
    try:
        places = json.loads(file.read_bytes())["places"]
        lat, lng = (median(place[axis] for place in places) for axis in ("lat", "lng"))
        return [place for place in places if distance(lat, lng, place["lat"], place["lng"]) <= INNER_CITY]
    except FileNotFoundError:
        fail(f"{file} is not there; `make run` builds it.", USAGE)


def choose(places: Sequence[dict[str, Any]], chance: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two places between which a delivery is plausible: neither next door nor across the whole city."""
    while True:
        one, other = chance.sample(places, 2)
        if NEAREST <= distance(one["lat"], one["lng"], other["lat"], other["lng"]) <= FARTHEST:
            return one, other


def plan_between(api: Api, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A route over the streets from the one place to the other."""
    stops = [{"lat": place["lat"], "lng": place["lng"], "name": place["name"]} for place in (one, other)]
    return api.post("/v1/routes", {"name": f"{one['name']} → {other['name']}", "stops": stops})
