"""What is asked of search and what it answers, and how it says that it cannot."""

from datetime import datetime

from msgspec import Struct


class SearchUnavailable(Exception):
    """Elasticsearch cannot be reached, is not ready or refuses us; says which and what may help."""


class InvalidSearchAddress(ValueError):
    """The address of Elasticsearch is none."""


class Near(Struct, frozen=True):
    """A circle: its middle in degrees, its radius in metres."""

    lat: float
    lng: float
    radius: float


class Question(Struct, frozen=True, kw_only=True):
    """Trips and positions of a tenant that have the words, were in the circle, and happened since the moment; what is
    None narrows nothing down."""

    tenant: str
    text: str | None = None
    near: Near | None = None
    since: datetime | None = None
    limit: int = 20


class TripFound(Struct, frozen=True, kw_only=True):
    """A trip: ``latest`` is when something of it was last heard, ``delay`` its last known one in seconds."""

    trip_id: str
    vehicle_id: str
    status: str
    latest: datetime
    vehicle_name: str | None = None
    route_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    delay: float | None = None


class PositionFound(Struct, frozen=True, kw_only=True):
    """The newest position of a vehicle that matches; ``distance`` is metres from the middle of the circle."""

    vehicle_id: str
    lat: float
    lng: float
    recorded_at: datetime
    trip_id: str | None = None
    speed: float | None = None
    distance: float | None = None


class Found(Struct, frozen=True, kw_only=True):
    """Trips by when they were last heard of, newest first; of positions one per vehicle, also newest first, and how
    many match in all."""

    trips: list[TripFound]
    positions: list[PositionFound]
    positions_total: int
