"""The live protocol of docs/protocol.md: its records, frames and the client's watch, and why a socket is closed.

Free of input and output. How these travel, as JSON objects or MessagePack arrays, is in codecs.py.
"""

from typing import Annotated

from msgspec import Meta, Struct

from trackway.domain.lifecycle import TripStatus
from trackway.events.fields import Identifier, Latitude, Longitude

MAX_MESSAGE = 64 * 1024
"""Bytes of the largest message that a client may send."""
MOST_AGES = 20
"""Ages in one report."""
REPORT_EVERY = 5.0
"""Seconds; reports of one socket that come faster are passed over."""


class LiveVehicle(Struct, frozen=True, kw_only=True, gc=False):
    """Where a vehicle was last, and the open trip it is on, if any. Degrees WGS 84, heading clockwise from north,
    m/s."""

    vehicle_id: str
    name: str
    trip_id: str | None
    lat: float
    lng: float
    heading: float | None
    speed: float | None
    recorded_ms: int


class LiveTrip(Struct, frozen=True, kw_only=True, gc=False):
    """A trip with what is known of it now. ``fraction`` is 0 to 1, ``remaining`` and ``off_route`` are metres,
    ``delay`` is seconds against the promise (negative is early), and names ending in ``_ms`` are milliseconds since
    1970."""

    trip_id: str
    vehicle_id: str
    vehicle_name: str
    route_id: str
    route_name: str
    from_name: str
    to_name: str
    status: TripStatus
    simulated: bool
    started_ms: int | None
    ended_ms: int | None
    promised_ms: int | None
    fraction: float
    remaining: float | None
    arrival_ms: int | None
    arrival_earliest_ms: int | None
    arrival_latest_ms: int | None
    delay: float | None
    off_route: float | None


class Counts(Struct, frozen=True, kw_only=True, gc=False):
    """How many trips are open, and how many ended today."""

    planned: int
    underway: int
    finished_today: int
    cancelled_today: int


class Reset(Struct, frozen=True, kw_only=True, tag="reset", tag_field="kind"):
    """Everything: all vehicles that are watched, all open trips, and the last that ended today."""

    epoch: str
    offset: int
    now_ms: int
    vehicles: list[LiveVehicle]
    trips: list[LiveTrip]
    counts: Counts


class Update(Struct, frozen=True, kw_only=True, tag="update", tag_field="kind"):
    """What changed since the frame before; ``counts`` is null when they did not, ``gone`` are vehicles to forget."""

    epoch: str
    offset: int
    now_ms: int
    vehicles: list[LiveVehicle]
    trips: list[LiveTrip]
    counts: Counts | None
    gone: list[str]


class Notice(Struct, frozen=True, kw_only=True, tag="notice", tag_field="kind"):
    """Something the person should know; ``code`` is for programs, ``message`` for people."""

    code: str
    message: str


Frame = Reset | Update | Notice


class Resume(Struct, frozen=True, kw_only=True):
    """The last frame that a client had before it came back."""

    epoch: Annotated[str, Meta(max_length=64)]
    offset: Annotated[int, Meta(ge=0)]


Box = tuple[Latitude, Longitude, Latitude, Longitude]
"""(south, west, north, east) in degrees; west > east crosses the 180th meridian."""


class Watch(Struct, frozen=True, kw_only=True, tag="watch", tag_field="kind", forbid_unknown_fields=True):
    """What a client wants to see: the vehicles in ``box`` (null: everywhere), and those named, wherever they are."""

    box: Box | None = None
    zoom: Annotated[float, Meta(ge=0, le=24)] | None = None
    vehicles: Annotated[list[Identifier], Meta(max_length=500)] = []
    trip: Identifier | None = None
    resume: Resume | None = None


class Ages(Struct, frozen=True, kw_only=True, tag="ages", tag_field="kind", forbid_unknown_fields=True):
    """How old a sample of the positions was that came since the last report, each when its frame was there: the age is
    the gateway's time less ``recorded_ms``."""

    ages_ms: Annotated[list[Annotated[float, Meta(ge=0, le=86_400_000)]], Meta(max_length=MOST_AGES)]


Said = Watch | Ages
"""What a client may say."""


class Close(Struct, frozen=True, kw_only=True):
    """Why a socket is closed, and after how many seconds the client may come back (None: not with the same request)."""

    code: int
    reason: str
    come_back_after: float | None


GOING_AWAY = Close(code=1001, reason="the gateway is going away", come_back_after=0)
TOO_BIG = Close(code=1009, reason="message over 64 KiB", come_back_after=None)  # sent by the WebSocket library
TOO_MANY = Close(code=1013, reason="too many sockets", come_back_after=5)
TOO_SLOW = Close(code=1013, reason="too slow to read", come_back_after=5)
INVALID_WATCH = Close(code=4400, reason="not a valid watch", come_back_after=None)
NO_WATCH = Close(code=4408, reason="no watch within 10 s", come_back_after=0)

CLOSES = (GOING_AWAY, TOO_BIG, TOO_MANY, TOO_SLOW, INVALID_WATCH, NO_WATCH)


def contains(box: Box, vehicle: LiveVehicle) -> bool:
    """Whether the vehicle is in the box, its edges included."""
    south, west, north, east = box
    if not south <= vehicle.lat <= north:
        return False
    if west <= east:
        return west <= vehicle.lng <= east
    return vehicle.lng >= west or vehicle.lng <= east
