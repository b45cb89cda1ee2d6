"""Who can serve a request: the interface that Knative Services and Deployments share, and the exchange with them."""

from __future__ import annotations

import asyncio
from typing import Protocol

from knative_local.addresses import TcpAddress
from knative_local.http1 import SAFE_METHODS, Answer, HttpClient, NotSent
from knative_local.http_types import ConnectionFailed, HttpRequest, HttpResponse, TimedOut

ATTEMPTS = 3


class Unavailable(Exception):
    """Nobody can serve now; the message says why, `retry_after_s` when to ask again."""

    def __init__(self, reason: str, retry_after_s: float = 1.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class OutOfTime(TimedOut):
    """The Service's own timeoutSeconds ran out, not the caller's patience: status 504."""


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
    def timeout_s(self) -> float | None:
        """The longest a request may take, or None."""
        ...

    def pick(self) -> Backend:
        """Who takes the next request; ask it then for its timeout and a place."""
        ...

    def try_acquire(self) -> Lease | None:
        """A place that is free at this moment, or None: then `acquire` waits for one."""
        ...

    async def acquire(self, deadline: float) -> Lease:
        """Wait for a place, waking an instance if there is none; raises Unavailable, TimedOut."""
        ...


class Exchange:
    """An answer under way together with the lease that has to outlive it."""

    __slots__ = ("_lease", "answer")

    def __init__(self, answer: Answer, lease: Lease) -> None:
        self.answer = answer
        self._lease = lease

    def close(self) -> None:
        """Give up what has not arrived and give the place back."""
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
    now = asyncio.get_running_loop().time()
    own = deadline if backend.timeout_s is None else min(deadline, now + backend.timeout_s)
    try:
        return await _attempts(backend, client, request, own, repeatable)
    except TimedOut as error:
        if own < deadline:
            raise OutOfTime(f"{backend.name} did not answer within {backend.timeout_s:g} s") from error
        raise


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
            return Exchange(answer, lease)
        attempt += 1


async def send(backend: Backend, client: HttpClient, request: HttpRequest, deadline: float) -> HttpResponse:
    """As `open_exchange` for requests that may be repeated, with the whole answer."""
    exchange = await open_exchange(backend, client, request, deadline, repeatable=True)
    try:
        return await exchange.answer.response()
    finally:
        exchange.close()
