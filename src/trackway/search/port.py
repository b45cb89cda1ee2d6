"""What is asked of search and what it answers, and how it says that it cannot."""

from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from trackway.domain.lifecycle import TripStatus


class SearchUnavailable(Exception):
    """Elasticsearch cannot be reached, is not ready or refuses us; says which and what may help."""


class InvalidSearchAddress(ValueError):
    """The address of Elasticsearch is none."""


class InvalidNear(ValueError):
    """A circle that is none; says what it has to be."""


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
    status: TripStatus
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


def parse_near(text: str) -> Near:
    """``latitude,longitude,kilometres`` as people write it. Raises InvalidNear."""
    try:
        lat, lng, km = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidNear("expected lat,lng,km, as in -34.9,-56.16,1.5") from None
    if not (-90 <= lat <= 90 and -180 <= lng <= 180 and 0 < km <= 20_000):
        raise InvalidNear("latitude is -90 to 90, longitude -180 to 180, the radius 0 to 20000 km")
    return Near(lat, lng, km * 1000)


def check_address(url: str) -> SplitResult:
    """The parts of ``http[s]://[user:password@]host[:port]``. Raises InvalidSearchAddress, without the password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable:
        shown = url.rpartition("@")[2]
        raise InvalidSearchAddress(f"{shown} is no address of Elasticsearch: expected http[s]://host:port")
    return parts
