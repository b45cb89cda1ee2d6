"""What can happen to a trip: it starts, progresses, runs late, leaves its route and rejoins it, and ends."""

from typing import Annotated

from msgspec import Meta, Struct

from trackway.events.fields import (
    Distance,
    Duration,
    Fraction,
    Identifier,
    Latitude,
    Longitude,
    Moment,
    Name,
    TimeLapse,
)


class TripStarted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A vehicle sets out along a route. ``promised_at`` is the arrival that delay is measured against."""

    trip_id: Identifier
    vehicle_id: Identifier
    vehicle_name: Name
    route_id: Identifier
    started_at: Moment
    promised_at: Moment
    simulated: bool
    speed: TimeLapse = 1.0
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1, description="of the simulation's randomness")] = 0


class TripProgressed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a trip has come and when it will arrive, as computed from the position of ``recorded_at``."""

    trip_id: Identifier
    vehicle_id: Identifier
    recorded_at: Moment
    driven: Distance
    remaining: Distance
    fraction: Fraction
    arrival_at: Moment
    arrival_earliest_at: Moment
    arrival_latest_at: Moment
    delay: Annotated[float, Meta(description="seconds against the promise; negative is early")]
    off_route: Annotated[float, Meta(ge=0, description="metres from the route")] | None = None


class TripDelayed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The expected arrival has fallen behind the promise by more than the tolerance."""

    trip_id: Identifier
    vehicle_id: Identifier
    recorded_at: Moment
    arrival_at: Moment
    delay: Duration


class TripDeviated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The vehicle is farther from its route than allowed."""

    trip_id: Identifier
    vehicle_id: Identifier
    recorded_at: Moment
    lat: Latitude
    lng: Longitude
    off_route: Distance


class TripRejoined(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The vehicle is back on its route."""

    trip_id: Identifier
    vehicle_id: Identifier
    recorded_at: Moment
    lat: Latitude
    lng: Longitude


class TripFinished(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The vehicle has arrived at the end of its route."""

    trip_id: Identifier
    vehicle_id: Identifier
    finished_at: Moment


class TripCancelled(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody called the trip off."""

    trip_id: Identifier
    vehicle_id: Identifier
    cancelled_at: Moment
    reason: Annotated[str, Meta(max_length=500)] | None = None
