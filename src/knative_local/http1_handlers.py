"""What an HTTP server is given to do: answers, refusals, and what takes a connection over."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from knative_local.backend import Exchange
from knative_local.http_types import Headers, HttpRequest, HttpResponse, Promise

Answering = HttpResponse | Promise | Coroutine[Any, Any, HttpResponse | Exchange]
"""What a handler gives: the answer, what it will be made of, or the work that leads to it."""


class Taker(asyncio.Protocol, ABC):
    """What a connection becomes once it is no HTTP any more."""

    @abstractmethod
    def shutdown(self) -> None:
        """Close it: the server is ending."""

    @abstractmethod
    def when_lost(self, callback: Callable[[Taker], None]) -> None:
        """Call `callback` with this one when the connection is gone."""


Answerer = Callable[[HttpRequest], Answering]
Upgrader = Callable[[HttpRequest], Taker]


class Hot(Protocol):
    """A short way for requests that it knows by their bytes."""

    def take(self, data: bytes) -> Promise | None:
        """The answer to `data`, if that is one whole request which it knows."""
        ...

    def learn(self, data: bytes, request: HttpRequest) -> None:
        """Get to know a request that was parsed, and whose answer is a promise; `data` begins with it."""
        ...


class Refuser(Protocol):
    """What looks at a request's head."""

    def __call__(self, method: str, headers: Headers, *, upgrade: bool) -> HttpResponse | None:
        """The answer that ends it before its body is read, or None."""
        ...
