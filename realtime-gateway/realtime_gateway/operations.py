"""The operations page's figures: what the runtime says of its functions, triggers and brokers, asked at most twice a
second."""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from realtime_gateway.problems import ProblemError

KEEP_FOR = 0.5
PATIENCE = 2.0
Milliseconds = Annotated[float, Meta(ge=0, description="milliseconds")]


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """A function: its instances now, its starts from zero and its scale over the last 15 minutes ([ms since 1970,
    instances])."""

    namespace: str
    name: str
    instances: int
    starting: int
    in_flight: int
    requests_per_s: float
    p99_ms: Milliseconds | None
    cold_starts: list[Milliseconds]
    cold_start_p50_ms: Milliseconds | None
    history: list[tuple[float, int]]
    problem: str | None = None


class DeploymentStatus(Struct, frozen=True, kw_only=True):
    """A process that always runs, and why it cannot start, if so."""

    namespace: str
    name: str
    running: bool
    restarts: int
    problem: str | None = None


class BrokerStatus(Struct, frozen=True, kw_only=True):
    """A broker and what goes through it."""

    namespace: str
    name: str
    events_per_s: float
    events_total: int


class TriggerStatus(Struct, frozen=True, kw_only=True):
    """A trigger: which events it sends to whom, and how many wait."""

    namespace: str
    name: str
    broker: str
    subscriber: str
    filter: str
    events_per_s: float
    events_total: int = 0
    in_flight: int
    backlog: int
    dead_letters: int


class SourceStatus(Struct, frozen=True, kw_only=True):
    """Who sends events, by the attribute ``source``."""

    source: str
    events_per_s: float


class DeadLetterStatus(Struct, frozen=True, kw_only=True):
    """How many events went to dead letters."""

    total: int


class Operations(Struct, frozen=True, kw_only=True):
    """The runtime at work, as it tells itself."""

    now_ms: float
    started_ms: float
    services: list[ServiceStatus]
    deployments: list[DeploymentStatus]
    brokers: list[BrokerStatus]
    triggers: list[TriggerStatus]
    sources: list[SourceStatus]
    dead_letters: DeadLetterStatus


class OperationsSource:
    """Asks the status document at ``url``; many askers share one answer for KEEP_FOR seconds."""

    def __init__(self, url: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._kept: tuple[float, Operations] | None = None
        self._asking = asyncio.Lock()

    async def operations(self) -> Operations:
        """The figures. Raises ProblemError: 404 where no runtime is named, 503 where it does not answer."""
        if self._url is None:
            raise ProblemError(404, "no runtime is configured; set TRACKWAY_OPERATIONS_URL to its status address")
        async with self._asking:
            if self._kept is None or self._clock() - self._kept[0] > KEEP_FOR:
                self._kept = self._clock(), await asyncio.to_thread(_ask, self._url)
            return self._kept[1]


def _ask(url: str) -> Operations:
    from urllib.error import URLError  # noqa: PLC0415 - loaded when somebody looks at the page, not by an idle gateway
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415

    try:
        # The runtime is next door, so that a proxy of the environment is never the way to it.
        with build_opener(ProxyHandler({})).open(url, timeout=PATIENCE) as answer:
            return msgspec.json.decode(answer.read(), type=Operations)
    except (URLError, TimeoutError, OSError) as error:
        raise ProblemError(503, f"the runtime does not answer: {error}") from None
    except msgspec.MsgspecError as error:
        raise ProblemError(503, f"the runtime's status is not understood: {error}") from None
