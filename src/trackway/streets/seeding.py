"""The routes that Trackway ships with: those of a course in Brasília, drawn, and a dozen in Montevideo, found on the
streets."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from trackway.events import DEFAULT_TENANT, RoutePlanned
from trackway.streets.graph import Streets
from trackway.streets.planning import Place, route_from_points, route_from_stops

CITIES = ("brasilia", "montevideo")


class RouteBook(Protocol):
    """What is asked of the store here."""

    async def route(self, tenant: str, route_id: str) -> RoutePlanned | None: ...

    async def add_route(self, tenant: str, route: RoutePlanned) -> None: ...


class _Seed(Struct, frozen=True):
    route_id: str
    name: str
    stops: tuple[Place, ...] = ()
    points: tuple[Place, ...] = ()
    speed_kmh: float = 40.0


class _Seeds(Struct, frozen=True):
    routes: tuple[_Seed, ...]


async def seed_routes(
    store: RouteBook, streets: Path | str, *, tenant: str = DEFAULT_TENANT, planned_at: datetime | None = None
) -> int:
    """Lay in the routes that are not there yet; gives how many that were. ``streets`` is the file of the street
    network, read only if a route is to be found on it. Raises MapMissing, StoreUnavailable."""
    now = planned_at or datetime.now(UTC)
    missing = [seed for seed in _seeds() if await store.route(tenant, seed.route_id) is None]
    network = Streets.load(streets) if any(seed.stops for seed in missing) else None
    for seed in missing:
        await store.add_route(tenant, _planned(seed, network, now))
    return len(missing)


def _seeds() -> Iterator[_Seed]:
    for city in CITIES:
        content = files("trackway.streets").joinpath("routes", f"{city}.json").read_bytes()
        yield from msgspec.json.decode(content, type=_Seeds).routes


def _planned(seed: _Seed, network: Streets | None, now: datetime) -> RoutePlanned:
    if seed.stops and network is not None:
        return route_from_stops(network, seed.stops, name=seed.name, planned_at=now, route_id=seed.route_id)
    return route_from_points(
        seed.points, name=seed.name, planned_at=now, speed_kmh=seed.speed_kmh, route_id=seed.route_id
    )
