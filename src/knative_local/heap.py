"""What glibc does with memory that was freed. By itself it gives the end of its heap back from 128 KB on, and maps what
is large apart: a broker, which takes and frees bodies of that size hundreds of times a second, then has the system
clear thousands of pages a second for it (a tenth of what an event costs in batches)."""

from __future__ import annotations

import ctypes
from typing import Final

# mallopt(3); the parameters' numbers are malloc.h's.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 8 << 20
_LARGE_BYTES: Final = 4 << 20


def keep_freed() -> None:
    """Keep some megabytes of this process's freed memory for what comes next. Other C libraries go on as they do."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
