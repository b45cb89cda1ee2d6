"""Many positions of a few vehicles, and records that are no events: what the tests that kill servers send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trackway.events import Event, PositionRecorded, TripFinished
from trackway.events.event import event_of

START = datetime(2024, 11, 23, 17, 5, tzinfo=UTC)
BAD = [
    b"what is this?",
    b'{"specversion":"1.0","id":"1","source":"/s","type":"com.example.order.v1","time":"2026-11-23T17:05:00Z","data":{}}',
    b'{"specversion":"1.0","id":"2","source":"/s","type":"dev.trackway.position.recorded.v1","time":"2026-11-23T17:05:00Z",'
    b'"data":{"vehicle_id":"v","lat":1.5,"recorded_at":"2026-11-23T17:05:00Z"}}',
]
REFUSED = (
    b'{"specversion":"1.0","id":"3","source":"/s","type":"dev.trackway.position.recorded.v1","time":"2026-11-23T17:05:00Z",'
    b'"data":{"vehicle_id":"v","lat":1.5,"lng":1.5,"recorded_at":"2026-11-23T17:05:00Z","mood":"good"}}'
)
"""An event with a field that the mapping does not know."""


def position(number: int) -> Event:
    """Of 20 vehicles that drive north."""
    moment, vehicle = START + timedelta(seconds=number // 20), f"van-{number % 20}"
    fact = PositionRecorded(
        vehicle_id=vehicle, lat=-34.9 + number / 1e5, lng=-56.2, recorded_at=moment, trip_id=f"t-{vehicle}", seq=number
    )
    return event_of(fact, id=f"t-{vehicle}:{number}", source="/t", subject=vehicle, partitionkey=vehicle, time=moment)


def finish(vehicle: str) -> Event:
    fact = TripFinished(trip_id=f"t-{vehicle}", vehicle_id=vehicle, finished_at=START)
    return event_of(
        fact, id=f"t-{vehicle}:finished", source="/t", subject=f"t-{vehicle}", partitionkey=vehicle, time=START
    )
