"""The parts of the runtime that follow the manifests, and how they go from one set of manifests to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from knative_local.admin import Admin
from knative_local.dispatcher import Dispatcher
from knative_local.environment import Environments
from knative_local.front_door import FrontDoor
from knative_local.ingress import Ingress
from knative_local.job_sinks import JobSinks
from knative_local.kafka_sinks import KafkaSinks
from knative_local.model import Manifests
from knative_local.names import Names
from knative_local.ping_sources import PingSources
from knative_local.rollouts import Deployments
from knative_local.routes import Routes
from knative_local.services import Services
from knative_local.status import Status
from knative_local.subscribers import LocalSubscribers

DELIVERIES_GRACE_S: Final = 4.0
"""How long deliveries of Triggers that are gone, or that stop, may take to end."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that has an `apply`."""

    services: Services
    deployments: Deployments
    subscribers: LocalSubscribers
    door: FrontDoor
    status: Status
    admin: Admin
    ingress: Ingress
    dispatcher: Dispatcher
    pings: PingSources
    jobs: JobSinks
    kafka_sinks: KafkaSinks

    async def apply(self, manifests: Manifests, names: Names, environments: Environments) -> None:
        """Go on by these manifests without losing an event: who receives is there before who sends.

        Raises RevisionErrors, VariableErrors, OSError, and then nothing has changed; LogUnavailable, and then it is to
        be called again.
        """
        self.services.apply(manifests, environments)
        self.deployments.apply(manifests.deployments, environments.of_deployment)
        self.jobs.apply(manifests.job_sinks)
        self.kafka_sinks.apply(manifests.kafka_sinks)
        self.subscribers.apply(names)
        self.door.apply(Routes(manifests.virtual_services), names)
        self.status.apply(names, manifests)
        takers = (*manifests.brokers, *manifests.channels)
        # A new Trigger begins at the end of the log: of a new Broker it has to be there before the first event.
        self.ingress.apply([taker for taker in takers if self.ingress.takes(taker.key)])
        await self.dispatcher.apply(manifests.triggers, DELIVERIES_GRACE_S)
        self.ingress.apply(takers)
        self.admin.apply([broker.key for broker in manifests.brokers], [each.key for each in manifests.channels])
        self.pings.apply(manifests.ping_sources)
