"""The life of a trip as a table: what each fact does to a trip in each status, whatever order the facts come in."""

from collections.abc import Mapping
from enum import Enum, StrEnum

from trackway.events import TripCancelled, TripFinished, TripStarted


class TripStatus(StrEnum):
    """Where a trip is in its life: planned → underway → finished or cancelled."""

    PLANNED = "planned"
    UNDERWAY = "underway"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Verdict(Enum):
    """What a fact does that moves nothing: it is late or a repeat (STAYS), or it claims another end than the one that
    is known (CONFLICT): a command is refused then (409), and of two facts the one that happened first counts."""

    STAYS = "stays"
    CONFLICT = "conflict"


LifecycleFact = TripStarted | TripFinished | TripCancelled

OPEN = frozenset({TripStatus.PLANNED, TripStatus.UNDERWAY})
OVER = frozenset({TripStatus.FINISHED, TripStatus.CANCELLED})

MOVES: Mapping[TripStatus, Mapping[type[LifecycleFact], TripStatus | Verdict]] = {
    TripStatus.PLANNED: {
        TripStarted: TripStatus.UNDERWAY,
        TripFinished: TripStatus.FINISHED,
        TripCancelled: TripStatus.CANCELLED,
    },
    TripStatus.UNDERWAY: {
        TripStarted: Verdict.STAYS,
        TripFinished: TripStatus.FINISHED,
        TripCancelled: TripStatus.CANCELLED,
    },
    TripStatus.FINISHED: {
        TripStarted: Verdict.STAYS,
        TripFinished: Verdict.STAYS,
        TripCancelled: Verdict.CONFLICT,
    },
    TripStatus.CANCELLED: {
        TripStarted: Verdict.STAYS,
        TripFinished: Verdict.CONFLICT,
        TripCancelled: Verdict.STAYS,
    },
}


def move(status: TripStatus, fact: type[LifecycleFact]) -> TripStatus | Verdict:
    """The status that a trip in ``status`` has after a fact of this class, or why it keeps the one it has."""
    return MOVES[status][fact]
