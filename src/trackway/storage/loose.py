"""Positions that belong to no trip: what all stores ask of a vehicle's, before they forget those that an archive
holds."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from trackway.domain.trip import Trip
from trackway.events import PositionRecorded

K = TypeVar("K")


def span_of(positions: Sequence[PositionRecorded]) -> tuple[str, datetime, datetime]:
    """(the vehicle, the first moment, the one after the last)."""
    moments = [position.recorded_at for position in positions]
    return positions[0].vehicle_id, min(moments), max(moments) + timedelta(microseconds=1)


def those_of(positions: Sequence[PositionRecorded], kept: Iterable[tuple[K, PositionRecorded]]) -> list[K]:
    """The keys of those kept that are among ``positions``: of several that say the same, so many as are there."""
    left = Counter(positions)
    found: list[K] = []
    for key, position in kept:
        if left[position] > 0:
            left[position] -= 1
            found.append(key)
    return found


def without_those_of(
    trips: Sequence[Trip], positions: Iterable[tuple[K, PositionRecorded]]
) -> list[tuple[K, PositionRecorded]]:
    """What is left when each trip has taken what it holds."""
    return [(key, position) for key, position in positions if not any(trip.holds(position) for trip in trips)]
