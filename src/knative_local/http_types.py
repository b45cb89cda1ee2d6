"""The HTTP message and the way to a subscriber, as the parts of the runtime hand them to one another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from knative_local.model import Destination

Headers = list[tuple[bytes, bytes]]
"""Header fields in the order they came; names are lower case."""


@dataclass(slots=True)
class HttpRequest:
    """A request whose body is here whole; `target` is the path with its query."""

    method: str
    target: str
    headers: Headers = field(default_factory=list[tuple[bytes, bytes]])
    body: bytes = b""


@dataclass(slots=True)
class HttpResponse:
    """An answer whose body is here whole."""

    status: int
    headers: Headers = field(default_factory=list[tuple[bytes, bytes]])
    body: bytes = b""


@dataclass(slots=True)
class Promise:
    """An answer that is made when `future` is done, of its outcome."""

    future: asyncio.Future[Any]
    answer: Callable[[asyncio.Future[Any]], HttpResponse]


class ConnectionFailed(Exception):
    """Nobody answered: refused, closed before the answer was whole, or nobody there to start."""


class TimedOut(Exception):
    """No whole answer came within the time that was given."""


class Subscribers(Protocol):
    """The way from the dispatcher to whoever a Trigger names."""

    async def send(
        self,
        destination: Destination,
        namespace: str,
        request: HttpRequest,
        timeout: float,  # noqa: ASYNC109 - the client tells TimedOut from the caller's own cancellation
    ) -> HttpResponse:
        """Give `request` to `destination`, waking it from zero; `timeout` is in seconds.

        Raises ConnectionFailed or TimedOut when there was no HTTP answer.
        """
        ...

    def url_of(self, destination: Destination, namespace: str) -> str:
        """The URL that stands for `destination` in a dead letter's `knativeerrordest`."""
        ...


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of the header `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None
