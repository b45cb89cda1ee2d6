"""Who can serve a request: the interface that Knative Services and Deployments share, and the exchange with them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from knative_local.addresses import TcpAddress
from knative_local.http1 import SAFE_METHODS, HttpClient, NotSent
from knative_local.http1_arriving import Answer
from knative_local.http_types import ConnectionFailed, HttpRequest, HttpResponse, TimedOut

ATTEMPTS = 3


class Unavailable(Exception):
    """Nobody can serve now; the message says why, `retry_after_s` when to ask again."""

    def __init__(self, reason: str, retry_after_s: float = 1.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class OutOfTime(TimedOut):
    """The Service's own timeoutSeconds ran out, not the caller's patience: status 504."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, 0 being without end, all counted from the request's arrival: `total` for all of it, `start` until the
    answer begins, and `idle` in which nothing comes (queue-proxy's three timers)."""

    total: float = 0.0
    start: float = 0.0
    idle: float = 0.0


UNLIMITED: Final = Timeouts()


class Lease(Protocol):
    """A place at an instance, taken for one request or one socket; to be released in any case."""

    @property
    def address(self) -> TcpAddress:
        """Where the instance listens."""
        ...

    def release(self, *, refused: bool = False) -> None:
        """Give the place back; `refused`: the instance took no connection, so it should get no more."""
        ...


class Backend(Protocol):
    """Instances behind one name."""

    @property
    def name(self) -> str:
        """For messages: kind and name."""
        ...

    @property
    def timeouts(self) -> Timeouts:
        """How long a request may take."""
        ...

    def pick(self) -> Backend:
        """Who takes the next request; ask it then for its timeouts and a place."""
        ...

    def try_acquire(self) -> Lease | None:
        """A place that is free at this moment, or None: then `acquire` waits for one."""
        ...

    async def acquire(self, deadline: float) -> Lease:
        """Wait for a place, waking an instance if there is none; raises Unavailable, TimedOut."""
        ...


class Breakable(Protocol):
    """An answer under way, as its timer sees it."""

    on_data: Callable[[], None] | None

    def break_off(self, error: Exception) -> None:
        """Give up what has not arrived."""
        ...


class IdleTimer:
    """Breaks an answer off when nothing of it has come for so long."""

    def __init__(self, answer: Breakable, name: str, idle_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self._answer = answer
        self._name = name
        self._idle_s = idle_s
        self._loop = loop
        self._heard = loop.time()
        self._timer = loop.call_at(self._heard + idle_s, self._look)
        answer.on_data = self._hear

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()
        self._answer.on_data = None

    def _hear(self) -> None:
        self._heard = self._loop.time()

    def _look(self) -> None:
        silent_at = self._heard + self._idle_s
        if silent_at <= self._loop.time():
            self._answer.break_off(OutOfTime(f"{self._name} has said nothing for {self._idle_s:g} s"))
        else:
            self._timer = self._loop.call_at(silent_at, self._look)


class Exchange:
    """An answer under way together with the lease that has to outlive it."""

    __slots__ = ("_idle", "_lease", "answer")

    def __init__(self, answer: Answer, lease: Lease, idle: IdleTimer | None = None) -> None:
        self.answer = answer
        self._lease = lease
        self._idle = idle

    def close(self) -> None:
        """Give up what has not arrived and give the place back."""
        if self._idle is not None:
            self._idle.stop()
        self.answer.close()
        self._lease.release()


async def open_exchange(
    backend: Backend, client: HttpClient, request: HttpRequest, deadline: float, *, repeatable: bool = False
) -> Exchange:
    """Send `request` to an instance of `backend` and return when status and headers are here.

    A request that no instance can have seen is tried again, and one that may have been seen if it is safe (GET and its
    like). `repeatable` allows only the retry on a kept connection that turned out closed: whoever sends such requests
    counts attempts. Raises Unavailable, ConnectionFailed, OutOfTime, TimedOut.
    """
    backend = backend.pick()
    loop = asyncio.get_running_loop()
    timeouts, now = backend.timeouts, loop.time()
    own = min(deadline, now + timeouts.total) if timeouts.total else deadline
    to_start = min(timeouts.start or math.inf, timeouts.idle or math.inf)
    try:
        if now + to_start >= own:
            return await _attempts(backend, client, request, own, repeatable)
        async with asyncio.timeout_at(now + to_start):
            exchange = await _attempts(backend, client, request, own, repeatable)
    except TimeoutError as error:
        raise OutOfTime(f"{backend.name} did not begin to answer within {to_start:g} s") from error
    except TimedOut as error:
        if own < deadline:
            raise OutOfTime(f"{backend.name} did not answer within {timeouts.total:g} s") from error
        raise
    return exchange


async def _attempts(
    backend: Backend, client: HttpClient, request: HttpRequest, deadline: float, repeatable: bool
) -> Exchange:
    attempt = 1
    while True:
        lease = await backend.acquire(deadline)
        try:
            answer = await client.open(lease.address, request, deadline, repeatable=repeatable)
        except NotSent:
            lease.release(refused=True)
            if attempt == ATTEMPTS:
                raise
        except ConnectionFailed:
            lease.release()
            if attempt == ATTEMPTS or request.method not in SAFE_METHODS:
                raise
        except BaseException:
            lease.release()
            raise
        else:
            return Exchange(answer, lease, _idle_timer(answer, backend))
        attempt += 1


def _idle_timer(answer: Answer, backend: Backend) -> IdleTimer | None:
    idle_s = backend.timeouts.idle
    return IdleTimer(answer, backend.name, idle_s, asyncio.get_running_loop()) if idle_s else None


async def send(backend: Backend, client: HttpClient, request: HttpRequest, deadline: float) -> HttpResponse:
    """As `open_exchange` for requests that may be repeated, with the whole answer."""
    exchange = await open_exchange(backend, client, request, deadline, repeatable=True)
    try:
        return await exchange.answer.response()
    finally:
        exchange.close()
