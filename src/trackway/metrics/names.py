"""Every metric of the product, by its OpenMetrics name: what it counts, its unit and its labels, all of bounded size.

Labels never name a tenant, vehicle, trip or person. knative_local names its own (``knative_local/metrics/names.py``).
"""

from typing import Final, Literal

from msgspec import Struct

Kind = Literal["counter", "gauge", "histogram"]


class Metric(Struct, frozen=True):
    """One metric. ``name`` is without the ``_total`` that a counter's samples end in."""

    kind: Kind
    name: str
    help: str
    labels: tuple[str, ...] = ()


DURATIONS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; upper bounds of the buckets in which durations are counted."""

AGES: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds; upper bounds of the buckets in which ages of positions are counted."""

# Functions ------------------------------------------------------------------------------------------------------------
# `function` is a folder below functions/; `kind` is "events" (deliveries of a broker) or "request" (anybody else's);
# `code` is the HTTP status.

FUNCTION_REQUESTS = Metric(
    "counter", "trackway_function_requests", "Requests that were answered.", ("function", "kind", "code")
)
FUNCTION_DURATION = Metric(
    "histogram",
    "trackway_function_request_duration_seconds",
    "From a request that is read to its answer; of reports of single positions one in sixteen is timed for all.",
    ("function", "kind"),
)
FUNCTION_EVENTS = Metric(
    "counter",
    "trackway_function_events",
    "Events that were delivered to the function, repeats included.",
    ("function",),
)
FUNCTION_EMITTED = Metric(
    "counter",
    "trackway_function_emitted_events",
    "Events that were posted to the broker, by what became of them: accepted, refused, unavailable.",
    ("function", "result"),
)
FUNCTION_SINK_WAITING = Metric(
    "gauge", "trackway_function_sink_waiting_events", "Events that wait to be posted to the broker.", ("function",)
)
FUNCTION_SINK_DURATION = Metric(
    "histogram",
    "trackway_function_sink_post_duration_seconds",
    "A post to the broker, with all its events and repeats, until it is accepted or given up.",
    ("function",),
)

# Store ----------------------------------------------------------------------------------------------------------------
# `operation` is a method of the store's port; `result` is ok, conflict, unavailable or error.

STORE_OPERATIONS = Metric("counter", "trackway_store_operations", "Calls of the store.", ("operation", "result"))
STORE_DURATION = Metric(
    "histogram", "trackway_store_operation_duration_seconds", "A call of the store.", ("operation",)
)
STORE_ROWS = Metric(
    "counter",
    "trackway_store_written_rows",
    "Facts that were given to the store and that it has, repeats included.",
    ("operation",),
)

# Gateway --------------------------------------------------------------------------------------------------------------

GATEWAY_CONNECTIONS = Metric("gauge", "trackway_gateway_connections", "Live sockets that are open.")
GATEWAY_CONNECTIONS_LIMIT = Metric("gauge", "trackway_gateway_connections_limit", "Live sockets that may be open.")
GATEWAY_OPENED = Metric("counter", "trackway_gateway_connections_opened", "Live sockets that were accepted.")
GATEWAY_CLOSED = Metric(
    "counter",
    "trackway_gateway_connections_closed",
    "Live sockets that have ended, by the gateway's close code (docs/protocol.md), or `client` where that one left.",
    ("code",),
)
GATEWAY_REQUESTS = Metric(
    "counter",
    "trackway_gateway_requests",
    "HTTP requests that were answered; `route` is a path's template, or `files`.",
    ("route", "method", "code"),
)
GATEWAY_DURATION = Metric(
    "histogram", "trackway_gateway_request_duration_seconds", "An HTTP request until its answer begins.", ("route",)
)
GATEWAY_FRAMES = Metric(
    "counter", "trackway_gateway_frames", "Messages that were written to live sockets, by encoding.", ("encoding",)
)
GATEWAY_FRAME_BYTES = Metric(
    "counter", "trackway_gateway_frame_bytes", "Bytes of these messages, without framing.", ("encoding",)
)
GATEWAY_EVENTS = Metric(
    "counter",
    "trackway_gateway_events",
    "Events that the feed brought: applied, or passed_over (of others' tenants or types, or unreadable).",
    ("result",),
)
GATEWAY_CHANGES = Metric(
    "counter",
    "trackway_gateway_changes",
    "Changes of vehicles and trips since the last frame, summed over the subscribers who watch everything.",
)
GATEWAY_CONFLATED = Metric(
    "counter",
    "trackway_gateway_conflated_changes",
    "Of these, what a newer change of the same vehicle or trip had replaced before the frame left.",
)
GATEWAY_VEHICLES = Metric("gauge", "trackway_gateway_vehicles", "Vehicles on the live view.")
GATEWAY_TRIPS = Metric(
    "gauge",
    "trackway_gateway_trips",
    "Trips by status: planned and underway now, finished and cancelled since midnight.",
    ("status",),
)
GATEWAY_ARRIVAL_AGE = Metric(
    "histogram",
    "trackway_gateway_position_arrival_age_seconds",
    "How old the newest position of each delivery is when it comes to the gateway, by the vehicle's clock.",
)
GATEWAY_POSITION_AGE = Metric(
    "histogram",
    "trackway_gateway_position_age_seconds",
    "How old positions are on people's screens, by the vehicle's clock, as their browsers report it.",
)
GATEWAY_AGE_REPORTS = Metric(
    "counter", "trackway_gateway_position_age_reports", "Reports of browsers: taken, or too_many.", ("result",)
)
GATEWAY_FEED_LAG = Metric(
    "gauge",
    "trackway_gateway_feed_lag_events",
    "Events of the broker's topic that the gateway has not read; told only where it reads Kafka.",
)

METRICS: Final[tuple[Metric, ...]] = tuple(each for each in list(globals().values()) if isinstance(each, Metric))
"""All of them, in the order in which they are told."""
