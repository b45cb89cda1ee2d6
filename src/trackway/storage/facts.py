"""What both stores read out of facts before they keep them: a route's summary, a trip event's trip and moment."""

from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct

from trackway.events import Event, InvalidEvent, RoutePlanned, fact_of
from trackway.storage.port import RouteSummary

_MOMENTS = ("recorded_at", "started_at", "finished_at", "cancelled_at")


class TripFact(Struct, frozen=True):
    """An event about a trip, decoded: the trip, the moment it tells of, and the fact."""

    event: Event
    trip_id: str
    moment: datetime
    fact: Struct


def summary_of(route: RoutePlanned) -> RouteSummary:
    """The route without its path; its bounds are (south, west, north, east)."""
    lats = [point.lat for point in route.path]
    lngs = [point.lng for point in route.path]
    return RouteSummary(
        route_id=route.route_id,
        name=route.name,
        length=route.length,
        expected_duration=route.expected_duration,
        from_name=route.stops[0].name,
        to_name=route.stops[-1].name,
        planned_at=route.planned_at.astimezone(UTC),
        bounds=(min(lats), min(lngs), max(lats), max(lngs)),
    )


def trip_facts(events: Iterable[Event]) -> list[TripFact]:
    """The events decoded, all of them before any is kept. Raises InvalidEvent for one that is about no trip."""
    facts: list[TripFact] = []
    for event in events:
        fact = fact_of(event)
        trip_id = getattr(fact, "trip_id", None)
        if trip_id is None:
            raise InvalidEvent(f"event {event.id} of type {event.type} is about no trip", "type")
        own = next((getattr(fact, name) for name in _MOMENTS if hasattr(fact, name)), None)
        moment = event.time or own
        if moment is None:
            raise InvalidEvent(f"event {event.id} of type {event.type} has no time", "time")
        facts.append(TripFact(event, trip_id, moment, fact))
    return facts
