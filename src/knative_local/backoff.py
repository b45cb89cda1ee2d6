"""How long to wait before a process that keeps ending is started again."""

from __future__ import annotations

from typing import Final

FIRST_S: Final = 0.2
LONGEST_S: Final = 10.0
PROVEN_AFTER_S: Final = 10.0


class RestartBackoff:
    """Doubles from 0.2 s to 10 s; a life of 10 s or more starts it over. All times are seconds of one clock."""

    def __init__(self) -> None:
        self._failures = 0

    def ended(self, lived_s: float) -> float:
        """A process that had started well ended after `lived_s`: seconds to wait; the first time none."""
        if lived_s >= PROVEN_AFTER_S:
            self._failures = 0
        self._failures += 1
        return 0.0 if self._failures == 1 else self._delay(self._failures - 1)

    def failed(self) -> float:
        """A process did not start: seconds to wait."""
        self._failures += 1
        return self._delay(self._failures)

    @staticmethod
    def _delay(failures: int) -> float:
        return min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 16))
