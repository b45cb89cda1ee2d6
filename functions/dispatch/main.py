"""Starts and cancels trips: keeps the plan, tells the broker, and answers once the broker has it."""

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Annotated
from zlib import crc32

from msgspec import Meta, Struct
from msgspec.structs import replace

from trackway.domain.lifecycle import TripStatus, Verdict, move
from trackway.domain.trip import NEVER_STARTED, Trip, after
from trackway.events import Event, RoutePlanned, TripCancelled, TripStarted, event_of
from trackway.events.fields import Identifier, Moment, Name, TimeLapse
from trackway.functions import Answer, Deps, Http, Problem, Refused, Request
from trackway.storage.port import Conflict

SOURCE = "/trackway/functions/dispatch"
LARGEST_SEED = 2**53 - 1
LEEWAY = 1.2
"""Without a promise, a trip is promised for this many times its planned duration, and a minute."""


class StartTrip(Struct, frozen=True, forbid_unknown_fields=True):
    """A trip to start. Without ``vehicle_id`` a simulated vehicle is made up; ``speed`` is its time-lapse factor."""

    route_id: Identifier
    vehicle_id: Identifier | None = None
    vehicle_name: Name | None = None
    simulated: bool = True
    speed: TimeLapse = 1.0
    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED)] | None = None
    promised_at: Moment | None = None


class CancelTrip(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a trip is called off."""

    reason: Annotated[str, Meta(max_length=500)] | None = None


dispatch = Http()


@dispatch.post(
    "/v1/trips",
    body=StartTrip,
    answers={201: Trip, 400: Problem, 404: Problem, 409: Problem, 422: Problem, 503: Problem},
    summary="Start a trip; with the same Idempotency-Key it is the same trip",
)
async def start_trip(request: Request[StartTrip], deps: Deps) -> Answer:
    wanted, key = request.body, request.headers.get("idempotency-key") or None
    route = await deps.store.route(request.tenant, wanted.route_id)
    if route is None:
        raise Refused(404, f"there is no route {wanted.route_id}", "route_id")
    planned = await _plan(wanted, route, request.tenant, key, deps)
    if planned.route_id != wanted.route_id or wanted.vehicle_id not in {None, planned.vehicle_id}:
        raise Refused(422, f"this Idempotency-Key was used before, for another trip: {planned.trip_id}")
    if planned.reason == NEVER_STARTED:
        raise Conflict(f"trip {planned.trip_id} was never started, and its vehicle was given to another trip")
    # A repeat tells the broker again, with the same id: the first try may have failed between the plan and the broker.
    started = TripStarted(
        trip_id=planned.trip_id,
        vehicle_id=planned.vehicle_id,
        vehicle_name=planned.vehicle_name,
        route_id=planned.route_id,
        started_at=planned.started_at,
        promised_at=planned.promised_at,
        simulated=planned.simulated,
        speed=planned.speed,
        seed=planned.seed,
    )
    event = _event(started, "started", started.started_at, request.tenant)
    return Answer(201, after(planned, started), {"location": f"/v1/trips/{planned.trip_id}"}, [event])


async def _plan(wanted: StartTrip, route: RoutePlanned, tenant: str, key: str | None, deps: Deps) -> Trip:
    """Keep the trip as planned, or give the one that was planned with this key before."""
    trip = _trip(wanted, route, tenant, key, deps)
    if wanted.vehicle_id is not None:
        return await deps.store.plan_trip(tenant, trip, key)
    for _ in range(8):
        try:
            return await deps.store.plan_trip(tenant, trip, key)
        except Conflict:  # the made-up vehicle exists and is underway: make up another
            trip = _named(trip, f"sim-{deps.random.randrange(10_000, 1_000_000)}", wanted)
    raise Conflict("no free vehicle could be made up; name one by vehicle_id")


def _trip(wanted: StartTrip, route: RoutePlanned, tenant: str, key: str | None, deps: Deps) -> Trip:
    now = deps.clock.now()
    unique = f"{tenant}\n{key}".encode() if key else deps.random.randbytes(16)
    trip_id = f"trip-{blake2b(unique, digest_size=8).hexdigest()}"
    if wanted.promised_at is not None and wanted.promised_at <= now:
        raise Refused(400, f"promised_at: {wanted.promised_at.isoformat()} is not in the future", "promised_at")
    trip = Trip(
        trip_id=trip_id,
        vehicle_id="",
        vehicle_name="",
        route_id=wanted.route_id,
        status=TripStatus.PLANNED,
        simulated=wanted.simulated,
        speed=wanted.speed,
        seed=crc32(trip_id.encode()) if wanted.seed is None else wanted.seed,
        planned_at=now,
        promised_at=wanted.promised_at or now + _allowed(route, wanted.speed),
        started_at=now,
    )
    return _named(trip, wanted.vehicle_id or f"sim-{crc32(trip_id.encode()) % 9000 + 1000}", wanted)


def _named(trip: Trip, vehicle_id: str, wanted: StartTrip) -> Trip:
    return replace(trip, vehicle_id=vehicle_id, vehicle_name=wanted.vehicle_name or vehicle_id)


def _allowed(route: RoutePlanned, speed: float) -> timedelta:
    return timedelta(seconds=(route.expected_duration * LEEWAY + 60) / speed)


@dispatch.post(
    "/v1/trips/{trip_id}/cancel",
    body=CancelTrip,
    answers={200: Trip, 400: Problem, 404: Problem, 409: Problem, 503: Problem},
    summary="Call a trip off",
)
async def cancel_trip(request: Request[CancelTrip], deps: Deps) -> Answer:
    trip_id = request.path["trip_id"]
    view = await deps.store.trip(request.tenant, trip_id)
    if view is None:
        raise Refused(404, f"there is no trip {trip_id}", "trip_id")
    trip = view.trip
    if isinstance(move(trip.status, TripCancelled), Verdict):
        raise Conflict(f"trip {trip_id} is over: it is {trip.status.value}")
    now = deps.clock.now()
    cancelled = TripCancelled(trip_id=trip_id, vehicle_id=trip.vehicle_id, cancelled_at=now, reason=request.body.reason)
    return Answer(200, after(trip, cancelled), events=[_event(cancelled, "cancelled", now, request.tenant)])


def _event(fact: TripStarted | TripCancelled, word: str, moment: datetime, tenant: str) -> Event:
    return event_of(
        fact,
        id=f"{fact.trip_id}:{word}",
        source=SOURCE,
        subject=fact.trip_id,
        partitionkey=fact.vehicle_id,
        time=moment,
        tenant=tenant,
    )
