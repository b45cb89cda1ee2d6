"""What can happen to a position: a vehicle's device, or the simulation, says where it was."""

from typing import Annotated

from msgspec import Meta, Struct

from trackway.events.fields import Heading, Identifier, Latitude, Longitude, Moment, Speed


class PositionRecorded(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A vehicle was at (lat, lng) at ``recorded_at``, by its own clock; that time orders positions, not their arrival.

    ``trip_id`` and ``seq`` (0, 1, 2, …) are given by the simulation; a device does not know its trip.
    """

    vehicle_id: Identifier
    lat: Latitude
    lng: Longitude
    recorded_at: Moment
    received_at: Moment | None = None
    heading: Heading | None = None
    speed: Speed | None = None
    accuracy: Annotated[float, Meta(ge=0, description="metres")] | None = None
    altitude: Annotated[float, Meta(ge=-1000, le=100_000, description="metres")] | None = None
    trip_id: Identifier | None = None
    seq: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
