"""Who watches, and what each of them is told next. Free of input and output, clocks and queues.

A subscriber is an offset: what it is sent is the difference between then and now, so the newest record of each vehicle
is all that can ever wait for a slow one. Those who see everything and are equally far share one encoded frame.
"""

import secrets
from collections.abc import Iterable

from realtime_gateway.codecs import Codec, Message
from realtime_gateway.fleet import Fleet
from realtime_gateway.protocol import Box, Counts, LiveTrip, LiveVehicle, Notice, Reset, Update, Watch, contains

FAR_ZOOM = 8.0
"""Below it a pixel is over 500 m, which no vehicle drives in a second."""
FAR_PACE = 1.0
"""Seconds between frames for who watches from so far."""
SHARED_FOR_MS = 50
"""A shared frame is not sent later than this, since clients set their clocks by its ``now_ms``."""


class Subscriber:
    """One socket's place in the stream of changes. Belongs to the hub; the shell only holds it."""

    __slots__ = ("codec", "extra", "greeted", "notices", "seen", "since", "watch")

    def __init__(self, codec: Codec, watch: Watch) -> None:
        self.codec = codec
        self.watch = watch
        self.since = -1
        """The offset of the last frame; -1 before the first one."""
        self.seen: set[str] | None = None
        """Vehicles that the client holds, or None for all of them (and then also those that it cannot have)."""
        self.extra: set[str] = set()
        """Vehicles to send although they have not changed: they came into the box because the box moved."""
        self.greeted = False
        self.notices: list[Notice] = []

    @property
    def pace(self) -> float:
        """Seconds to leave between two frames."""
        return FAR_PACE if self.watch.zoom is not None and self.watch.zoom < FAR_ZOOM else 0.0


