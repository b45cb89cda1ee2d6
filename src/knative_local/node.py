"""Everything that runs on this machine for one set of manifests: put together, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from knative_local.admin import Admin
from knative_local.dispatcher import Dispatcher
from knative_local.environment import Environments, VariableErrors, arguments
from knative_local.front_door import FrontDoor
from knative_local.http1 import HttpClient
from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.ingress import Ingress
from knative_local.job_sinks import JobSinks
from knative_local.kafka_sinks import KafkaSinks
from knative_local.launcher import Launcher
from knative_local.log.opening import LogOptions, open_log
from knative_local.metrics.page import MetricsPage
from knative_local.metrics.reading import Sources
from knative_local.model import Deployment, Destination, JobSink, Manifests
from knative_local.names import KAFKA_SINK_PATH, RESERVED, Names
from knative_local.parts import DELIVERIES_GRACE_S, Parts
from knative_local.ping_sources import PingSources
from knative_local.problem import problem
from knative_local.process import Instance, end_leftovers
from knative_local.rates import BrokerTraffic
from knative_local.reloading import Loaded
from knative_local.revisions import RevisionErrors
from knative_local.rollouts import Deployments
from knative_local.routes import Routes
from knative_local.server import internal_server, public_server
from knative_local.services import Services
from knative_local.status import Status
from knative_local.subscribers import LocalSubscribers

PROCESSES_GRACE_S: Final = 5.0
SERVER_GRACE_S: Final = 2
MOST_JOBS: Final = max(2, os.cpu_count() or 1)
# Unbounded max-scale ends at what one machine can usefully run.
MOST_INSTANCES: Final = max(4, 2 * (os.cpu_count() or 1))

logger = logging.getLogger(__name__)


class Node:
    """The runtime of one state folder, whose log is locked from `start` to the end of its stack."""

    def __init__(self, manifests: Manifests, listener: socket.socket, state: Path, root: Path, log: LogOptions) -> None:
        """`listener` is the front door's socket, `state` the folder for what lasts, `root` the processes' folder.

        Raises VariableErrors when an environment cannot be made.
        """
        self._manifests = manifests
        self._listener = listener
        self._state = state.resolve()
        self._root = root
        self._log_options = log
        self._ingress_path = ingress_path(state)
        host, port = listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self.loaded = Loaded()
        self._names: Names = Names(manifests)
        self._environments: Environments = self._environments_of(manifests, self._names)
        self._launcher: Launcher | None = None
        self._front_door: int = port
        self._parts: Parts | None = None

    async def start(self, stack: AsyncExitStack) -> None:
        """Set everything going; closing `stack` stops it, in reverse.

        Raises LogUnavailable, RevisionErrors, OSError.
        """
        manifests, names = self._manifests, self._names
        log = open_log(self._state, self._log_options)
        stack.callback(log.close)
        left = end_leftovers(self._state)
        if left:
            logger.warning("ended %d processes that an earlier run had left", left)

        client = HttpClient()
        stack.push_async_callback(client.close)
        self._launcher = launcher = Launcher(self._root, self._state, client)
        stack.push_async_callback(launcher.stop)
        services = Services(launcher, client, self._state, self._front_door, MOST_INSTANCES)
        services.apply(manifests, self._environments)
        backends = services.backends
        deployments = Deployments(partial(self._launch_deployment, launcher), backends)

        launch_job = partial(self._launch_job, launcher)
        jobs = JobSinks(self._state / "jobs", launch_job, MOST_JOBS)
        ingress = Ingress(log, (*manifests.brokers, *manifests.channels), jobs=jobs.accept)
        kafka_sinks = KafkaSinks()
        stack.push_async_callback(asyncio.to_thread, kafka_sinks.close)
        subscribers = LocalSubscribers(names, backends, client, ingress, kafka_sinks)
        dispatcher = Dispatcher(manifests.triggers, log, subscribers)
        pings = PingSources(subscribers)
        brokers, channels = ([each.key for each in kind] for kind in (manifests.brokers, manifests.channels))
        admin = Admin(log, dispatcher, brokers, channels)
        traffic = BrokerTraffic(log)
        status = Status(
            names, manifests, services, deployments, dispatcher, traffic, log, pings, jobs, kafka_sinks, self.loaded
        )  # fmt: skip
        sources = Sources(ingress, traffic, dispatcher, services, deployments, pings, kafka_sinks, jobs)
        metrics = MetricsPage(sources.readings, lambda: launcher.instances, client)
        reserved = _admin_of(status, metrics, admin, kafka_sinks)
        door = FrontDoor(Routes(manifests.virtual_services), names, backends, client, ingress, reserved)
        self._parts = Parts(
            services, deployments, subscribers, door, status, admin, ingress, dispatcher, pings, jobs, kafka_sinks
        )  # fmt: skip

        internal = internal_server(ingress)
        await internal.begin(_unix_listener(self._ingress_path))
        stack.callback(self._ingress_path.unlink, missing_ok=True)
        stack.push_async_callback(internal.end, SERVER_GRACE_S)
        public = public_server(door)
        await public.begin(self._listener)
        stack.push_async_callback(public.end, SERVER_GRACE_S)

        stack.push_async_callback(_stop_all, (deployments, services, jobs))
        deployments.apply(manifests.deployments, self._environments.of_deployment)
        services.begin()
        jobs.apply(manifests.job_sinks)
        kafka_sinks.apply(manifests.kafka_sinks)
        stack.push_async_callback(dispatcher.stop, DELIVERIES_GRACE_S)
        await dispatcher.start()
        stack.push_async_callback(pings.stop)
        pings.apply(manifests.ping_sources)
        stack.callback(_close, door, admin)
        await deployments.first_ready()

    async def apply(self, manifests: Manifests) -> None:
        """Go on by other manifests, without losing an event, once started.

        Raises VariableErrors, RevisionErrors, OSError, and then nothing has changed; LogUnavailable, and then it is to
        be called again.
        """
        assert self._parts is not None  # noqa: S101 only what has started is changed; narrows the type
        names = Names(manifests)
        environments = self._environments_of(manifests, names)
        before = self._manifests, self._names, self._environments
        self._manifests, self._names, self._environments = manifests, names, environments
        try:
            await self._parts.apply(manifests, names, environments)
        except (VariableErrors, RevisionErrors, OSError):
            self._manifests, self._names, self._environments = before
            raise

    @property
    def direct_urls(self) -> Mapping[str, str]:
        """The Services' own addresses, by name."""
        return {} if self._parts is None else self._parts.services.direct_urls

    def kill(self) -> None:
        """End every process at once."""
        if self._launcher is not None:
            self._launcher.kill_all()

    def _environments_of(self, manifests: Manifests, names: Names) -> Environments:
        """The environments of all processes; raises VariableErrors when one cannot be made."""

        def address_of(destination: Destination, namespace: str) -> str:
            path = names.path_of(destination, namespace)
            return destination.uri or "" if path is None else f"{self.url}{path}"

        environments = Environments(manifests, address_of, names.log_of, str(self._ingress_path), self.url)
        environments.check()
        return environments

    async def _launch_deployment(
        self, launcher: Launcher, deployment: Deployment, environment: Mapping[str, str]
    ) -> Instance:
        return await launcher.start(
            self._label(deployment), arguments(deployment.container, environment), environment
        )  # fmt: skip

    async def _launch_job(self, launcher: Launcher, sink: JobSink, folder: Path) -> Instance:
        environment = self._environments.of_job(sink) | {"K_EVENT_PATH": str(folder)}
        return await launcher.start(self._label(sink), arguments(sink.container, environment), environment)

    def _label(self, of: Deployment | JobSink) -> str:
        """What its output is marked with: the name, and the namespace where there are several."""
        every = (*self._manifests.services, *self._manifests.deployments)
        return of.name if len({each.namespace for each in every}) == 1 else f"{of.namespace}.{of.name}"


