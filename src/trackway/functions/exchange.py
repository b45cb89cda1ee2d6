"""A request and its answer as plain values: what the host works on, whichever server or framework carried them."""

from collections.abc import Mapping

from msgspec import Struct


class Received(Struct, frozen=True):
    """A request: ``path`` without query, percent-decoded; ``query`` as it came; header names in lower case; whole
    body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Answered(Struct, frozen=True):
    """An answer, to be written at once: headers and body written apart cost 40 ms a hop with some peers."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
