"""Which record is the data of which event type: the one table that readers, writers and generators share."""

from msgspec import Struct

from trackway.events import geofence, notification, position, route, simulation, trip

PREFIX = "dev.trackway."

FACTS: dict[str, type[Struct]] = {
    f"{PREFIX}{name}.v1": fact
    for name, fact in {
        "route.planned": route.RoutePlanned,
        "trip.started": trip.TripStarted,
        "trip.progressed": trip.TripProgressed,
        "trip.delayed": trip.TripDelayed,
        "trip.deviated": trip.TripDeviated,
        "trip.rejoined": trip.TripRejoined,
        "trip.finished": trip.TripFinished,
        "trip.cancelled": trip.TripCancelled,
        "position.recorded": position.PositionRecorded,
        "geofence.entered": geofence.GeofenceEntered,
        "geofence.exited": geofence.GeofenceExited,
        "notification.failed": notification.NotificationFailed,
        "simulation.advanced": simulation.SimulationAdvanced,
    }.items()
}
TYPES: dict[type[Struct], str] = {fact: type_ for type_, fact in FACTS.items()}

ENDLESS: frozenset[str] = frozenset({TYPES[simulation.SimulationAdvanced]})
"""Types whose events follow from one another for as long as a vehicle drives: no trace goes on in them, since it would
never end."""