def ingress_path(state: Path) -> Path:
    """The Unix socket by which instances post batches of events."""
    return (state / "run" / "ingress.sock").resolve()


def _admin_of(
    status: Status, metrics: MetricsPage, admin: Admin, kafka_sinks: KafkaSinks
) -> Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]:
    async def answer(request: HttpRequest) -> HttpResponse:
        if request.target.startswith(KAFKA_SINK_PATH):
            key = request.target.removeprefix(KAFKA_SINK_PATH).partition("?")[0].strip("/")
            return await kafka_sinks.receive(key, request)
        target = "/" + request.target.removeprefix(RESERVED)
        path = target.partition("?")[0]
        if request.method == "GET" and path == "/status":
            body = json.dumps(status.report(), separators=(",", ":")).encode()
            return HttpResponse(200, [(b"content-type", b"application/json")], body)
        if request.method == "GET" and path == "/metrics":
            return await metrics.answer()
        found = await admin.answer(HttpRequest(request.method, target, request.headers, request.body))
        return found or problem(404, f"there is nothing at {RESERVED}{path[1:]}")

    return answer


def _close(door: FrontDoor, admin: Admin) -> None:
    door.closing = True
    admin.release_waiting()


async def _stop_all(processes: tuple[Deployments | Services | JobSinks, ...]) -> None:
    await asyncio.gather(*(process.stop(PROCESSES_GRACE_S) for process in processes))


def _unix_listener(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)  # left by a run that was killed: the log's lock says that nobody else is here
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(2048)
    return listener
