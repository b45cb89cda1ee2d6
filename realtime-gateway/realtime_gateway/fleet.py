"""The fleet as it is now: what the facts, in whatever order they come, make of vehicles and trips. Free of input and
output.

Newest by ``recorded_at`` wins, and a trip moves by the life cycle's table only, so that a late or repeated fact, or a
snapshot that lags behind, changes nothing. Every change of a record takes the next ``offset``.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from realtime_gateway.changes import Changes
from realtime_gateway.protocol import Counts, LiveTrip, LiveVehicle
from realtime_gateway.records import RouteNames, live_trip, live_vehicle, names_of
from realtime_gateway.tally import Tally
from trackway.domain.lifecycle import TripStatus
from trackway.domain.trip import Trip, TripEnd, after, end_of, first_end, trip_of, with_end
from trackway.events import (
    PositionRecorded,
    RoutePlanned,
    TripCancelled,
    TripDelayed,
    TripDeviated,
    TripFinished,
    TripProgressed,
    TripRejoined,
    TripStarted,
    milliseconds,
)
from trackway.storage.port import RouteSummary, TripView, Vehicle

KEPT_ENDED = 200
"""How many trips that ended today are shown beside the open ones."""
LEAVES_AFTER = timedelta(minutes=10)
"""A vehicle without an open trip leaves the live view this long after its last position."""
KEPT_GONE = 1000
KEPT_ASIDE = 5000


class _Known(Struct):
    """A trip as the hub knows it, with the record that is made of it."""

    trip: Trip
    progress: TripProgressed | None
    record: LiveTrip


class Fleet:
    """Vehicles, trips and counts with their changes; ``now`` is only ever given, never asked for."""

    def __init__(self) -> None:
        self.offset = 0
        self.horizon = 0
        """Who was last told at an offset before this one needs everything again."""
        self.vehicles: dict[str, LiveVehicle] = {}
        self.counts = Counts(planned=0, underway=0, finished_today=0, cancelled_today=0)
        self.counts_offset = 0
        self.trip_moves = 0
        """How many times a trip changed, for whoever wants to know whether it has been quiet."""
        self.unknown_trips: set[str] = set()
        """Trips that facts speak of and that are not known here: to be looked up in the store."""
        self.unknown_routes: set[str] = set()
        self._trips: dict[str, _Known] = {}
        self._ended: dict[str, None] = {}
        self._over: dict[str, None] = {}  # ended before those that are shown; no need to look them up again
        self._early_ends: dict[str, TripEnd] = {}
        self._open_trip_of: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._routes: dict[str, RouteNames] = {}
        self._tally = Tally()
        self._vehicle_changes = Changes()
        self._trip_changes = Changes()
        self._gone = Changes()
        self._handlers: dict[type[Struct], Callable[[Any], None]] = {
            PositionRecorded: self._position,
            TripProgressed: self._progress,
            TripStarted: self._started,
            TripFinished: self._end,
            TripCancelled: self._end,
            TripDelayed: self._delayed,
            TripDeviated: self._deviated,
            TripRejoined: self._rejoined,
            RoutePlanned: self.add_route,
        }

    # What comes in ----------------------------------------------------------------------------------------------------

    def apply(self, facts: Iterable[Struct]) -> None:
        """Take in facts; those of other kinds are passed over."""
        for fact in facts:
            if handler := self._handlers.get(type(fact)):
                handler(fact)

    def begin_day(self, midnight: datetime, finished: int, cancelled: int) -> None:
        """Count ends from ``midnight`` on, of which so many are known; trips that ended before it are no longer
        shown."""
        self._tally.begin_day(midnight, finished, cancelled)
        for trip_id in [each for each in self._ended if not self._tally.is_today(self._trips[each].trip)]:
            self._drop_trip(trip_id)
        self._recount()

    def add_route(self, route: RoutePlanned | RouteSummary) -> None:
        """Learn a route's names, and tell them of the trips that were waiting for them."""
        self._name_route(route.route_id, names_of(route))

    def route_not_found(self, route_id: str) -> None:
        """The store knows no such route either: it goes by its id until somebody tells."""
        self._name_route(route_id, RouteNames(route_id))

    def merge_trip(self, view: TripView, *, counted: bool = False) -> None:
        """Take in what the store says of a trip; what is newer here stays. ``counted``: the day's counts have it
        already."""
        known = self._trips.get(view.trip.trip_id)
        self.unknown_trips.discard(view.trip.trip_id)
        if known is None:
            self._put_new(self._with_early_end(view.trip), view.progress, counted=counted)
        else:
            self._put(_merged(known.trip, view.trip), _newer(known.progress, view.progress))

    def merge_vehicle(self, vehicle: Vehicle, now: datetime) -> None:
        """Take in what the store says of a vehicle, unless it would leave at once; a newer position here stays."""
        self._names.setdefault(vehicle.vehicle_id, vehicle.name)
        on_trip = vehicle.vehicle_id in self._open_trip_of
        if on_trip or now - vehicle.position.recorded_at < LEAVES_AFTER:
            self._position(vehicle.position)

    def not_found(self, trip_id: str) -> None:
        """The store knows no such trip either: it is looked up again when a fact speaks of it again."""
        self.unknown_trips.discard(trip_id)

    def expire(self, now: datetime) -> None:
        """Let the vehicles go that have no open trip and have been silent for LEAVES_AFTER."""
        limit = milliseconds(now - LEAVES_AFTER)
        leaving = [
            v.vehicle_id for v in self.vehicles.values() if v.recorded_ms < limit and not self.trip_of(v.vehicle_id)
        ]
        for vehicle_id in leaving:
            del self.vehicles[vehicle_id]
            self._vehicle_changes.forget(vehicle_id)
            self._gone.mark(vehicle_id, self._next())
        self.horizon = max(self.horizon, self._gone.trim(KEPT_GONE))

    # What is asked ----------------------------------------------------------------------------------------------------

    def trip(self, trip_id: str) -> LiveTrip | None:
        """The trip's record, if it is open or ended today and not long ago."""
        known = self._trips.get(trip_id)
        return known.record if known else None

    def trip_of(self, vehicle_id: str) -> str | None:
        """The open trip that a vehicle is on."""
        return self._open_trip_of.get(vehicle_id)

    def trips(self) -> list[LiveTrip]:
        """All that are shown."""
        return [known.record for known in self._trips.values()]

    def open_trips(self) -> list[str]:
        """Ids of the planned and underway ones."""
        return list(self._open_trip_of.values())

    def vehicles_since(self, offset: int) -> list[LiveVehicle]:
        """Those that changed after ``offset``."""
        return [self.vehicles[each] for each in self._vehicle_changes.since(offset)]

    def trips_since(self, offset: int) -> list[LiveTrip]:
        """Those that changed after ``offset``."""
        return [self._trips[each].record for each in self._trip_changes.since(offset)]

    def gone_since(self, offset: int) -> list[str]:
        """Vehicles that left after ``offset``."""
        return list(self._gone.since(offset))

    # Facts ------------------------------------------------------------------------------------------------------------

    def _position(self, position: PositionRecorded) -> None:
        vehicle_id = position.vehicle_id
        trip_id = self._open_trip_of.get(vehicle_id)
        vehicle = live_vehicle(position, self._names.get(vehicle_id, vehicle_id), trip_id)
        known = self.vehicles.get(vehicle_id)
        if known is not None and vehicle.recorded_ms <= known.recorded_ms:
            return
        if trip_id is None and position.trip_id is not None and position.trip_id not in self._trips:
            self._look_up(position.trip_id)
        self._put_vehicle(vehicle)

    def _started(self, fact: TripStarted) -> None:
        known = self._trips.get(fact.trip_id)
        if known is not None:
            self._put(after(known.trip, fact), known.progress)
        elif fact.trip_id not in self._over:
            self.unknown_trips.discard(fact.trip_id)
            self._put_new(self._with_early_end(trip_of(fact)), None)

    def _end(self, fact: TripFinished | TripCancelled) -> None:
        known = self._trips.get(fact.trip_id)
        if known is not None:
            self._put(after(known.trip, fact), known.progress)
            return
        end = end_of(fact)
        before = self._early_ends.pop(fact.trip_id, end)
        self._early_ends[fact.trip_id] = first_end(before, end)
        _bound(self._early_ends, KEPT_ASIDE)
        self._look_up(fact.trip_id)

    def _progress(self, fact: TripProgressed) -> None:
        known = self._trips.get(fact.trip_id)
        if known is None:
            self._look_up(fact.trip_id)
        else:
            self._put(known.trip, _newer(known.progress, fact))

    def _delayed(self, fact: TripDelayed) -> None:
        self._amend(fact, arrival_at=fact.arrival_at, delay=fact.delay)

    def _deviated(self, fact: TripDeviated) -> None:
        self._amend(fact, off_route=fact.off_route)

    def _rejoined(self, fact: TripRejoined) -> None:
        self._amend(fact, off_route=None)

    def _amend(self, fact: TripDelayed | TripDeviated | TripRejoined, **changed: Any) -> None:
        known = self._trips.get(fact.trip_id)
        if known is None:
            self._look_up(fact.trip_id)
        elif known.progress is not None and fact.recorded_at >= known.progress.recorded_at:
            self._put(known.trip, replace(known.progress, recorded_at=fact.recorded_at, **changed))

    def _name_route(self, route_id: str, names: RouteNames) -> None:
        self.unknown_routes.discard(route_id)
        if self._routes.get(route_id) == names:
            return
        self._routes[route_id] = names
        for known in [known for known in self._trips.values() if known.trip.route_id == route_id]:
            self._put(known.trip, known.progress)

    # Records ----------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self.offset += 1
        return self.offset

    def _look_up(self, trip_id: str) -> None:
        if trip_id not in self._over and len(self.unknown_trips) < KEPT_ASIDE:
            self.unknown_trips.add(trip_id)

    def _with_early_end(self, trip: Trip) -> Trip:
        end = self._early_ends.pop(trip.trip_id, None)
        return trip if end is None else with_end(trip, end)

    def _put_new(self, trip: Trip, progress: TripProgressed | None, *, counted: bool = False) -> None:
        if not counted:
            self._tally.move(None, trip)
        if not trip.is_open and not self._tally.is_today(trip):
            self._set_aside(trip.trip_id)
        else:
            self._store(trip, progress)
        self._recount()

    def _put(self, trip: Trip, progress: TripProgressed | None) -> None:
        known = self._trips[trip.trip_id]
        if known.trip is not trip:
            self._tally.move(known.trip, trip)
        self._store(trip, progress)
        self._recount()

    def _store(self, trip: Trip, progress: TripProgressed | None) -> None:
        record = live_trip(trip, progress, self._route_names(trip.route_id))
        known = self._trips.get(trip.trip_id)
        self._trips[trip.trip_id] = _Known(trip, progress, record)
        if known is not None and known.record == record:
            return
        self.trip_moves += 1
        self._trip_changes.mark(trip.trip_id, self._next())
        if known is None or known.trip.status is not trip.status:
            self._link(trip)

    def _link(self, trip: Trip) -> None:
        """Say of the vehicle which open trip it is on, and keep the ended trips bounded."""
        self._names[trip.vehicle_id] = trip.vehicle_name
        if trip.is_open:
            self._open_trip_of[trip.vehicle_id] = trip.trip_id
        else:
            if self._open_trip_of.get(trip.vehicle_id) == trip.trip_id:
                del self._open_trip_of[trip.vehicle_id]
            self._ended[trip.trip_id] = None
            if len(self._ended) > KEPT_ENDED:
                self._drop_trip(min(self._ended, key=lambda each: self._trips[each].record.ended_ms or 0))
        if (vehicle := self.vehicles.get(trip.vehicle_id)) is not None:
            linked = replace(vehicle, trip_id=self.trip_of(trip.vehicle_id), name=trip.vehicle_name)
            if linked != vehicle:
                self._put_vehicle(linked)

    def _put_vehicle(self, vehicle: LiveVehicle) -> None:
        self.vehicles[vehicle.vehicle_id] = vehicle
        self._vehicle_changes.mark(vehicle.vehicle_id, self._next())
        self._gone.forget(vehicle.vehicle_id)

    def _drop_trip(self, trip_id: str) -> None:
        del self._trips[trip_id]
        del self._ended[trip_id]
        self._trip_changes.forget(trip_id)
        self._set_aside(trip_id)

    def _set_aside(self, trip_id: str) -> None:
        self._over[trip_id] = None
        _bound(self._over, KEPT_ASIDE)

    def _route_names(self, route_id: str) -> RouteNames:
        names = self._routes.get(route_id)
        if names is None:
            self.unknown_routes.add(route_id)
            return RouteNames(route_id)
        return names

    def _recount(self) -> None:
        counts = self._tally.counts()
        if counts != self.counts:
            self.counts = counts
            self.counts_offset = self._next()


def _merged(known: Trip, stored: Trip) -> Trip:
    if not stored.is_open and stored.ended_at is not None:
        end = TripEnd(trip_id=stored.trip_id, status=stored.status, ended_at=stored.ended_at, reason=stored.reason)
        return with_end(known, end)
    # The store lags behind the feed, so that what is open there neither reopens a trip nor takes it back to planned.
    return stored if known.status is TripStatus.PLANNED else known


def _newer(one: TripProgressed | None, other: TripProgressed | None) -> TripProgressed | None:
    if one is None or other is None:
        return one or other
    return other if other.recorded_at >= one.recorded_at else one


def _bound(aside: dict[str, Any], most: int) -> None:
    while len(aside) > most:
        del aside[next(iter(aside))]
