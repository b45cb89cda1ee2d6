"""What can happen at a geofence: a vehicle enters it or leaves it."""

from msgspec import Struct

from trackway.events.fields import Identifier, Latitude, Longitude, Moment, Name


class GeofenceEntered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The vehicle was outside the fence before ``recorded_at`` and inside it then."""

    geofence_id: Identifier
    geofence_name: Name
    vehicle_id: Identifier
    trip_id: Identifier | None = None
    recorded_at: Moment
    lat: Latitude
    lng: Longitude


class GeofenceExited(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The vehicle was inside the fence before ``recorded_at`` and outside it then."""

    geofence_id: Identifier
    geofence_name: Name
    vehicle_id: Identifier
    trip_id: Identifier | None = None
    recorded_at: Moment
    lat: Latitude
    lng: Longitude
