"""How a simulated vehicle moves along its route: a pure function of route, seed and time."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil, sqrt
from typing import NamedTuple
from zlib import crc32

from trackway.domain.geometry import bearing
from trackway.domain.speeds import Node, halts_of, speed_plan
from trackway.domain.trip import Trip
from trackway.events import SHARDS, PositionRecorded, RoutePlanned

ACCELERATION = 1.8
"""m/s², what a delivery van is driven with."""

BRAKING = 2.5
"""m/s², comfortable."""

_KEPT_DRIVES = 2048
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


class Motion(NamedTuple):
    """Where a vehicle is in its drive: place, heading (degrees), speed (m/s), distance from the start (m)."""

    lat: float
    lng: float
    heading: float
    speed: float
    distance: float
    arrived: bool


class _Leg(NamedTuple):
    """A straight piece of the path: where it begins (m), the place there, degrees per metre, and its heading."""

    distance: float
    lat: float
    lng: float
    lat_per_m: float
    lng_per_m: float
    heading: float


class Drive:
    """One drive along a route: a table of phases of constant acceleration, made once and then only looked up.

    ``duration`` is seconds from setting out to standing at the end, ``length`` metres.
    """

    def __init__(self, route: RoutePlanned, seed: int = 0) -> None:
        self._legs = _legs(route)
        self._times: list[float] = []
        self._distances: list[float] = []
        self._phases: list[tuple[float, float, _Leg]] = []
        halts = halts_of(route, seed)
        nodes = speed_plan(route, halts, seed, acceleration=ACCELERATION, braking=BRAKING)
        self.length = nodes[-1].distance
        self.duration = self._lay_out(nodes)

    @classmethod
    def of(cls, route: RoutePlanned, seed: int = 0) -> "Drive":
        """The drive along ``route`` by the driver of ``seed``; seed 0 drives it as planned, without waits on the way.
        The newest some thousand drives are kept, so asking again costs nothing."""
        key = (route.route_id, seed)
        kept = _kept.get(key)
        if kept is not None and (kept[0] is route or kept[0] == route):
            _kept.move_to_end(key)
            return kept[1]
        drive = cls(route, seed)
        _kept[key] = (route, drive)
        if len(_kept) > _KEPT_DRIVES:
            _kept.popitem(last=False)
        return drive

    def at(self, elapsed: float) -> Motion:
        """Where the vehicle is ``elapsed`` seconds after it set out: at the start before, at the end after the
        drive."""
        clamped = min(max(elapsed, 0.0), self.duration)
        index = bisect_right(self._times, clamped) - 1
        speed, acceleration, leg = self._phases[index]
        since = clamped - self._times[index]
        distance = min(self._distances[index] + (speed + 0.5 * acceleration * since) * since, self.length)
        into = distance - leg.distance
        return Motion(
            leg.lat + leg.lat_per_m * into,
            leg.lng + leg.lng_per_m * into,
            leg.heading,
            max(0.0, speed + acceleration * since),
            distance,
            elapsed >= self.duration,
        )

    def elapsed_at(self, distance: float) -> float:
        """When the vehicle first comes to ``distance`` (m from the start), in seconds after it set out."""
        if distance <= 0:
            return 0.0
        if distance >= self.length:
            return self.duration
        index = bisect_left(self._distances, distance) - 1
        speed, acceleration, _ = self._phases[index]
        way = distance - self._distances[index]
        root = sqrt(max(0.0, speed * speed + 2 * acceleration * way))
        # The form of the quadratic's root that does not divide by the acceleration, which is 0 when cruising.
        since = 2 * way / (speed + root) if speed + root else 0.0
        following = self._times[index + 1] if index + 1 < len(self._times) else self.duration
        return min(self._times[index] + since, following)

    def _lay_out(self, nodes: list[Node]) -> float:
        """Fill the table of phases from the speeds at the nodes; gives when the last one ends (s)."""
        now, leg = 0.0, 0
        for node, following in pairwise(nodes):
            while leg + 1 < len(self._legs) and self._legs[leg + 1].distance <= node.distance:
                leg += 1
            if node.halt:
                self._add(now, node.distance, 0.0, 0.0, leg)
                now += node.halt
            now = self._drive_between(now, node, following, leg)
        end = nodes[-1]
        if not self._times or end.halt:
            self._add(now, end.distance, 0.0, 0.0, leg)
        return now + end.halt

    def _drive_between(self, now: float, node: Node, following: Node, leg: int) -> float:
        """Accelerate, cruise and brake from one node to the next; gives when it is reached (s)."""
        way = following.distance - node.distance
        start, end = node.speed, following.speed
        highest = sqrt(
            (2 * ACCELERATION * BRAKING * way + BRAKING * start**2 + ACCELERATION * end**2) / (ACCELERATION + BRAKING)
        )
        peak = max(start, end, min(node.limit, highest))
        up = (peak**2 - start**2) / (2 * ACCELERATION)
        down = (peak**2 - end**2) / (2 * BRAKING)
        cruise = max(0.0, way - up - down)
        if peak > start:
            self._add(now, node.distance, start, ACCELERATION, leg)
            now += (peak - start) / ACCELERATION
        if cruise > 1e-9:
            self._add(now, node.distance + up, peak, 0.0, leg)
            now += cruise / peak
        if peak > end:
            self._add(now, node.distance + up + cruise, peak, -BRAKING, leg)
            now += (peak - end) / BRAKING
        return now

    def _add(self, time: float, distance: float, speed: float, acceleration: float, leg: int) -> None:
        self._times.append(time)
        self._distances.append(distance)
        self._phases.append((speed, acceleration, self._legs[leg]))


_kept: OrderedDict[tuple[str, int], tuple[RoutePlanned, Drive]] = OrderedDict()


def _legs(route: RoutePlanned) -> list[_Leg]:
    """The path's straight pieces, without those of no length."""
    legs: list[_Leg] = []
    reached = route.path[0].distance
    for a, b in zip(route.path, route.path[1:], strict=False):
        way = b.distance - reached
        if way > 1e-6:
            heading = bearing(a.lat, a.lng, b.lat, b.lng)
            legs.append(_Leg(reached, a.lat, a.lng, (b.lat - a.lat) / way, (b.lng - a.lng) / way, heading))
            reached = b.distance
    if not legs:
        first = route.path[0]
        legs.append(_Leg(0.0, first.lat, first.lng, 0.0, 0.0, 0.0))
    return legs


