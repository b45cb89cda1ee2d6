"""A Deployment on this machine: one process that always runs, started again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from knative_local.addresses import TcpAddress
from knative_local.backend import UNLIMITED, Lease, Timeouts, Unavailable
from knative_local.backoff import RestartBackoff
from knative_local.model import Deployment
from knative_local.process import Instance, StartError

START_TIMEOUT_S: Final = 60.0
PATIENCE_S: Final = 5.0

logger = logging.getLogger(__name__)


class _Place:
    """A lease that holds nothing: a Deployment has no limit of its own."""

    __slots__ = ("address",)

    def __init__(self, address: TcpAddress) -> None:
        self.address = address

    def release(self, *, refused: bool = False) -> None:
        """Nothing to give back: the process's end is noticed by itself."""


class DeploymentRunner:
    """Keeps one process of a Deployment running. `listens` is false for one without a container port."""

    def __init__(self, deployment: Deployment, launch: Callable[[], Awaitable[Instance]], listens: bool) -> None:
        self.deployment = deployment
        self.restarts = 0
        self._launch = launch
        self._listens = listens
        self._loop = asyncio.get_running_loop()
        self._backoff = RestartBackoff()
        self._instance: Instance | None = None
        self._serving = asyncio.Event()
        self._settled = asyncio.Event()
        self._reason = "is starting"
        self._task: asyncio.Task[None] | None = None
        self._launching: asyncio.Future[Instance] | None = None

    @property
    def name(self) -> str:
        """Kind and name."""
        return f"Deployment {self.deployment.name}"

    @property
    def timeouts(self) -> Timeouts:
        """Kubernetes limits no request to a Deployment."""
        return UNLIMITED

    @property
    def running(self) -> bool:
        """True while its process is there and listens."""
        return self._serving.is_set()

    @property
    def problem(self) -> str | None:
        """Why it does not serve, or None."""
        return None if self.running else self._reason

    def begin(self) -> None:
        """Start it, and keep it running from now on."""
        self._task = self._loop.create_task(self._keep_running())

    async def serving(self) -> None:
        """Return when it serves."""
        await self._serving.wait()

    async def first_ready(self) -> None:
        """Return when it serves, or when its first start has failed."""
        await self._settled.wait()

    def pick(self) -> DeploymentRunner:
        """Itself: there is nobody to choose from."""
        return self

    def try_acquire(self) -> Lease | None:
        """Its address while it serves."""
        if self._instance is None or not self._serving.is_set():
            return None
        return _Place(self._instance.address)

    async def acquire(self, deadline: float) -> Lease:
        """Its address; waits at most 5 s for a start that is under way; raises Unavailable."""
        if not self._serving.is_set():
            try:
                async with asyncio.timeout_at(min(deadline, self._loop.time() + PATIENCE_S)):
                    await self._serving.wait()
            except TimeoutError:
                raise Unavailable(f"{self.name} {self._reason}", 2.0) from None
        if self._instance is None:
            raise Unavailable(f"{self.name} {self._reason}", 2.0)
        return _Place(self._instance.address)

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, wait up to `grace_s`, and return when it is gone."""
        instance, self._instance = self._instance, None
        self._serving.clear()
        self._reason = "is being stopped"
        if self._task is not None:
            self._task.cancel()
        if self._launching is not None:
            with contextlib.suppress(Exception):  # then there is nothing to stop
                instance = await self._launching
        if instance is not None:
            await instance.stop(grace_s)

    async def _keep_running(self) -> None:
        while True:
            pause = await self._life()
            self.restarts += 1
            await asyncio.sleep(pause)

    async def _life(self) -> float:
        """One process from its start to its end; how many seconds to wait before the next."""
        self._instance = None
        try:
            self._launching = asyncio.ensure_future(self._launch())
            # Whoever stops this gets hold of a process that is on its way.
            self._instance = instance = await asyncio.shield(self._launching)
            self._launching = None
            if self._listens:
                await instance.ready(START_TIMEOUT_S)
        except Exception as error:
            # Whatever it is: a Deployment always runs, so it is tried again.
            self._launching = None
            if self._instance is not None:
                self._instance.kill()
            self._reason = f"does not start: {error}"
            logger.error("%s %s", self.name, self._reason, exc_info=not isinstance(error, StartError))
            self._settled.set()
            return self._backoff.failed()
        started = self._loop.time()
        self._serving.set()
        self._settled.set()
        await instance.ended()
        self._serving.clear()
        self._reason = instance.reason
        logger.warning("%s %s", self.name, self._reason)
        return self._backoff.ended(self._loop.time() - started)
