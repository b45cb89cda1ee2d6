"""A request and its answer as plain values: what the host works on, whichever server or framework carried them."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from msgspec import Struct

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_UNFIT: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


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

    def wire(self) -> bytes:
        """The whole HTTP/1.1 message. Raises ValueError for a header with a line break or another control character."""
        lines = [_STATUS_LINES[self.status]]
        for name, value in self.headers:
            if _UNFIT.search(value):
                raise ValueError(f"the header {name.decode()} of the answer has a control character")
            lines += (name, b": ", value, b"\r\n")
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(b"content-length: %d\r\n" % len(self.body))
        lines += (b"\r\n", self.body)
        return b"".join(lines)
