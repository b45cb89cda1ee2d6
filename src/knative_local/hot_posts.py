"""The short way of events that are posted one by one: who posts again and again lays its requests out the same way.

A request that was read and taken in full becomes a pattern: its line and the headers that decide anything are to come
again byte by byte, values of `ce-` headers and of those that nobody here looks at may differ. What fits a pattern needs
no parser; all else goes the long way, which alone refuses.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final, Protocol

from knative_local.binary_shapes import PLAIN_VALUE, BinaryShape
from knative_local.cloudevent import CloudEvent, NotAnEvent, mode_of
from knative_local.http_types import Headers, HttpRequest, Promise, header

MOST_PATTERNS: Final = 16
LONGEST_HEAD: Final = 2_048
TRIALS: Final = 256
"""Requests that are looked at in a minute for whether they make a pattern: who varies without end is not to pay for it
each time."""

_REFILLED_AFTER_S: Final = 60.0

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length"
_DECIDING: Final = frozenset({b"connection", b"content-type", b"host", b"origin", b"sec-fetch-mode", b"sec-fetch-site"})
# What changes how a message is read or answered; `connection: close` is among the deciding, and is not learnt.
_UNUSUAL: Final = frozenset({b"expect", b"te", b"trailer", b"transfer-encoding", b"upgrade"})
_ANY_VALUE: Final = r"[!-~]+(?: [!-~]+)*"


logger = logging.getLogger(__name__)


class Taker(Protocol):
    """What takes events in."""

    def take(self, broker: str, event: CloudEvent) -> Promise | None:
        """The answer to an event that was posted to this Broker; None when it is not for it to say."""
        ...


class HotPosts:
    """Requests for whatever `broker_of` knows, by their bytes."""

    def __init__(
        self, broker_of: Callable[[str], str | None], taker: Taker, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`broker_of` gives the Broker's key for a target that led to one before; `clock` is in seconds."""
        self._broker_of = broker_of
        self._taker = taker
        self._patterns: dict[bytes, list[_Pattern]] = {}  # by their first lines
        self._known: set[str] = set()
        self._candidates: set[str] = set()
        self._clock = clock
        self._trials = TRIALS
        self._refilled = clock()

    def take(self, data: bytes) -> Promise | None:
        """The answer to what is one whole request; None when it has to be parsed."""
        patterns = self._patterns.get(data[: data.find(b"\r")])
        end = data.find(_END)
        if patterns is None or end < 0:
            return None
        head = data[:end].decode("latin-1")
        for pattern in patterns:
            match = pattern.match(head)
            if match is not None:
                values = list(match.groups())
                body = data[end + 4 :]
                if int(values.pop(pattern.length)) != len(body):
                    return None
                event = pattern.shape.read(values, body)
                return None if event is None else self._taker.take(pattern.broker, event)
        return None

    def learn(self, data: bytes, request: HttpRequest) -> None:
        """`data` began with this request, which was parsed and taken as an event."""
        if self._may_try():
            try:
                self._learn(data, request)
            except Exception:
                logger.exception("a layout of requests could not be learnt")  # the request itself is taken

    def _learn(self, data: bytes, request: HttpRequest) -> None:
        broker = self._broker_of(request.target) if mode_of(request.headers) == "binary" else None
        end = data.find(_END)
        line, *lines = data[:end].split(b"\r\n")
        if broker is None or not 0 < end <= LONGEST_HEAD or line != f"POST {request.target} HTTP/1.1".encode("latin-1"):
            return
        drawn = _draw(lines, request.headers)
        if drawn is None:
            return
        text = f"{line}{drawn}"
        if text in self._known:
            return  # it is the values that keep it on the long way
        if text not in self._candidates:  # a layout that never comes again is not worth a pattern
            self._candidates.add(text)
            return
        self._candidates.discard(text)
        try:
            pattern = _Pattern(line, drawn, request.headers, broker)
        except NotAnEvent:
            return
        if len(self._known) >= MOST_PATTERNS:
            self._patterns.clear()
            self._known.clear()
        self._known.add(text)
        self._patterns.setdefault(line, []).insert(0, pattern)

    def _may_try(self) -> bool:
        if not self._trials and self._clock() - self._refilled >= _REFILLED_AFTER_S:
            self._trials = TRIALS
            self._refilled = self._clock()
            self._candidates.clear()
        self._trials -= self._trials > 0
        return self._trials > 0


class _Pattern:
    __slots__ = ("broker", "length", "match", "shape")

    def __init__(self, line: bytes, drawn: str, headers: Headers, broker: str) -> None:
        """Raises NotAnEvent when events that come so are for the general reader."""
        varying = [name for name, _ in headers if name.startswith(b"ce-") or name == _LENGTH]
        self.length = varying.index(_LENGTH)
        self.match = re.compile(re.escape(line.decode("latin-1")) + drawn).fullmatch
        content_type = header(headers, b"content-type") or b""
        names = [name[3:].decode("latin-1") for name in varying if name != _LENGTH]
        self.shape = BinaryShape(names, content_type.decode("latin-1"))
        self.broker = broker


def _draw(lines: list[bytes], headers: Headers) -> str | None:
    """The pattern of the header lines, with a group for each `ce-` value and for the length, in their order; None where
    the parser read them in a way that the lines do not show."""
    if len(lines) != len(headers) or [name for name, _ in headers].count(_LENGTH) != 1:
        return None
    drawn: list[str] = []
    for line, (name, value) in zip(lines, headers, strict=True):
        written = line[: len(name)]
        if line != written + b": " + value or written.lower() != name or name in _UNUSUAL:
            return None
        if name == b"connection" and value.lower() != b"keep-alive":
            return None
        drawn.append("\r\n" + re.escape(written.decode("latin-1")) + ": ")
        if name.startswith(b"ce-"):
            drawn.append(f"({PLAIN_VALUE})")
        elif name == _LENGTH:
            drawn.append("([0-9]{1,9})")
        elif name in _DECIDING:
            drawn.append(re.escape(value.decode("latin-1")))
        else:
            drawn.append(_ANY_VALUE)
    return "".join(drawn)
