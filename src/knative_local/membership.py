"""An instance as its activator counts it, and the place that a request has there."""

from __future__ import annotations

import asyncio
from typing import Protocol

from knative_local.addresses import TcpAddress
from knative_local.process import Instance


class Member:
    """An instance that serves, and how many requests it has."""

    __slots__ = ("emptied", "in_flight", "instance", "leaving", "since")

    def __init__(self, instance: Instance, since: float) -> None:
        self.instance = instance
        self.since = since
        self.in_flight = 0
        self.leaving = False
        self.emptied = asyncio.Event()

    def one_less(self) -> None:
        """One of its requests has ended."""
        self.in_flight -= 1
        if self.leaving and not self.in_flight:
            self.emptied.set()

    def leave(self) -> None:
        """It gets no more requests; `emptied` tells when those it has are answered."""
        self.leaving = True
        if not self.in_flight:
            self.emptied.set()


class Host(Protocol):
    """Whose instances they are."""

    def give_back(self, member: Member, since: float, refused: bool) -> None:
        """A request has ended."""
        ...


class Place:
    """The lease of one request that began at `since`."""

    __slots__ = ("_host", "_member", "_since")

    def __init__(self, host: Host, member: Member, since: float) -> None:
        self._host: Host | None = host
        self._member = member
        self._since = since

    @property
    def address(self) -> TcpAddress:
        """Where the instance listens."""
        return self._member.instance.address

    def release(self, *, refused: bool = False) -> None:
        """Give the place back; a second time has no effect."""
        host, self._host = self._host, None
        if host is not None:
            host.give_back(self._member, self._since, refused)
