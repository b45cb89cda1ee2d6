"""What a process writes: to a file of its own, to the runtime's standard error, and the last lines kept for reasons."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from pathlib import Path
from typing import Final

KEPT_LINES: Final = 20
LONGEST_LINE: Final = 16 * 1024
LARGEST_FILE: Final = 8 * 1024 * 1024


class ProcessLog:
    """Collects the lines of one process; a file over 8 MiB is set aside as `.1` at the next start."""

    def __init__(self, name: str, path: Path) -> None:
        self.last: deque[str] = deque(maxlen=KEPT_LINES)
        self._prefix = f"{name} | "
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST_FILE:
            path.replace(path.with_suffix(".log.1"))
        self._file = path.open("ab", buffering=0)

    async def copy(self, stream: asyncio.StreamReader) -> None:
        """Take every line of `stream` to its end; over-long lines are cut into pieces."""
        rest = b""
        while data := await stream.read(LONGEST_LINE):
            *lines, rest = (rest + data).split(b"\n")
            self._write(lines)
            if len(rest) >= LONGEST_LINE:
                self._write([rest])
                rest = b""
        if rest:
            self._write([rest])

    def close(self) -> None:
        """Close the file; nothing may be written any more."""
        self._file.close()

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        self._file.write(b"\n".join(lines) + b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            self.last.append(text)
            sys.stderr.write(f"{self._prefix}{text}\n")
