"""An answer as bytes on the wire (HTTP/1.1)."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

from knative_local.http1_request import HOP_BY_HOP
from knative_local.http_types import Headers, HttpResponse

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_OURS: Final = HOP_BY_HOP | {b"date"}
_BODILESS: Final = frozenset({204, 304})


class Date:
    """The Date header's line, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def __call__(self) -> bytes:
        """The line, with its end."""
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._line = b"date: " + formatdate(now, usegmt=True).encode() + b"\r\n"
        return self._line


class Start(NamedTuple):
    """The head of an answer whose body comes in parts."""

    head: bytes
    chunked: bool
    close: bool


def encode_answer(response: HttpResponse, date: bytes, *, close: bool, head_only: bool, old: bool) -> bytes:
    """Head and body as one block of bytes (two writes can cost 40 ms with delayed acknowledgements).

    `old`: to a client of HTTP/1.0, which is told when its connection stays.
    """
    head = _head(response.status, tuple(response.headers), len(response.body), close, old)
    return b"".join((head, date, b"\r\n", b"" if head_only else response.body))


def encode_start(status: int, headers: Headers, date: bytes, *, close: bool, old: bool) -> Start:
    """The head of an answer that comes from elsewhere: with its own length where it has one, else in chunks, or up to
    the end of the connection for a client of HTTP/1.0."""
    lines = [_status_line(status)]
    lines += [name + b": " + value for name, value in headers if name not in _OURS]
    length = next((value for name, value in headers if name == b"content-length"), None)
    chunked = False
    if length is not None:
        lines.append(b"content-length: " + length)
    elif status not in _BODILESS:
        chunked = not old
        close = close or old
    if chunked:
        lines.append(b"transfer-encoding: chunked")
    if close:
        lines.append(b"connection: close")
    elif old:
        lines.append(b"connection: keep-alive")
    return Start(b"\r\n".join(lines) + b"\r\n" + date + b"\r\n", chunked, close)


def encode_part(data: bytes, *, chunked: bool) -> bytes:
    """A part of the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if chunked and data else data


def encode_end(*, chunked: bool) -> bytes:
    """What follows the last part."""
    return b"0\r\n\r\n" if chunked else b""


@lru_cache(512)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}".encode()


# The few answers that there are come again with every event.
@lru_cache(512)
def _head(status: int, headers: tuple[tuple[bytes, bytes], ...], length: int, close: bool, old: bool) -> bytes:
    lines = [_status_line(status)]
    lines += [name + b": " + value for name, value in headers if name not in _OURS]
    if status not in _BODILESS:
        lines.append(b"content-length: %d" % length)
    if close:
        lines.append(b"connection: close")
    elif old:
        lines.append(b"connection: keep-alive")
    return b"\r\n".join(lines) + b"\r\n"
