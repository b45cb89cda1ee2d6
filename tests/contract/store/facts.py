"""The facts that the store's contract is told with: trips, their events, positions, a route."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import (
    Event,
    PositionRecorded,
    RoutePlanned,
    RoutePoint,
    RouteStop,
    TripCancelled,
    TripFinished,
    TripProgressed,
    TripStarted,
    event_of,
)
from trackway.storage.port import StoredPosition

T = "acme"
NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def trip(trip_id: str = "t1", vehicle_id: str = "v1", **changes: object) -> Trip:
    base = Trip(
        trip_id=trip_id,
        vehicle_id=vehicle_id,
        vehicle_name=f"Van {vehicle_id}",
        route_id="r1",
        status=TripStatus.PLANNED,
        simulated=True,
        speed=2.5,
        seed=7,
        planned_at=NOON,
        promised_at=at(600),
        started_at=at(1),
    )
    return replace(base, **changes)


def fact(struct: Struct, id: str | None = None, time: datetime = NOON, source: str = "/test") -> Event:
    trip_id = getattr(struct, "trip_id", "none")
    id = id or f"{trip_id}:{type(struct).__name__}"
    return event_of(struct, id=id, source=source, subject=trip_id, partitionkey="v1", time=time, tenant=T)


def started(trip_id: str = "t1", vehicle_id: str = "v1", when: float = 1, **changes: object) -> Event:
    base = TripStarted(
        trip_id=trip_id,
        vehicle_id=vehicle_id,
        vehicle_name=f"Van {vehicle_id}",
        route_id="r1",
        started_at=at(when),
        promised_at=at(600),
        simulated=True,
        speed=2.5,
        seed=7,
    )
    return fact(replace(base, **changes), time=at(when))


def finished(trip_id: str = "t1", when: float = 500) -> Event:
    return fact(TripFinished(trip_id=trip_id, vehicle_id="v1", finished_at=at(when)), time=at(when))


def cancelled(trip_id: str = "t1", when: float = 100, reason: str | None = "closed") -> Event:
    ended = TripCancelled(trip_id=trip_id, vehicle_id="v1", cancelled_at=at(when), reason=reason)
    return fact(ended, time=at(when))


def progressed(when: float, driven: float) -> Event:
    return fact(
        TripProgressed(
            trip_id="t1",
            vehicle_id="v1",
            recorded_at=at(when),
            driven=driven,
            remaining=1000 - driven,
            fraction=driven / 1000,
            arrival_at=at(600),
            arrival_earliest_at=at(590),
            arrival_latest_at=at(620),
            delay=-3.5,
        ),
        id=f"t1:progressed:{when}",
    )


def position(
    when: float, vehicle_id: str = "v1", trip_id: str | None = "t1", id: str | None = None, **measures: object
) -> StoredPosition:
    recorded = PositionRecorded(
        vehicle_id=vehicle_id,
        lat=-34.9 + when / 1e5,
        lng=-56.1234567,
        recorded_at=at(when),
        trip_id=trip_id,
        **measures,
    )
    return StoredPosition(source="/test", event_id=id or f"{vehicle_id}:{when}", position=recorded)


ROUTE = RoutePlanned(
    route_id="r1",
    name="Centro → Cordón",
    planned_at=NOON,
    path=(RoutePoint(-34.9, -56.2, 0.0, 12.5), RoutePoint(-34.91, -56.1, 9200.5, 12.5)),
    stops=(
        RouteStop(lat=-34.9, lng=-56.2, distance=0, name="Centro"),
        RouteStop(lat=-34.91, lng=-56.1, distance=9200.5),
    ),
    length=9200.5,
    expected_duration=736.1,
)
