"""Every metric of the runtime, by its OpenMetrics name: what it counts, its unit, and labels from the manifests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `name` is without the `_total` that a counter's samples end in."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: tuple[str, ...] = ()


DURATIONS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds; upper bounds of the buckets in which durations are counted."""

_BROKER: Final = ("namespace", "broker")
_TRIGGER: Final = ("namespace", "trigger")
_SERVICE: Final = ("namespace", "service")
_DEPLOYMENT: Final = ("namespace", "deployment")

BROKER_EVENTS = Metric(
    "counter", "knative_local_broker_events", "Events that the Broker or channel took in, replies included.", _BROKER
)
BROKER_REFUSED = Metric(
    "counter", "knative_local_broker_refused_posts", "Posts to Brokers that were not taken, by status.", ("code",)
)
TRIGGER_DELIVERIES = Metric(
    "counter",
    "knative_local_trigger_delivered_events",
    "Events of attempts to deliver to the subscriber, by what came of them: taken, retried (refused for now), refused.",
    (*_TRIGGER, "result"),
)
TRIGGER_DURATION = Metric(
    "histogram",
    "knative_local_trigger_delivery_duration_seconds",
    "An attempt to deliver, of one event or of a batch, until the subscriber has answered.",
    _TRIGGER,
)
TRIGGER_DONE = Metric(
    "counter",
    "knative_local_trigger_events",
    "Events that the Trigger is through with: taken, or dead letters.",
    _TRIGGER,
)
TRIGGER_LAG = Metric(
    "gauge", "knative_local_trigger_lag_events", "Events of the Broker that the Trigger is not through with.", _TRIGGER
)
TRIGGER_IN_FLIGHT = Metric(
    "gauge", "knative_local_trigger_in_flight_events", "Events that are with the subscriber now.", _TRIGGER
)
TRIGGER_DEAD_LETTERS = Metric(
    "counter", "knative_local_trigger_dead_letters", "Events that were given up since the start.", _TRIGGER
)
DEAD_LETTERS_KEPT = Metric(
    "gauge", "knative_local_kept_dead_letters", "Dead letters that are kept, to be replayed.", _TRIGGER
)
SERVICE_REQUESTS = Metric(
    "counter", "knative_local_service_requests", "Requests to the Service's instances that have ended.", _SERVICE
)
SERVICE_DURATION = Metric(
    "histogram",
    "knative_local_service_request_duration_seconds",
    "From a request's arrival to its end, waiting for an instance included; without those of a Service's own address.",
    _SERVICE,
)
SERVICE_COLD_STARTS = Metric(
    "histogram",
    "knative_local_service_cold_start_duration_seconds",
    "From a request that finds no instance to an instance that serves it.",
    _SERVICE,
)
SERVICE_INSTANCES = Metric("gauge", "knative_local_service_instances", "Instances that serve.", _SERVICE)
SERVICE_STARTING = Metric(
    "gauge", "knative_local_service_starting_instances", "Instances that are being started.", _SERVICE
)
SERVICE_IN_FLIGHT = Metric(
    "gauge", "knative_local_service_in_flight_requests", "Requests that wait or are under way.", _SERVICE
)
SERVICE_FAILING = Metric("gauge", "knative_local_service_failing", "1 while no instance can be started.", _SERVICE)
DEPLOYMENT_RUNNING = Metric("gauge", "knative_local_deployment_running", "1 while its process serves.", _DEPLOYMENT)
DEPLOYMENT_RESTARTS = Metric(
    "counter", "knative_local_deployment_restarts", "Starts after its process had ended.", _DEPLOYMENT
)
PINGS_SENT = Metric("counter", "knative_local_ping_source_events", "Pings that were taken.", ("namespace", "source"))
PINGS_LOST = Metric(
    "counter", "knative_local_ping_source_lost_events", "Pings that nobody took.", ("namespace", "source")
)
KAFKA_SINK_EVENTS = Metric(
    "counter", "knative_local_kafka_sink_events", "Events that the KafkaSink has written.", ("namespace", "sink")
)
JOBS = Metric(
    "gauge",
    "knative_local_job_sink_jobs",
    "Jobs that are remembered, by state: waiting, running, succeeded, failed.",
    ("namespace", "sink", "state"),
)
UNREADABLE_INSTANCES = Metric(
    "gauge", "knative_local_unreadable_instances", "Instances that did not tell their metrics on this page."
)

METRICS: Final[tuple[Metric, ...]] = tuple(each for each in list(globals().values()) if isinstance(each, Metric))
"""All of them, in the order in which they are told."""