def shard_of(vehicle_id: str) -> int:
    """The shard (0 … SHARDS−1) that drives a simulated vehicle; the same in every process and on every machine."""
    return crc32(vehicle_id.encode()) % SHARDS


def first_tick(started_at: datetime, shard: int) -> datetime:
    """The first moment at or after ``started_at`` at which the shard's vehicles report.

    Shard k reports at whole seconds + k/SHARDS s: so the shards' work is spread over the second, and the times of a
    trip's positions follow from its start alone.
    """
    return _moment(_grid_from(_micros(started_at), shard))


def next_tick(moment: datetime, shard: int) -> datetime:
    """The shard's first tick strictly after ``moment``."""
    return _moment(_grid_from(_micros(moment) + 1, shard))


def seq_of(trip: Trip, moment: datetime) -> int:
    """Number of the trip's newest position at ``moment``, as if it drove on for ever: 0 is the first, negative is
    before it."""
    return (_micros(moment) - _grid_from(_micros(trip.started_at), shard_of(trip.vehicle_id))) // _SECOND


def arrives_at(trip: Trip, route: RoutePlanned) -> datetime:
    """``recorded_at`` of a simulated trip's last position: the first tick at which its vehicle stands at the route's
    end."""
    first = _grid_from(_micros(trip.started_at), shard_of(trip.vehicle_id))
    return _moment(first + _last_seq(trip, Drive.of(route, trip.seed)) * _SECOND)


def due_positions(trip: Trip, route: RoutePlanned, after: datetime | None, until: datetime) -> list[PositionRecorded]:
    """The positions of a simulated trip with after < recorded_at ≤ until, by ``recorded_at``; ``after`` None is from
    its start.

    One a second on the grid of the vehicle's shard (see first_tick) and none past the arrival, so there are never more
    than the drive has seconds. The same arguments give the same positions, whoever asks and however often.
    """
    drive = Drive.of(route, trip.seed)
    started = _micros(trip.started_at)
    first = _grid_from(started, shard_of(trip.vehicle_id))
    begin = 0 if after is None else max(0, (_micros(after) - first) // _SECOND + 1)
    end = min((_micros(until) - first) // _SECOND, _last_seq(trip, drive))
    positions: list[PositionRecorded] = []
    for seq in range(begin, end + 1):
        moment = first + seq * _SECOND
        motion = drive.at((moment - started) / _SECOND * trip.speed)
        positions.append(
            PositionRecorded(
                vehicle_id=trip.vehicle_id,
                lat=round(motion.lat, 7),
                lng=round(motion.lng, 7),
                recorded_at=_moment(moment),
                heading=round(motion.heading, 1),
                speed=round(motion.speed, 2),
                trip_id=trip.trip_id,
                seq=seq,
            )
        )
    return positions


def _last_seq(trip: Trip, drive: Drive) -> int:
    """Number of the first position with (first tick + seq − start) · speed ≥ duration."""
    started = _micros(trip.started_at)
    first = _grid_from(started, shard_of(trip.vehicle_id))
    seq = max(0, ceil((drive.duration / trip.speed * _SECOND - (first - started)) / _SECOND))
    # The division may round the other way than drive.at's comparison: the arrival must be the last position for both.
    if (first + seq * _SECOND - started) / _SECOND * trip.speed < drive.duration:
        seq += 1
    return seq


def _grid_from(micros: int, shard: int) -> int:
    phase = shard * _SECOND // SHARDS
    return micros + (phase - micros) % _SECOND


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
