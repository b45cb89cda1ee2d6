"""The token by which a function tells the broker who it is, where Knative has that asked (EventPolicy)."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final, Self

MOUNTED: Final = Path("/oidc/token")
"""Where a SinkBinding puts it."""

READ_AGAIN_S: Final = 60.0
"""Kubernetes exchanges the file well before a token has expired."""


class TokenFile:
    """A token in a file, as the line of a request's head."""

    def __init__(self, path: Path, clock: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._clock = clock
        self._line = b""
        self._due = float("-inf")

    @classmethod
    def mounted(cls) -> Self | None:
        """That of this Pod, if it has one."""
        return cls(MOUNTED) if MOUNTED.exists() else None

    def line(self) -> bytes:
        """``authorization: Bearer …``; while the file cannot be read, what was in it before."""
        now = self._clock()
        if now >= self._due:
            self._due = now + READ_AGAIN_S
            try:
                self._line = b"authorization: Bearer %b\r\n" % self._path.read_bytes().strip()
            except OSError:
                self._due = now  # the next request asks anew
        return self._line
