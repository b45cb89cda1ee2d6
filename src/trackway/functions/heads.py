"""Heads of requests that came before. Who asks again and again over a connection sends the same headers each time, byte
for byte, so that what the parser made of them need not be made again: a third of what a hot route costs."""

import re
from typing import Final

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""

MOST_KNOWN: Final = 256
LONGEST_KNOWN: Final = 1024

# What a parser takes for a target whatever its leniency: visible ASCII without the mark of a fragment.
_LINE: Final = re.compile(rb"GET (/[!-\"$-~]*) HTTP/1\.1\r\n")
_NOT_IN_TARGETS: Final = bytes([byte for byte in range(256) if not 0x21 <= byte <= 0x7E or byte == ord("#")])
_END: Final = b"\r\n\r\n"


Head = tuple[bytes, Headers, int]
"""A request without a body: its target, its headers, and where it ends."""


class KnownHeads:
    """Lines of headers by their bytes. They say nothing of a body or of the connection: for that a parser is needed."""

    def __init__(self) -> None:
        self._known: dict[bytes, Headers] = {}
        # What stood behind the target of the request that last came by itself: mostly the next one's target has the
        # same behind it, which is seen in half the time.
        self._behind: bytes | None = None
        self._meaning: Headers = []

    def find(self, data: bytes, at: int) -> Head | None:
        """The request that begins at ``at``, if it is there whole and its headers are known."""
        behind = self._behind
        if behind is not None and not at and data.endswith(behind) and data.startswith(b"GET /"):
            target = data[4 : -len(behind)]
            if len(target.translate(None, _NOT_IN_TARGETS)) == len(target):
                return target, self._meaning, len(data)
        line = _LINE.match(data, at)
        if line is None:
            return None
        end = data.find(_END, at)
        headers = None if end < 0 else self._known.get(data[line.end() : end])
        if headers is None:
            return None
        if not at and end + len(_END) == len(data):
            self._behind, self._meaning = data[line.end(1) :], headers
        return line[1], headers, end + len(_END)

    @staticmethod
    def candidate(data: bytes, at: int) -> bytes | None:
        """The lines of headers of the request that begins there, to be learnt once they are understood."""
        line = _LINE.match(data, at)
        end = data.find(_END, at)
        return data[line.end() : end] if line is not None and line.end() < end <= line.end() + LONGEST_KNOWN else None

    def learn(self, lines: bytes, headers: Headers) -> None:
        """These lines mean these headers. Only plain lines are kept, of which each byte is accounted for."""
        if sum(len(name) + len(value) + 4 for name, value in headers) != len(lines) + 2:
            return
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[lines] = headers
