"""What a function's process counts of its requests: rate, errors and durations, for next to nothing each."""

from typing import Final

from trackway.metrics import Histogram, Readings
from trackway.metrics.names import DURATIONS, FUNCTION_DURATION, FUNCTION_EVENTS, FUNCTION_REQUESTS

EVENTS: Final = "events"
REQUEST: Final = "request"
ONE_IN: Final = 16
"""Of requests that go the short way so many share one measurement of time, which costs more than counting them."""


class Meter:
    """Counts one function's requests. Those that go the short way are counted by whoever answers them, in place:
    ``begun`` and ``answered_shortly``."""

    def __init__(self) -> None:
        self.begun = 0
        self.answered_shortly = 0
        self.events = 0
        self._timed = 0
        self._answers: dict[tuple[str, int], int] = {}
        self._durations = {kind: Histogram(DURATIONS) for kind in (EVENTS, REQUEST)}

    def answered(self, kind: str, status: int, seconds: float | None) -> None:
        """A request was answered with ``status``; ``seconds`` is None where nobody knows how long it took."""
        self._answers[kind, status] = self._answers.get((kind, status), 0) + 1
        if seconds is not None:
            self._durations[kind].observe(seconds)

    def timed(self, seconds: float) -> None:
        """One of the requests that go the short way was timed: it stands for all since the last."""
        self._durations[REQUEST].observe(seconds, self.answered_shortly - self._timed)
        self._timed = self.answered_shortly

    def readings(self, function: str) -> Readings:
        """How the figures of the ``function`` stand."""
        answers = dict(self._answers)
        if self.answered_shortly:
            answers[REQUEST, 200] = answers.get((REQUEST, 200), 0) + self.answered_shortly
        for (kind, status), count in answers.items():
            yield FUNCTION_REQUESTS, (function, kind, str(status)), count
        for kind, histogram in self._durations.items():
            yield FUNCTION_DURATION, (function, kind), histogram
        yield FUNCTION_EVENTS, (function,), self.events
