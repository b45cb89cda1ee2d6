"""Probes of an instance: when it may take its first request, whether it may take more, and when it has to be replaced.

They are as Kubernetes and Knative's queue-proxy have them: a readiness probe with `periodSeconds` 0 is Knative's own,
which is asked in quick succession until it succeeds, and not again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final

from knative_local.addresses import TcpAddress
from knative_local.http1 import HttpClient
from knative_local.http_types import ConnectionFailed, HttpRequest, TimedOut
from knative_local.process import Instance, StartError
from knative_local.serving_model import Probe, Probes

AGAIN_S: Final = 0.01
"""Between two questions while an instance is starting."""
LIVENESS_GRACE_S: Final = 30.0
USER_AGENT: Final = b"kube-probe/1.35"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Streak:
    """From single answers to a state that changes after so many of the other kind in a row."""

    successes: int
    failures: int
    state: bool = False
    _against: int = 0

    def take(self, success: bool) -> bool:
        """The state after one more answer."""
        if success == self.state:
            self._against = 0
        else:
            self._against += 1
            if self._against >= (self.successes if success else self.failures):
                self.state, self._against = success, 0
        return self.state


async def ask(probe: Probe, client: HttpClient, address: TcpAddress) -> str | None:
    """Ask once; None for a success, else what was wrong."""
    timeout_s = probe.timeout_s or 1.0
    deadline = asyncio.get_running_loop().time() + timeout_s
    try:
        if probe.path is None:
            await client.probe(address, deadline)
            return None
        headers = [(b"user-agent", USER_AGENT), *((name.encode(), value.encode()) for name, value in probe.headers)]
        answer = await client.send(address, HttpRequest("GET", probe.path, headers), deadline)
    except TimedOut:
        return f"no answer within {timeout_s:g} s"
    except ConnectionFailed as error:
        return str(error)
    # kubernetes/pkg/probe/http: at least 200 and under 400.
    return None if 200 <= answer.status < 400 else f"GET {probe.path} is answered {answer.status}"


class ProbedInstance:
    """An instance with probes. It is ready when they say so, and ends when its liveness fails."""

    def __init__(self, instance: Instance, probes: Probes, client: HttpClient) -> None:
        self.on_availability: Callable[[bool], None] | None = None
        self._instance = instance
        self._probes = probes
        self._client = client
        self._watches: list[asyncio.Task[None]] = []
        self._verdict = ""

    @property
    def address(self) -> TcpAddress:
        """Where it listens."""
        return self._instance.address

    @property
    def reason(self) -> str:
        """How it ended, and why it was ended if it was."""
        return f"{self._verdict}; it {self._instance.reason}" if self._verdict else self._instance.reason

    async def ready(self, timeout: float) -> None:  # noqa: ASYNC109 what is waited for is part of the meaning
        """Return when it listens and its startup and readiness probes have succeeded; raises StartError."""
        probes = self._probes
        await self._instance.ready(timeout)
        if probes.startup is not None:
            patience = probes.startup.initial_delay_s + probes.startup.period_s * probes.startup.failure_threshold
            await self._succeeds(probes.startup, "startup", patience)
        if probes.readiness is not None:
            await self._succeeds(probes.readiness, "readiness", timeout)
            if probes.readiness.period_s:
                self._watch(self._watch_readiness(probes.readiness))
        if probes.liveness is not None:
            self._watch(self._watch_liveness(probes.liveness))

    async def ended(self) -> int:
        """Return its exit status once it has ended."""
        status = await self._instance.ended()
        self._look_no_more()
        return status

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL after `grace_s`; returns when it is gone."""
        self._look_no_more()
        await self._instance.stop(grace_s)

    def kill(self) -> None:
        """SIGKILL, to it and what it started."""
        self._look_no_more()
        self._instance.kill()

    async def _succeeds(self, probe: Probe, name: str, patience_s: float) -> None:
        """Ask until it has succeeded as often in a row as it has to; raises StartError."""
        wrong: str | None = "it was not asked"
        streak = Streak(probe.success_threshold, 1)
        end = asyncio.ensure_future(self._instance.ended())
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.wait((end,), timeout=probe.initial_delay_s)
                while not end.done():
                    answer = await ask(probe, self._client, self.address)
                    if streak.take(answer is None):
                        return
                    wrong = answer or wrong
                    await asyncio.wait((end,), timeout=AGAIN_S)
        except TimeoutError:
            raise StartError(f"its {name} probe has not succeeded within {patience_s:g} s: {wrong}") from None
        finally:
            end.cancel()
        raise StartError(self.reason)

    def _watch(self, look: Coroutine[None, None, None]) -> None:
        self._watches.append(asyncio.get_running_loop().create_task(look))

    def _look_no_more(self) -> None:
        for watch in self._watches:
            watch.cancel()
        self._watches.clear()

    async def _watch_readiness(self, probe: Probe) -> None:
        streak = Streak(probe.success_threshold, probe.failure_threshold, state=True)
        while True:
            await asyncio.sleep(probe.period_s)
            before = streak.state
            wrong = await ask(probe, self._client, self.address)
            if streak.take(wrong is None) != before:
                logger.info("%s takes %s requests: %s", self.address, "no more" if before else "more", wrong or "ready")
                self._tell(streak.state)

    async def _watch_liveness(self, probe: Probe) -> None:
        streak = Streak(1, probe.failure_threshold, state=True)
        wrong: str | None = None
        await asyncio.sleep(probe.initial_delay_s)
        while streak.state:
            await asyncio.sleep(probe.period_s)
            wrong = await ask(probe, self._client, self.address)
            streak.take(wrong is None)
        self._verdict = f"its liveness probe failed: {wrong}"
        self._tell(False)
        await self._instance.stop(LIVENESS_GRACE_S)

    def _tell(self, available: bool) -> None:
        if self.on_availability is not None:
            self.on_availability(available)
