"""Whether the event loop waits for the disk itself, or has a thread do it."""

from __future__ import annotations

QUICK_S = 0.0025
"""A disk that takes commits faster is waited for in the loop: a thread that has waited for it waits for the
interpreter's lock as well, which a busy loop gives away only every 5 ms."""
ASKED_AGAIN_S = 1.0


class DiskPace:
    """How long a sync takes lately. What a thread measures says nothing of it, because of the lock."""

    def __init__(self) -> None:
        self._mean_s = 0.0
        self._measured_s = 0.0

    def is_quick(self, now_s: float) -> bool:
        """Whether the next sync is to be waited for in the loop. Of a slow disk one a second is, as it may recover."""
        return self._mean_s < QUICK_S or now_s - self._measured_s >= ASKED_AGAIN_S

    def took(self, seconds: float, now_s: float) -> None:
        """One that was waited for in the loop took so long."""
        weight = 1 / 8 if self._mean_s < QUICK_S else 1 / 2  # few are measured of a slow one
        self._mean_s += (seconds - self._mean_s) * weight
        self._measured_s = now_s
