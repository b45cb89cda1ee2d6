"""How far a trip has come and when it will arrive: computed from its positions, one after the other."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from trackway.domain.geometry import distance
from trackway.domain.line import BACK, ON_ROUTE, Line, Match
from trackway.domain.motion import Drive, arrives_at
from trackway.domain.trip import Trip
from trackway.events import (
    PositionRecorded,
    RoutePlanned,
    TripDelayed,
    TripDeviated,
    TripFinished,
    TripProgressed,
    TripRejoined,
    milliseconds,
)

Alert = TripDelayed | TripDeviated | TripRejoined
ProgressFact = TripProgressed | Alert | TripFinished

BUCKET_MS = 5000
"""At most one trip.progressed per bucket of so many milliseconds of ``recorded_at``."""

LEAVES_AT, REJOINS_AT = 500.0, 300.0
"""Metres from the route; two thresholds, so that a vehicle between them does not come and go."""

LATE_AT, RECOVERED_AT = 300.0, 120.0
"""Seconds behind the promise."""

ARRIVED_WITHIN, ARRIVED_SHARE = 30.0, 0.9
"""Metres from the end, after at least this share of the way: a device's vehicle has arrived."""

_PRIOR = 120.0  # seconds of driving as planned that the observed pace is weighed against
_PACE = 0.6, 2.5  # how much faster or slower than planned the rest of the way is taken to be, at most
_FASTEST = 45.0  # m/s: how far a vehicle can have come between two positions
_SLACK = 300.0  # metres added to that
_REPEATS = 64  # positions whose facts are kept for repeats


