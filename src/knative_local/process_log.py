"""What a process writes: to a file of its own, to the runtime's standard error, and the last lines kept for reasons."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from pathlib import Path
from typing import Final

from knative_local.logs import passed_on

KEPT_LINES: Final = 20
LONGEST_LINE: Final = 16 * 1024
LARGEST_FILE: Final = 8 * 1024 * 1024


class ProcessLog:
    """Collects the lines of one process; a file over 8 MiB is set aside as `.1` at the next start."""

    def __init__(self, name: str, path: Path) -> None:
        self.last: deque[str] = deque(maxlen=KEPT_LINES)
        self._rest: dict[int, bytes] = {}
        self._name = name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST_FILE:
            path.replace(path.with_suffix(".log.1"))
        self._file = path.open("ab", buffering=0)

    def write(self, stream: int, data: bytes) -> None:
        """Take what came on `stream` (1 or 2); a line is passed on when it is whole, or over 16 KiB."""
        *lines, rest = (self._rest.get(stream, b"") + data).split(b"\n")
        if len(rest) >= LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._rest[stream] = rest
        self._pass_on(lines)

    def close(self) -> None:
        """Pass on what has no line end, and close the file."""
        self._pass_on([rest for rest in self._rest.values() if rest])
        self._rest.clear()
        self._file.close()

    def _pass_on(self, lines: list[bytes]) -> None:
        if not lines:
            return
        with contextlib.suppress(OSError):  # a full disk is no reason to lose sight of the process
            self._file.write(b"\n".join(lines) + b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            self.last.append(text)
            sys.stderr.write(f"{passed_on(self._name, text)}\n")
