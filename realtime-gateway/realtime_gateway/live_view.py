"""The hub in its surroundings: filled from the store, fed by events, flushed to the sockets, and held against the
store.

The feed acknowledges an event when the hub has it, and a gateway that is killed then forgets it, while the snapshot of
the next one may be read before the store has it. So while there is anything open, what the store says is merged every
few seconds.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, time, timedelta, tzinfo
from time import time_ns

from msgspec import Struct

from realtime_gateway.codecs import Codec, Message
from realtime_gateway.fleet import KEPT_ENDED
from realtime_gateway.frame_traces import FrameTraces
from realtime_gateway.hub import Hub, Subscriber
from realtime_gateway.meter import Meter
from realtime_gateway.protocol import Notice, Watch
from trackway.domain.clocks import check_time
from trackway.events import FACTS, Event, InvalidEvent, PositionRecorded, fact_of, milliseconds
from trackway.metrics import Readings
from trackway.metrics.names import GATEWAY_CHANGES, GATEWAY_CONFLATED, GATEWAY_TRIPS, GATEWAY_VEHICLES
from trackway.storage.port import Store, StoreUnavailable
from trackway.telemetry.logs import of
from trackway.telemetry.tracing import Tracing

log = logging.getLogger("realtime_gateway")

FLUSH_EVERY = 0.025
"""Seconds between two frames at most often: a change after a pause goes out in the next turn of the event loop."""
TEND_EVERY = 5.0
QUIET_AFTER = timedelta(minutes=1)
"""How long after the last change of a trip, with none open, until the store is left alone."""
LOOK_UP_AFTER = 0.5
"""Seconds to wait before the store is asked for what the feed speaks of: persist is a little behind."""
LOOK_UP_AT_ONCE = 100


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class Session:
    """One socket's hold on the live view: wait for something new, then take it."""

    def __init__(self, view: "LiveView", subscriber: Subscriber) -> None:
        self._view = view
        self.subscriber = subscriber
        self.next_report = 0.0
        """Before it (seconds of the monotonic clock) no report of ages is listened to."""
        self.changed = asyncio.Event()
        self.changed.set()

    def watch(self, watch: Watch) -> None:
        """Replace what is watched."""
        self._view.hub.watch(self.subscriber, watch)
        self.changed.set()

    async def messages(self) -> AsyncIterator[Message]:
        """Messages without end. While the taker is busy with one nothing gathers but the difference."""
        frames, subscriber = self._view.frames, self.subscriber
        while True:
            await self.changed.wait()
            self.changed.clear()
            since, began_ns = subscriber.since, time_ns()
            while (message := self._view.pull(subscriber)) is not None:
                yield message
                if frames is not None:  # whoever takes the next one has sent this one
                    frames.sent(subscriber, since, message, began_ns)
                await asyncio.sleep(subscriber.pace)
                since, began_ns = subscriber.since, time_ns()


