"""How many trips are open, and how many ended since midnight, kept by the moves between the states."""

from datetime import UTC, datetime

from realtime_gateway.protocol import Counts
from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip


class Tally:
    """Counts a trip in exactly one state at a time; what ended before the day began is not counted."""

    def __init__(self) -> None:
        self._midnight = datetime.min.replace(tzinfo=UTC)
        self._of: dict[TripStatus, int] = dict.fromkeys(TripStatus, 0)

    def begin_day(self, midnight: datetime, finished: int, cancelled: int) -> None:
        """Start from known counts of what has ended since ``midnight``."""
        self._midnight = midnight
        self._of[TripStatus.FINISHED] = finished
        self._of[TripStatus.CANCELLED] = cancelled

    def is_today(self, trip: Trip) -> bool:
        """Whether the trip ended since midnight."""
        return trip.ended_at is not None and trip.ended_at >= self._midnight

    def move(self, before: Trip | None, after: Trip) -> None:
        """A trip went from one state to another, or is new."""
        if before is not None and self._counts(before):
            self._of[before.status] -= 1
        if self._counts(after):
            self._of[after.status] += 1

    def counts(self) -> Counts:
        return Counts(
            planned=self._of[TripStatus.PLANNED],
            underway=self._of[TripStatus.UNDERWAY],
            finished_today=self._of[TripStatus.FINISHED],
            cancelled_today=self._of[TripStatus.CANCELLED],
        )

    def _counts(self, trip: Trip) -> bool:
        return trip.is_open or self.is_today(trip)
