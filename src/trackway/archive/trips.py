"""What is archived, as lines of GeoJSON that any map program reads: a trip with all that the store knew of it, and the
positions of a vehicle that belong to no trip."""

import gzip
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from trackway.domain.trip import Trip
from trackway.events import PositionRecorded, TripProgressed, from_structured, to_structured
from trackway.storage.port import Store, TripHistory

PAGE: Final = 5000
MOST_EVENTS: Final = 100_000


class LooseTrack(Struct, frozen=True):
    """Positions of a vehicle that belong to no trip, by time."""

    vehicle_id: str
    positions: list[PositionRecorded]


Archived = TripHistory | LooseTrack


class _Properties(Struct):
    trip: Trip
    progress: TripProgressed | None
    events: list[Raw]
    positions: list[PositionRecorded]


class _Feature(Struct):
    type: str
    id: str
    geometry: dict[str, Any] | None
    properties: Raw


_VEHICLE: Final = "vehicle/"
"""Begins the id of a feature that is no trip; a trip's id has no slash."""

_feature = msgspec.json.Decoder(_Feature)
_trip = msgspec.json.Decoder(_Properties)
_track = msgspec.json.Decoder(LooseTrack)


async def read_trip(store: Store, tenant: str, trip_id: str) -> TripHistory | None:
    """All that the store knows of a trip; None when it is not known."""
    view = await store.trip(tenant, trip_id)
    if view is None:
        return None
    events = await store.trip_events(tenant, trip_id, MOST_EVENTS)
    positions = [position async for position in _positions(store, tenant, trip_id)]
    return TripHistory(view.trip, view.progress, events, positions)


async def _positions(store: Store, tenant: str, trip_id: str) -> AsyncGenerator[PositionRecorded]:
    after, limit = None, PAGE
    while True:
        page = await store.positions(tenant, trip_id, after=after, limit=limit)
        is_last = len(page) < limit
        # Several may share a moment, and a page begins after one: the last moment of a full page waits for the next.
        whole = page if is_last else [each for each in page if each.recorded_at < page[-1].recorded_at]
        for position in whole:
            yield position
        if is_last:
            return
        after, limit = (whole[-1].recorded_at, PAGE) if whole else (after, limit * 2)


def to_line(archived: Archived) -> bytes:
    """One line of GeoJSON, its newline included; of the same trip or track always the same bytes."""
    if isinstance(archived, LooseTrack):
        return _line(_VEHICLE + archived.vehicle_id, archived.positions, archived)
    events = [Raw(to_structured(event)) for event in archived.events]
    properties = _Properties(archived.trip, archived.progress, events, archived.positions)
    return _line(archived.trip.trip_id, archived.positions, properties)


def _line(id: str, positions: Sequence[PositionRecorded], properties: Struct) -> bytes:
    coordinates = [[position.lng, position.lat] for position in positions]
    geometry: dict[str, Any] | None = None
    if coordinates:
        single = len(coordinates) == 1
        geometry = {
            "type": "Point" if single else "LineString",
            "coordinates": coordinates[0] if single else coordinates,
        }
    return msgspec.json.encode(_Feature("Feature", id, geometry, Raw(msgspec.json.encode(properties)))) + b"\n"


def from_line(line: bytes) -> Archived:
    """A line read again, exactly."""
    feature = _feature.decode(line)
    if feature.id.startswith(_VEHICLE):
        return _track.decode(feature.properties)
    properties = _trip.decode(feature.properties)
    events = [from_structured(event) for event in properties.events]
    return TripHistory(properties.trip, properties.progress, events, properties.positions)


class Tracks:
    """Loose tracks from several files, put together: what is in more than one is there once."""

    def __init__(self) -> None:
        self._of: dict[str, Counter[PositionRecorded]] = {}

    def add(self, track: LooseTrack) -> None:
        """Of two that say the same in one track both count."""
        self._of[track.vehicle_id] = self._of.get(track.vehicle_id, Counter()) | Counter(track.positions)

    def all(self) -> list[LooseTrack]:
        """By vehicle."""
        return [
            LooseTrack(vehicle_id, sorted(positions.elements(), key=lambda position: position.recorded_at))
            for vehicle_id, positions in sorted(self._of.items())
        ]


@contextmanager
def writing(file: Path) -> Generator[gzip.GzipFile]:
    """A compressed file to write lines into. Nothing of the machine or the moment gets into it, so the same lines make
    the same file."""
    with file.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed:
        yield packed


def reading(file: Path) -> Iterable[Archived]:
    """The trips and tracks of a compressed file, one after the other."""
    with gzip.open(file, "rb") as packed:
        for line in packed:
            yield from_line(line)
