"""Stand-ins for what functions lean on, and short ways to make facts and to call a function."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from trackway.domain import geometry
from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip
from trackway.events import Event, RoutePlanned, RoutePoint, RouteStop, TripStarted, event_of, to_batch, to_binary
from trackway.functions import Answered, Deps, Function, Received, Settings, SinkUnavailable
from trackway.functions.catalogue import load
from trackway.functions.sink import Emission
from trackway.storage.memory import InMemoryStore

FOLDER = Path(__file__).resolve().parents[3] / "functions"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TENANT = "default"


class FakeClock:
    """Time that passes only when somebody sleeps; ``on_sleep`` may do something in the meantime."""

    def __init__(self, now: datetime = NOON) -> None:
        self.moment = now
        self.on_sleep: Callable[[], Awaitable[None]] | None = None

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        if self.on_sleep is not None:
            await self.on_sleep()
        await asyncio.sleep(0)


class FakeSink:
    """Keeps what is emitted; ``refuses`` is raised instead while it is set."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.batches: list[list[Event]] = []
        self.refuses: Exception | None = None

    async def emit(self, events: Sequence[Event]) -> None:
        await asyncio.sleep(0)
        if self.refuses is not None and events:
            raise self.refuses
        if events:
            self.events.extend(events)
            self.batches.append(list(events))

    def post(self, event: Event, emission: Emission) -> None:
        if self.refuses is not None:
            emission.failed(self.refuses)
        else:
            self.events.append(event)
            emission.arrived()

    async def close(self) -> None: ...

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]

    def is_away(self) -> None:
        self.refuses = SinkUnavailable("the broker is away")

    def is_back(self) -> None:
        self.refuses = None


class World:
    """Fakes of one test, and functions that lean on them."""

    def __init__(self) -> None:
        self.clock, self.sink, self.store = FakeClock(), FakeSink(), InMemoryStore()
        self.random = Random(7)
        self.settings = Settings(store="memory://", streets="none.json", folder=str(FOLDER))

    def deps(self) -> Deps:
        return Deps(self.settings, store=self.store, clock=self.clock, sink=self.sink, random=self.random)

    def function(self, name: str) -> Function:
        """The function as a new process would have it."""
        function = load(FOLDER, name)
        function.deps = self.deps()
        return function


async def deliver(function: Function, *events: Event, batch: bool = False) -> Answered:
    """Deliver as a broker does: one event in binary mode, or a batch."""
    if batch or len(events) != 1:
        headers = {"content-type": "application/cloudevents-batch+json", "prefer": "reply"}
        return await function.answer(Received("POST", "/", "", headers, to_batch(events)))
    lines, body = to_binary(events[0])
    headers = {name.decode(): value.decode() for name, value in lines}
    return await function.answer(Received("POST", "/", "", {**headers, "prefer": "reply"}, body))


async def ask(function: Function, method: str, target: str, body: Any = None, **headers: str) -> Answered:
    """Ask over HTTP; ``body`` is sent as JSON unless it is bytes."""
    path, _, query = target.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None and not isinstance(body, bytes):
        body = msgspec.json.encode(body)
        named.setdefault("content-type", "application/json")
    return await function.answer(Received(method, path, query, named, body or b""))


def told(answered: Answered) -> Any:
    """The answer's JSON."""
    return msgspec.json.decode(answered.body)


def headers_of(answered: Answered) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in answered.headers}


def route(route_id: str = "route-1", length: int = 10, speed_limit: float = 12.5) -> RoutePlanned:
    """A route that leads north in ``length`` pieces of some 111 m."""
    places = [(-34.9 + 0.001 * number, -56.16) for number in range(length + 1)]
    points: list[RoutePoint] = []
    distance = 0.0
    for number, (lat, lng) in enumerate(places):
        distance += geometry.distance(*places[number - 1], lat, lng) if number else 0.0
        points.append(RoutePoint(lat, lng, distance, speed_limit))
    first, last = points[0], points[-1]
    return RoutePlanned(
        route_id=route_id,
        name="South → North",
        planned_at=NOON - timedelta(days=1),
        path=tuple(points),
        stops=(
            RouteStop(lat=first.lat, lng=first.lng, distance=0, name="South"),
            RouteStop(lat=last.lat, lng=last.lng, distance=distance, name="North"),
        ),
        length=distance,
        expected_duration=distance / speed_limit + 10,
    )


def trip(trip_id: str = "trip-1", vehicle_id: str = "van-1", **changes: Any) -> Trip:
    values: dict[str, Any] = {
        "trip_id": trip_id,
        "vehicle_id": vehicle_id,
        "vehicle_name": vehicle_id,
        "route_id": "route-1",
        "status": TripStatus.PLANNED,
        "simulated": True,
        "speed": 1.0,
        "seed": 1,
        "planned_at": NOON,
        "promised_at": NOON + timedelta(minutes=10),
        "started_at": NOON,
    }
    return Trip(**{**values, **changes})


def started(of: Trip) -> Event:
    """The event that dispatch emits for the trip."""
    fact = TripStarted(
        trip_id=of.trip_id,
        vehicle_id=of.vehicle_id,
        vehicle_name=of.vehicle_name,
        route_id=of.route_id,
        started_at=of.started_at,
        promised_at=of.promised_at,
        simulated=of.simulated,
        speed=of.speed,
        seed=of.seed,
    )
    return wrap(fact, f"{of.trip_id}:started", of.trip_id, of.vehicle_id, of.started_at)


def wrap(fact: msgspec.Struct, id: str, subject: str, vehicle_id: str, time: datetime = NOON) -> Event:
    return event_of(fact, id=id, source="/test", subject=subject, partitionkey=vehicle_id, time=time)
