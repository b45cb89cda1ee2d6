"""The Deployments of this machine: a process each, and a new one in its place once a changed one serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from knative_local.backend import Backend
from knative_local.deployments import DeploymentRunner
from knative_local.model import Deployment
from knative_local.names import Target
from knative_local.process import Instance

GRACE_S: Final = 30.0
"""How long a process that is replaced may take to end what it has (Kubernetes' terminationGracePeriodSeconds)."""

Launch = Callable[[Deployment, Mapping[str, str]], Awaitable[Instance]]
"""Starts a Deployment's process with an environment."""


@dataclass(slots=True)
class _Running:
    """A runner, and what its process was started with."""

    runner: DeploymentRunner
    environment: Mapping[str, str]

    def is_meant(self, deployment: Deployment, environment: Mapping[str, str]) -> bool:
        return (self.runner.deployment.container, self.environment) == (deployment.container, environment)


class Deployments:
    """Keeps `backends` up to date: a Deployment by its key."""

    def __init__(self, launch: Launch, backends: dict[Target, Backend]) -> None:
        self._launch = launch
        self._backends = backends
        self._serving: dict[str, _Running] = {}
        self._coming: dict[str, tuple[_Running, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def runners(self) -> list[DeploymentRunner]:
        """Those that serve, or are to serve for the first time."""
        return [each.runner for each in self._serving.values()]

    def apply(
        self, deployments: Iterable[Deployment], environment_of: Callable[[Deployment], Mapping[str, str]]
    ) -> None:
        """Run these from now on. A process whose container and environment are as before goes on; a changed one is
        started beside the old, which serves until the new one does; those that are gone are ended."""
        wanted = {deployment.key: deployment for deployment in deployments}
        for key in self._serving.keys() - wanted.keys():
            self._withdraw(key)
            del self._backends[Target("deployment", key)]
            self._end(self._serving.pop(key).runner)
        for key, deployment in wanted.items():
            environment = environment_of(deployment)
            running = self._serving.get(key)
            if running is None:
                self._serve(key, self._begin(deployment, environment))
                continue
            coming = self._coming.get(key)
            if coming is not None and coming[0].is_meant(deployment, environment):
                continue
            self._withdraw(key)
            if running.is_meant(deployment, environment):
                running.runner.deployment = deployment
            else:
                new = self._begin(deployment, environment)
                self._coming[key] = new, asyncio.get_running_loop().create_task(self._replace(key, new))

    async def first_ready(self) -> None:
        """Return when all serve, or have failed to start once."""
        await asyncio.gather(*(runner.first_ready() for runner in self.runners))

    async def stop(self, grace_s: float) -> None:
        """SIGTERM to all, wait up to `grace_s`, and return when they are gone."""
        coming = [running.runner for running, _ in self._coming.values()]
        for _, task in self._coming.values():
            task.cancel()
        ending = list(self._ending)
        await asyncio.gather(
            *(runner.stop(grace_s) for runner in (*self.runners, *coming)), _within(grace_s, ending)
        )  # fmt: skip

    def _begin(self, deployment: Deployment, environment: Mapping[str, str]) -> _Running:
        async def launch() -> Instance:
            return await self._launch(deployment, environment)

        runner = DeploymentRunner(deployment, launch, listens=deployment.container.port is not None)
        runner.begin()
        return _Running(runner, environment)

    def _serve(self, key: str, running: _Running) -> None:
        self._serving[key] = running
        self._backends[Target("deployment", key)] = running.runner

    async def _replace(self, key: str, new: _Running) -> None:
        await new.runner.serving()
        old = self._serving[key]
        self._serve(key, new)
        del self._coming[key]
        self._end(old.runner)

    def _withdraw(self, key: str) -> None:
        """Give up on a process that has not served yet."""
        coming = self._coming.pop(key, None)
        if coming is not None:
            coming[1].cancel()
            self._end(coming[0].runner)

    def _end(self, runner: DeploymentRunner) -> None:
        task = asyncio.get_running_loop().create_task(runner.stop(GRACE_S))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _within(seconds: float, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for `tasks`, and give up those that take longer."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
