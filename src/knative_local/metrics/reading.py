"""How the runtime's parts stand, read from them when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from knative_local.activator import Activator
from knative_local.deployments import DeploymentRunner
from knative_local.dispatcher import TriggerFigures
from knative_local.job_sinks import JobFigures
from knative_local.metrics import names
from knative_local.metrics.figures import Reading
from knative_local.model import JobSink, KafkaSink, PingSource
from knative_local.ping_sources import PingFigures
from knative_local.rates import Rate


class Triggers(Protocol):
    def trigger_figures(self) -> list[TriggerFigures]: ...


class Traffic(Protocol):
    def brokers(self) -> dict[str, tuple[float, int]]: ...


class Serving(Protocol):
    @property
    def activators(self) -> Sequence[Activator]: ...


class Running(Protocol):
    @property
    def runners(self) -> Sequence[DeploymentRunner]: ...


class Pings(Protocol):
    def figures(self) -> Sequence[tuple[PingSource, PingFigures]]: ...


class Jobs(Protocol):
    def figures(self) -> Sequence[tuple[JobSink, JobFigures]]: ...


class KafkaWriting(Protocol):
    def figures(self) -> Sequence[tuple[KafkaSink, Rate]]: ...


class Refusing(Protocol):
    @property
    def refused(self) -> Mapping[int, int]: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts that count."""

    ingress: Refusing
    traffic: Traffic
    triggers: Triggers
    services: Serving
    deployments: Running
    pings: Pings
    kafka_sinks: KafkaWriting
    jobs: Jobs

    def readings(self) -> Iterable[Reading]:
        """All of it."""
        for key, (_, total) in self.traffic.brokers().items():
            namespace, _, name = key.rpartition("/")
            yield names.BROKER_EVENTS, (namespace, name), total
        for status, count in self.ingress.refused.items():
            yield names.BROKER_REFUSED, (str(status),), count
        for figures in self.triggers.trigger_figures():
            yield from _trigger(figures)
        for activator in self.services.activators:
            yield from _service(activator)
        for runner in self.deployments.runners:
            labels = runner.deployment.namespace, runner.deployment.name
            yield names.DEPLOYMENT_RUNNING, labels, int(runner.running)
            yield names.DEPLOYMENT_RESTARTS, labels, runner.restarts
        for source, pinged in self.pings.figures():
            yield names.PINGS_SENT, (source.namespace, source.name), pinged.sent
            yield names.PINGS_LOST, (source.namespace, source.name), pinged.lost
        for sink, rate in self.kafka_sinks.figures():
            yield names.KAFKA_SINK_EVENTS, (sink.namespace, sink.name), rate.total
        for job_sink, jobs in self.jobs.figures():
            for state, count in asdict(jobs).items():
                yield names.JOBS, (job_sink.namespace, job_sink.name, state), count


def _trigger(figures: TriggerFigures) -> Iterable[Reading]:
    labels = figures.trigger.namespace, figures.trigger.name
    deliveries = figures.deliveries
    for result, count in deliveries.results.items():
        yield names.TRIGGER_DELIVERIES, (*labels, result), count
    yield names.TRIGGER_DURATION, labels, deliveries.attempts
    yield names.TRIGGER_DONE, labels, figures.events_total
    yield names.TRIGGER_LAG, labels, figures.backlog
    yield names.TRIGGER_IN_FLIGHT, labels, figures.in_flight
    yield names.TRIGGER_DEAD_LETTERS, labels, deliveries.dead_letters
    yield names.DEAD_LETTERS_KEPT, labels, figures.dead_letters


def _service(activator: Activator) -> Iterable[Reading]:
    labels = activator.service.namespace, activator.label
    yield names.SERVICE_REQUESTS, labels, activator.usage.requests_total
    yield names.SERVICE_DURATION, labels, activator.usage.durations
    yield names.SERVICE_COLD_STARTS, labels, activator.usage.cold_start_durations
    yield names.SERVICE_INSTANCES, labels, activator.instances
    yield names.SERVICE_STARTING, labels, activator.starting
    yield names.SERVICE_IN_FLIGHT, labels, activator.in_flight
    yield names.SERVICE_FAILING, labels, int(activator.problem is not None)