class Hub:
    """The fleet and its subscribers. ``epoch`` names this life of the hub; offsets of another one mean nothing here."""

    def __init__(self, epoch: str | None = None) -> None:
        self.epoch = epoch or secrets.token_hex(8)
        self.fleet = Fleet()
        self.subscribers: set[Subscriber] = set()
        self.changes = 0
        self.conflated = 0
        """Of the changes since the last frames of those who watch everything, how many a newer one had replaced."""
        self._shared: dict[tuple[str, int], tuple[Message, int]] = {}
        self._shared_at = (-1, 0)  # (offset, now_ms) of the shared frames

    def subscribe(self, codec: Codec, watch: Watch) -> Subscriber:
        """A new socket said its first watch, perhaps with the last frame that it had."""
        subscriber = Subscriber(codec, watch)
        resume = watch.resume
        if (
            resume is not None
            and resume.epoch == self.epoch
            and self.fleet.horizon <= resume.offset <= self.fleet.offset
        ):
            subscriber.since = resume.offset
            # Which box it had then is not known here: what is in the box now is sent whole, and what changed elsewhere
            # too.
            subscriber.extra = self._wanted_ids(watch) if watch.box is not None else set()
        self._tell_unknown_trip(subscriber)
        self.subscribers.add(subscriber)
        return subscriber

    def watch(self, subscriber: Subscriber, watch: Watch) -> None:
        """Replace what a subscriber watches; vehicles that it does not hold yet are in its next frame."""
        held = set(self.fleet.vehicles) if subscriber.seen is None else subscriber.seen
        wanted = self._wanted_ids(watch)
        subscriber.watch = watch
        subscriber.extra = (subscriber.extra | (wanted - held)) & wanted
        subscriber.seen = None if watch.box is None else held & wanted
        self._tell_unknown_trip(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """The socket is closed."""
        self.subscribers.discard(subscriber)

    def tell(self, notice: Notice) -> None:
        """Say something to everybody, once; a slow reader gets the newest of each code."""
        for subscriber in self.subscribers:
            _replace_notice(subscriber, notice)

    def pull(self, subscriber: Subscriber, now_ms: int) -> Message | None:
        """The next message for a subscriber that is ready to take one, or None when there is nothing new for it."""
        if subscriber.greeted and subscriber.notices:
            return subscriber.codec.encode(subscriber.notices.pop(0))
        if subscriber.since < self.fleet.horizon or subscriber.since < 0:
            return self._reset(subscriber, now_ms)
        if subscriber.greeted and subscriber.since == self.fleet.offset and not subscriber.extra:
            return None
        if subscriber.watch.box is None and not subscriber.extra:
            return self._update_for_all(subscriber, now_ms)
        return self._update_for_box(subscriber, now_ms)

    def _reset(self, subscriber: Subscriber, now_ms: int) -> Message:
        box = subscriber.watch.box
        named = self._named(subscriber.watch)
        vehicles = [v for v in self.fleet.vehicles.values() if _wanted(v, box, named)]
        subscriber.seen = None if box is None else {v.vehicle_id for v in vehicles}
        self._brought_up(subscriber)
        reset = Reset(
            epoch=self.epoch,
            offset=self.fleet.offset,
            now_ms=now_ms,
            vehicles=vehicles,
            trips=self.fleet.trips(),
            counts=self.fleet.counts,
        )
        return subscriber.codec.encode(reset)

    def _update_for_all(self, subscriber: Subscriber, now_ms: int) -> Message:
        offset, at_ms = self._shared_at
        if offset != self.fleet.offset or now_ms - at_ms > SHARED_FOR_MS:
            self._shared.clear()
            self._shared_at = (self.fleet.offset, now_ms)
        audience = (subscriber.codec.subprotocol, subscriber.since)
        shared, since = self._shared.get(audience), subscriber.since
        if shared is None:
            vehicles, gone = self.fleet.vehicles_since(since), self.fleet.gone_since(since)
            update = self._update(now_ms, vehicles, self.fleet.trips_since(since), self._counts_since(since), gone)
            shared = self._shared[audience] = subscriber.codec.encode(update), _size(update)
        message, told = shared
        changes = self.fleet.offset - since
        self.changes += changes
        self.conflated += max(0, changes - told)
        self._brought_up(subscriber)
        return message

    def _update_for_box(self, subscriber: Subscriber, now_ms: int) -> Message | None:
        since = subscriber.since
        vehicles, gone = self._vehicles_for(subscriber), self.fleet.gone_since(since)
        if subscriber.seen is not None:
            gone = [each for each in gone if each in subscriber.seen]
            subscriber.seen.difference_update(gone)
        trips, counts = self.fleet.trips_since(since), self._counts_since(since)
        is_empty = not (vehicles or gone or trips or counts)
        was_greeted = subscriber.greeted
        if subscriber.watch.box is not None and subscriber.seen is None:
            subscriber.seen = self._wanted_ids(subscriber.watch)
        self._brought_up(subscriber)
        if is_empty and was_greeted:
            return None
        return subscriber.codec.encode(self._update(now_ms, vehicles, trips, counts, gone))

    def _vehicles_for(self, subscriber: Subscriber) -> list[LiveVehicle]:
        """What changed and is watched; what left the box once more, with its first place outside; and what came into
        view."""
        watch, seen = subscriber.watch, subscriber.seen
        named = self._named(watch)
        told: list[LiveVehicle] = []
        for vehicle in self.fleet.vehicles_since(subscriber.since):
            subscriber.extra.discard(vehicle.vehicle_id)
            is_wanted = _wanted(vehicle, watch.box, named)
            if is_wanted or seen is None or vehicle.vehicle_id in seen:
                told.append(vehicle)
            if seen is not None:
                (seen.add if is_wanted else seen.discard)(vehicle.vehicle_id)
        for vehicle_id in subscriber.extra:
            if (vehicle := self.fleet.vehicles.get(vehicle_id)) is not None:
                told.append(vehicle)
                if seen is not None:
                    seen.add(vehicle_id)
        return told

    def _update(
        self, now_ms: int, vehicles: list[LiveVehicle], trips: list[LiveTrip], counts: Counts | None, gone: list[str]
    ) -> Update:
        return Update(
            epoch=self.epoch,
            offset=self.fleet.offset,
            now_ms=now_ms,
            vehicles=vehicles,
            trips=trips,
            counts=counts,
            gone=gone,
        )

    def _brought_up(self, subscriber: Subscriber) -> None:
        subscriber.since = self.fleet.offset
        subscriber.extra = set()
        subscriber.greeted = True

    def _counts_since(self, offset: int) -> Counts | None:
        return self.fleet.counts if self.fleet.counts_offset > offset else None

    def _named(self, watch: Watch) -> frozenset[str]:
        """The vehicles that are watched wherever they are."""
        trip = self.fleet.trip(watch.trip) if watch.trip is not None else None
        return frozenset([*watch.vehicles, trip.vehicle_id] if trip else watch.vehicles)

    def _wanted_ids(self, watch: Watch) -> set[str]:
        named = self._named(watch)
        return {v.vehicle_id for v in self.fleet.vehicles.values() if _wanted(v, watch.box, named)}

    def _tell_unknown_trip(self, subscriber: Subscriber) -> None:
        trip_id = subscriber.watch.trip
        if trip_id is not None and self.fleet.trip(trip_id) is None:
            message = f"Trip {trip_id} is neither open nor among the last that ended today."
            _replace_notice(subscriber, Notice(code="trip-not-live", message=message))


def _size(update: Update) -> int:
    return len(update.vehicles) + len(update.trips) + len(update.gone) + (update.counts is not None)


def _wanted(vehicle: LiveVehicle, box: Box | None, named: Iterable[str]) -> bool:
    return box is None or vehicle.vehicle_id in named or contains(box, vehicle)


def _replace_notice(subscriber: Subscriber, notice: Notice) -> None:
    subscriber.notices = [*(each for each in subscriber.notices if each.code != notice.code), notice]
