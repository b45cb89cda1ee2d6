"""A lock beside a file that only one process at a time can hold; it ends with the process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from knative_local.log.port import LogUnavailable


class FileLock:
    """A held lock; `release` gives it back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path) -> FileLock:
        """Lock `path` by `<path>.lock`. Raises LogUnavailable naming the process that holds it, OSError otherwise."""
        beside = path.with_name(path.name + ".lock")
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise LogUnavailable(f"{path} is in use by process {holder}; stop that one first") from None
        with contextlib.suppress(OSError):  # on a full disk it holds all the same, without a name
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        return cls(descriptor)

    def release(self) -> None:
        """Let the next process have it; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
