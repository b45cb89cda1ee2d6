"""What can happen in Trackway: the facts, the event that carries one, and how it travels."""

from trackway.events.envelope import (
    BATCH_MEDIA_TYPE,
    STRUCTURED_MEDIA_TYPE,
    from_http,
    from_structured,
    to_batch,
    to_binary,
    to_structured,
)
from trackway.events.event import (
    DEFAULT_TENANT,
    NOT_JSON,
    Event,
    InvalidEvent,
    check_moment,
    decode,
    describe,
    event_of,
    fact_of,
    from_milliseconds,
    milliseconds,
    utc_text,
)
from trackway.events.geofence import GeofenceEntered, GeofenceExited
from trackway.events.kafka_record import from_kafka, to_kafka
from trackway.events.notification import NotificationFailed
from trackway.events.position import PositionRecorded
from trackway.events.registry import FACTS, PREFIX, TYPES
from trackway.events.route import RoutePlanned, RoutePoint, RouteStop
from trackway.events.simulation import SHARDS, SimulationAdvanced
from trackway.events.trip import (
    TripCancelled,
    TripDelayed,
    TripDeviated,
    TripFinished,
    TripProgressed,
    TripRejoined,
    TripStarted,
)

__all__ = [
    "BATCH_MEDIA_TYPE",
    "DEFAULT_TENANT",
    "FACTS",
    "NOT_JSON",
    "PREFIX",
    "SHARDS",
    "STRUCTURED_MEDIA_TYPE",
    "TYPES",
    "Event",
    "GeofenceEntered",
    "GeofenceExited",
    "InvalidEvent",
    "NotificationFailed",
    "PositionRecorded",
    "RoutePlanned",
    "RoutePoint",
    "RouteStop",
    "SimulationAdvanced",
    "TripCancelled",
    "TripDelayed",
    "TripDeviated",
    "TripFinished",
    "TripProgressed",
    "TripRejoined",
    "TripStarted",
    "check_moment",
    "decode",
    "describe",
    "event_of",
    "fact_of",
    "from_http",
    "from_kafka",
    "from_milliseconds",
    "from_structured",
    "milliseconds",
    "to_batch",
    "to_binary",
    "to_kafka",
    "to_structured",
    "utc_text",
]