class LiveView:
    """The one live view of a tenant's fleet in this process."""

    def __init__(
        self,
        store: Store,
        tenant: str,
        zone: tzinfo | None = None,
        now: Callable[[], datetime] = utc_now,
        tracing: Tracing | None = None,
    ) -> None:
        self.hub = Hub()
        self.meter = Meter()
        self.frames = None if tracing is None else FrameTraces(tracing, self.hub)
        self._store = store
        self._tenant = tenant
        self._zone = zone
        self._now = now
        self._midnight = datetime.min.replace(tzinfo=UTC)
        self._sessions: set[Session] = set()
        self._flushed_at = 0.0
        self._flush: asyncio.TimerHandle | None = None
        self._told_offset = -1
        self._look_up: asyncio.Task[None] | None = None
        self._busy_until = self._midnight
        self._moves = -1
        self._is_store_away = False

    # Life -------------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Filled from the store, and tended until left. Raises StoreUnavailable."""
        await self.load()
        tending = asyncio.create_task(self._tend_always())
        try:
            yield
        finally:
            tending.cancel()
            if self._look_up is not None:
                self._look_up.cancel()
            if self._flush is not None:
                self._flush.cancel()
            with suppress(asyncio.CancelledError):
                await tending

    async def load(self) -> None:
        """Take the store's picture: routes, trips that are open or ended today, counts, vehicles."""
        fleet, store, tenant = self.hub.fleet, self._store, self._tenant
        for route in await store.routes(tenant):
            fleet.add_route(route)
        await self._begin_day()
        ended = await store.trips_ended_since(tenant, self._midnight, KEPT_ENDED)
        for view in [*reversed(ended), *await store.open_trips(tenant)]:
            fleet.merge_trip(view, counted=not view.trip.is_open)
        for vehicle in await store.vehicles(tenant):
            fleet.merge_vehicle(vehicle, self._now())
        self._busy_until = self._now() + QUIET_AFTER

    async def tend(self) -> None:
        """What has to be done now and then: a new day, vehicles that leave, and merging what the store knows."""
        self.hub.fleet.expire(self._now())
        try:
            if self._today() > self._midnight:
                await self._begin_day()
            if self.hub.fleet.open_trips() or self._now() < self._busy_until:
                await self._reconcile()
            self._is_store_away = False
        except StoreUnavailable as error:
            self._tell_store_away(error)
        self._schedule_flush()

    async def _tend_always(self) -> None:
        while True:
            await asyncio.sleep(TEND_EVERY)
            try:
                await self.tend()
            except Exception:
                log.exception("tending the live view failed; it is tried again in %s s", TEND_EVERY)

    # Events -----------------------------------------------------------------------------------------------------------

    def receive(self, events: Sequence[Event]) -> None:
        """Take in what the broker delivers. Events of other tenants and types are passed over, and so are those whose
        data cannot be read or believed: persist refuses them, and no view waits while the broker tries them again."""
        if self.frames is None:
            self._take(events)
        else:
            self.frames.take(events, self._take)

    def _take(self, events: Sequence[Event]) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("events came", extra=of(*events))
        now = self._now()
        facts = [fact for event in events if (fact := self._fact(event, now)) is not None]
        self._count_in(len(events), facts, now)
        fleet = self.hub.fleet
        moves = fleet.trip_moves
        fleet.apply(facts)
        if fleet.trip_moves != moves:
            self._busy_until = self._now() + QUIET_AFTER
        self._schedule_flush()
        self._schedule_look_up()

    def _count_in(self, came: int, facts: Sequence[Struct], now: datetime) -> None:
        meter = self.meter
        meter.events_applied += len(facts)
        meter.events_passed_over += came - len(facts)
        newest = next((fact for fact in reversed(facts) if isinstance(fact, PositionRecorded)), None)
        if newest is not None:
            meter.arrival_age.observe(max(0.0, (now - newest.recorded_at).total_seconds()))

    def readings(self) -> Readings:
        """How the figures of what is shown stand."""
        hub, counts = self.hub, self.hub.fleet.counts
        yield GATEWAY_CHANGES, (), hub.changes
        yield GATEWAY_CONFLATED, (), hub.conflated
        yield GATEWAY_VEHICLES, (), len(hub.fleet.vehicles)
        yield GATEWAY_TRIPS, ("planned",), counts.planned
        yield GATEWAY_TRIPS, ("underway",), counts.underway
        yield GATEWAY_TRIPS, ("finished",), counts.finished_today
        yield GATEWAY_TRIPS, ("cancelled",), counts.cancelled_today

    def _fact(self, event: Event, now: datetime) -> Struct | None:
        if event.tenant != self._tenant or event.type not in FACTS:
            return None
        try:
            fact = fact_of(event)
            check_time(fact, now)
        except InvalidEvent as error:
            log.warning("passed over the event %s: %s", event.id, error.detail, extra=of(event))
            return None
        return fact

    # Sockets ----------------------------------------------------------------------------------------------------------

    def join(self, codec: Codec, watch: Watch) -> Session:
        """A socket said its first watch."""
        session = Session(self, self.hub.subscribe(codec, watch))
        self._sessions.add(session)
        return session

    def leave(self, session: Session) -> None:
        """The socket is closed."""
        self._sessions.discard(session)
        self.hub.leave(session.subscriber)

    def pull(self, subscriber: Subscriber) -> Message | None:
        """The subscriber's next message, if there is anything new for it."""
        return self.hub.pull(subscriber, milliseconds(self._now()))

    def _schedule_flush(self) -> None:
        if self._flush is not None or self._told_offset == self.hub.fleet.offset:
            return
        loop = asyncio.get_running_loop()
        self._flush = loop.call_at(max(loop.time(), self._flushed_at + FLUSH_EVERY), self._wake)

    def _wake(self) -> None:
        self._flush = None
        self._flushed_at = asyncio.get_running_loop().time()
        self._told_offset = self.hub.fleet.offset
        for session in self._sessions:
            session.changed.set()

    # The store --------------------------------------------------------------------------------------------------------

    def _schedule_look_up(self) -> None:
        fleet = self.hub.fleet
        if (fleet.unknown_trips or fleet.unknown_routes) and self._look_up is None:
            self._look_up = asyncio.create_task(self._look_up_soon())

    async def _look_up_soon(self) -> None:
        try:
            await asyncio.sleep(LOOK_UP_AFTER)
            await self.look_up()
        except StoreUnavailable as error:
            self._tell_store_away(error)
        finally:
            self._look_up = None
        self._schedule_flush()

    async def look_up(self) -> None:
        """Ask the store for trips and routes that facts speak of and that are not known here. Raises
        StoreUnavailable."""
        fleet = self.hub.fleet
        for trip_id in list(fleet.unknown_trips)[:LOOK_UP_AT_ONCE]:
            view = await self._store.trip(self._tenant, trip_id)
            if view is None:
                fleet.not_found(trip_id)
            else:
                fleet.merge_trip(view)
        for route_id in list(fleet.unknown_routes)[:LOOK_UP_AT_ONCE]:
            route = await self._store.route(self._tenant, route_id)
            if route is None:
                fleet.route_not_found(route_id)
            else:
                fleet.add_route(route)

    async def _reconcile(self) -> None:
        fleet = self.hub.fleet
        stored = await self._store.open_trips(self._tenant)
        for view in stored:
            fleet.merge_trip(view)
        still_open = {view.trip.trip_id for view in stored}
        fleet.unknown_trips.update(each for each in fleet.open_trips() if each not in still_open)
        await self.look_up()
        if fleet.trip_moves == self._moves:
            await self._count()
        self._moves = fleet.trip_moves

    async def _begin_day(self) -> None:
        self._midnight = self._today()
        await self._count()

    async def _count(self) -> None:
        counts = await self._store.trip_counts(self._tenant, self._midnight)
        self.hub.fleet.begin_day(self._midnight, counts.finished, counts.cancelled)

    def _today(self) -> datetime:
        """Midnight, as the people of this place have it."""
        today = self._now().astimezone(self._zone).date()
        return datetime.combine(today, time(), self._zone).astimezone(UTC)

    def _tell_store_away(self, error: StoreUnavailable) -> None:
        log.warning("the store cannot be reached: %s", error)
        if not self._is_store_away:
            self._is_store_away = True
            self.hub.tell(Notice(code="store-away", message="The store cannot be reached; what is live goes on."))
            self._wake()
