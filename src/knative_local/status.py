"""What the runtime is doing, in numbers: the body of `GET /_knative/status`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from knative_local.activator import Activator
from knative_local.deployments import DeploymentRunner
from knative_local.dispatcher import TriggerFigures
from knative_local.filters import failures_of
from knative_local.job_sinks import JobFigures, JobSinks
from knative_local.kafka_sinks import KafkaSinks
from knative_local.model import Broker, Channel, JobSink, Manifests, PingSource
from knative_local.names import Names
from knative_local.ping_sources import PingFigures, PingSources
from knative_local.reloading import Loaded
from knative_local.rollouts import Deployments


class Figures(Protocol):
    """The dispatcher's numbers."""

    def trigger_figures(self) -> list[TriggerFigures]:
        """One entry per Trigger."""
        ...


class Activators(Protocol):
    """The Knative Services' revisions."""

    @property
    def activators(self) -> Sequence[Activator]:
        """Those that have an instance or may get one."""
        ...


class Traffic(Protocol):
    """The brokers' numbers."""

    def brokers(self) -> dict[str, tuple[float, int]]:
        """Broker key to events per second and total since the start."""
        ...

    def sources(self) -> dict[str, float]:
        """Event `source` to events per second."""
        ...


class DeadLetterCount(Protocol):
    """The log's number of dead letters."""

    def dead_letter_total(self) -> int:
        """How many are kept."""
        ...


class Status:
    """Puts the numbers together when they are asked for; nothing is computed in between."""

    def __init__(
        self,
        names: Names,
        manifests: Manifests,
        services: Activators,
        deployments: Deployments,
        figures: Figures,
        traffic: Traffic,
        dead_letters: DeadLetterCount,
        pings: PingSources,
        jobs: JobSinks,
        kafka_sinks: KafkaSinks,
        loaded: Loaded,
    ) -> None:
        self.apply(names, manifests)
        self._serving = services
        self._deployments = deployments
        self._figures = figures
        self._traffic = traffic
        self._dead_letters = dead_letters
        self._pings = pings
        self._jobs = jobs
        self._kafka_sinks = kafka_sinks
        self._loaded = loaded
        self._started_ms = _now_ms()

    def apply(self, names: Names, manifests: Manifests) -> None:
        """Report of these from now on."""
        self._names = names
        self._brokers = manifests.brokers
        self._channels = manifests.channels

    def report(self) -> dict[str, Any]:
        """The report, ready for JSON: times in ms since 1970, durations in ms, rates per second."""
        return {
            "now_ms": _now_ms(),
            "started_ms": self._started_ms,
            "manifests": {"loaded_ms": self._loaded.loaded_ms, "problems": list(self._loaded.problems)},
            "services": [_service(activator) for activator in self._serving.activators],
            "deployments": [_deployment(runner) for runner in self._deployments.runners],
            "brokers": self._taken_in(self._brokers),
            "channels": self._taken_in(self._channels),
            "triggers": [self._trigger(figures) for figures in self._figures.trigger_figures()],
            "sources": [
                {"source": source, "events_per_s": round(rate, 2)} for source, rate in self._traffic.sources().items()
            ],
            "ping_sources": [_ping_source(source, figures) for source, figures in self._pings.figures()],
            "job_sinks": [_job_sink(sink, figures) for sink, figures in self._jobs.figures()],
            "kafka_sinks": [
                {
                    "namespace": sink.namespace,
                    "name": sink.name,
                    "topic": sink.topic,
                    "events_per_s": round(rate.per_second(), 2),
                    "events_total": rate.total,
                }
                for sink, rate in self._kafka_sinks.figures()
            ],
            "dead_letters": {"total": self._dead_letters.dead_letter_total()},
        }

    def _taken_in(self, takers: Iterable[Broker | Channel]) -> list[dict[str, Any]]:
        rates = self._traffic.brokers()
        rows: list[dict[str, Any]] = []
        for broker in takers:
            per_s, total = rates.get(broker.key, (0.0, 0))
            rows.append(
                {
                    "namespace": broker.namespace,
                    "name": broker.name,
                    "events_per_s": round(per_s, 2),
                    "events_total": total,
                }
            )
        return rows

    def _trigger(self, figures: TriggerFigures) -> dict[str, Any]:
        trigger = figures.trigger
        ref = trigger.subscriber.ref
        return {
            "namespace": trigger.namespace,
            "name": trigger.name,
            "broker": trigger.broker,
            "subscriber": ref.name if ref else self._names.url_of(trigger.subscriber, trigger.namespace),
            "filter": str(trigger.filter),
            "filter_failures": failures_of(trigger.filter),
            "events_per_s": round(figures.events_per_s, 2),
            "events_total": figures.events_total,
            "in_flight": figures.in_flight,
            "backlog": figures.backlog,
            "dead_letters": figures.dead_letters,
        }


def _service(activator: Activator) -> dict[str, Any]:
    usage = activator.usage
    return {
        "namespace": activator.service.namespace,
        "name": activator.label,
        "revision": activator.service.revision_name,
        "direct_url": activator.direct_url,
        "instances": activator.instances,
        "starting": activator.starting,
        "in_flight": activator.in_flight,
        "requests_per_s": round(usage.requests_per_s(), 2),
        "p99_ms": usage.p99_ms(),
        "cold_starts": usage.cold_starts_ms(),
        "cold_start_p50_ms": usage.cold_start_p50_ms(),
        "history": usage.history(),
        "problem": activator.problem,
    }


def _deployment(runner: DeploymentRunner) -> dict[str, Any]:
    return {
        "namespace": runner.deployment.namespace,
        "name": runner.deployment.name,
        "running": runner.running,
        "restarts": runner.restarts,
        "problem": runner.problem,
    }


def _ping_source(source: PingSource, figures: PingFigures) -> dict[str, Any]:
    return {
        "namespace": source.namespace,
        "name": source.name,
        "schedule": source.schedule,
        "next_ms": None if figures.next is None else int(figures.next.timestamp() * 1_000),
        "sent": figures.sent,
        "lost": figures.lost,
    }


def _job_sink(sink: JobSink, figures: JobFigures) -> dict[str, Any]:
    return {"namespace": sink.namespace, "name": sink.name, **asdict(figures)}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
