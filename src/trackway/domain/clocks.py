"""Which times of facts are believed: clocks differ a little, and what is farther off would do harm."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from trackway.events import InvalidEvent, PositionRecorded, TripStarted

AHEAD = timedelta(minutes=10)
"""A clock that is farther ahead is wrong; its position would stay the newest of its vehicle until that time comes."""

OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
"""A device that does not know the time yet says 1970, or when GPS began."""


def is_plausible(moment: datetime, now: datetime) -> bool:
    """Whether something can have happened at ``moment``, as far as is known here."""
    return moment >= OLDEST and (moment <= now or moment <= now + AHEAD)


def check_time(fact: Struct, now: datetime) -> None:
    """Raises InvalidEvent for a position or a start that cannot be of its time: whatever is newest, or begins, in a far
    future stands still until then."""
    if isinstance(fact, PositionRecorded):
        moment, field = fact.recorded_at, "recorded_at"
    elif isinstance(fact, TripStarted):
        moment, field = fact.started_at, "started_at"
    else:
        return
    if not is_plausible(moment, now):
        raise InvalidEvent(f"{field}: {moment.isoformat()} is not plausible; it is {now.isoformat()} here", field)