class Tracker:
    """Follows one trip along its route.

    What it decides on beyond the route is in the newest TripProgressed: how far the trip was, whether it was late or
    off its route. So a tracker made from that one goes on where the one before stopped. Alerts are decided where
    progress is told (once per bucket), never in between, to keep that true.
    """

    def __init__(
        self, trip: Trip, route: RoutePlanned, progress: TripProgressed | None = None, alerts: Iterable[Alert] = ()
    ) -> None:
        """``progress`` is the newest one stored (``TripView.progress``), None for a trip that has none yet; ``alerts``
        are those stored, so that none is told again after a restart."""
        self.trip = trip
        self.finished = False
        self._line = Line.of(route)
        self._plan = Drive.of(route)
        self._end = route.path[-1]
        self._arrives_at = arrives_at(trip, route) if trip.simulated else None
        self._driven = 0.0
        self._newest: datetime | None = None
        self._late = self._off_route = False
        self._bucket = -1
        self._given: dict[datetime, list[ProgressFact]] = {}
        if progress is not None:
            self._driven = min(progress.driven, self._line.length)
            self._newest = progress.recorded_at
            self._late = progress.delay > LATE_AT
            self._off_route = progress.off_route is not None
            # Not the finishing one's bucket: a position of that moment may come again because nobody got its facts.
            self._bucket = -1 if progress.remaining == 0 else _bucket(progress.recorded_at)

        for alert in sorted(alerts, key=lambda alert: alert.recorded_at):
            self._recall(alert, progress)

    def _recall(self, alert: Alert, progress: TripProgressed | None) -> None:
        """What the newest progress does not say: alerts that are newer, and a delay between the two thresholds."""
        is_newer = progress is None or alert.recorded_at > progress.recorded_at
        if not isinstance(alert, TripDelayed):
            self._off_route = isinstance(alert, TripDeviated) if is_newer else self._off_route
        elif is_newer or (progress is not None and progress.delay >= RECOVERED_AT):
            self._late = True

    def advance(self, position: PositionRecorded) -> list[ProgressFact]:
        """What the position tells that was not known before: nothing when it is older than the newest seen.

        A position that comes again gives the same facts again, since then somebody may not have got them (their ids are
        deterministic, so twice counts once): a handler whose emit failed need not undo anything.
        """
        given = self._given.get(position.recorded_at)
        if given is not None:
            return list(given)
        newest = self._newest
        if self.finished or position.recorded_at < self.trip.started_at:
            return []
        if newest is not None and position.recorded_at < newest:
            return []
        facts = self._facts(position, self._locate(position))
        self._newest = position.recorded_at
        if facts:
            self._given[position.recorded_at] = facts
            if len(self._given) > _REPEATS:
                del self._given[next(iter(self._given))]
        return list(facts)

    def _locate(self, position: PositionRecorded) -> Match:
        since = self._newest or self.trip.started_at
        passed = max(0.0, (position.recorded_at - since).total_seconds()) * self.trip.speed
        expected = self._plan.at(self._plan.elapsed_at(self._driven) + passed / self._pace(since)).distance
        reach = _SLACK + _FASTEST * passed
        match = self._line.match(position.lat, position.lng, driven=self._driven, expected=expected, reach=reach)
        if match.offset <= ON_ROUTE or (match.distance > self._driven and match.offset <= REJOINS_AT):
            # Jitter of a standing vehicle is no way back; a match from farther back is one.
            jitter = -BACK <= match.distance - self._driven < 0
            self._driven = self._driven if jitter else match.distance
        return match

    def _facts(self, position: PositionRecorded, match: Match) -> list[ProgressFact]:
        arrived = self._arrived(position)
        bucket = _bucket(position.recorded_at)
        if not arrived and bucket == self._bucket:
            return []
        self._bucket = bucket
        facts = self._alerts_of_place(position, match.offset)
        progress = self._progress(position, match.offset, arrived=arrived)
        facts.extend(self._alerts_of_time(progress))
        facts.append(progress)
        if arrived:
            self.finished = True
            trip = self.trip
            facts.append(
                TripFinished(trip_id=trip.trip_id, vehicle_id=trip.vehicle_id, finished_at=position.recorded_at)
            )
        return facts

    def _arrived(self, position: PositionRecorded) -> bool:
        if self._arrives_at is not None:
            return position.recorded_at >= self._arrives_at
        if self._driven < ARRIVED_SHARE * self._line.length:
            return False
        return distance(position.lat, position.lng, self._end.lat, self._end.lng) <= ARRIVED_WITHIN

    def _alerts_of_place(self, position: PositionRecorded, offset: float) -> list[ProgressFact]:
        trip_id, vehicle_id, when = self.trip.trip_id, self.trip.vehicle_id, position.recorded_at
        lat, lng, off = position.lat, position.lng, round(offset, 1)
        if not self._off_route and offset > LEAVES_AT:
            self._off_route = True
            deviated = TripDeviated(
                trip_id=trip_id, vehicle_id=vehicle_id, recorded_at=when, lat=lat, lng=lng, off_route=off
            )
            return [deviated]
        if self._off_route and offset < REJOINS_AT:
            self._off_route = False
            rejoined = TripRejoined(trip_id=trip_id, vehicle_id=vehicle_id, recorded_at=when, lat=lat, lng=lng)
            return [rejoined]
        return []

    def _alerts_of_time(self, progress: TripProgressed) -> list[ProgressFact]:
        if self._late:
            self._late = progress.delay >= RECOVERED_AT
            return []
        if progress.delay <= LATE_AT:
            return []
        self._late = True
        return [
            TripDelayed(
                trip_id=progress.trip_id,
                vehicle_id=progress.vehicle_id,
                recorded_at=progress.recorded_at,
                arrival_at=progress.arrival_at,
                delay=progress.delay,
            )
        ]

    def _progress(self, position: PositionRecorded, offset: float, *, arrived: bool) -> TripProgressed:
        length = self._line.length
        driven = length if arrived else self._driven
        now = position.recorded_at
        free = self._plan.duration - self._plan.elapsed_at(driven)
        if self._off_route:
            free += offset / 8.0  # the way back, at 30 km/h
        rest = 0.0 if arrived else free * self._pace(now) / self.trip.speed
        # What can still go wrong lies ahead, and of it the better part is delay.
        spread = 0.1 + 0.15 * (1 - driven / length) if length else 0.0
        arrival = now + timedelta(seconds=round(rest, 3))
        return TripProgressed(
            trip_id=self.trip.trip_id,
            vehicle_id=self.trip.vehicle_id,
            recorded_at=now,
            driven=round(driven, 1),
            remaining=0.0 if arrived else round(max(0.1, length - driven), 1),
            fraction=1.0 if arrived or not length else round(driven / length, 4),
            arrival_at=arrival,
            arrival_earliest_at=now + timedelta(seconds=round(rest * (1 - spread * 0.6), 3)),
            arrival_latest_at=now + timedelta(seconds=round(rest * (1 + spread), 3)),
            delay=round((arrival - self.trip.promised_at).total_seconds(), 1),
            off_route=round(offset, 1) if self._off_route else None,
        )

    def _pace(self, now: datetime) -> float:
        """How many times longer than planned the driven way took. It follows from start, now and way alone, so that
        every instance that computes it from the same position gets the same; the prior keeps the first minutes calm."""
        elapsed = max(0.0, (now - self.trip.started_at).total_seconds()) * self.trip.speed
        lowest, highest = _PACE
        return min(highest, max(lowest, (elapsed + _PRIOR) / (self._plan.elapsed_at(self._driven) + _PRIOR)))


def fact_id(fact: ProgressFact) -> str:
    """The deterministic event id of a fact (docs/protocol.md): the same whenever it is computed again."""
    if isinstance(fact, TripFinished):
        return f"{fact.trip_id}:finished"
    if isinstance(fact, TripProgressed):
        # The finishing one must not share its id with another of its bucket, or it would count as a repeat of that.
        part = "end" if fact.remaining == 0 else _bucket(fact.recorded_at)
        return f"{fact.trip_id}:progressed:{part}"
    word = _WORDS[type(fact)]
    return f"{fact.trip_id}:{word}:{milliseconds(fact.recorded_at)}"


_WORDS: dict[type, str] = {TripDelayed: "delayed", TripDeviated: "deviated", TripRejoined: "rejoined"}


def fact_time(fact: ProgressFact) -> datetime:
    """The moment that a fact tells of, for the event's ``time``."""
    return fact.finished_at if isinstance(fact, TripFinished) else fact.recorded_at


def _bucket(moment: datetime) -> int:
    return milliseconds(moment) // BUCKET_MS
