"""One Trigger at work: takes its events, as many at a time as it may, and sees each through to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial

from knative_local.delivering import Delivering, Sleep
from knative_local.http_types import Subscribers
from knative_local.lanes import Lanes
from knative_local.log.port import EventLog, LogUnavailable, Record, bytes_of
from knative_local.metrics.figures import DeliveryFigures
from knative_local.model import Trigger
from knative_local.rates import Rate
from knative_local.slots import Slots

__all__ = ["Bounds", "Pump", "Sleep"]

logger = logging.getLogger(__name__)

_LOG_UNAVAILABLE_WAIT_S = 1.0
_UNFORESEEN_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of one Trigger may be under way: deliveries of one event, of batches, and events held in memory.

    Bytes are those of their JSON. `portion_bytes` is for what is read at once, and for one batch, which both have at
    least one event, however large.
    """

    in_flight: int = 50
    batches_in_flight: int = 8
    held: int = 5_000
    held_bytes: int = 32 << 20
    portion_bytes: int = 4 << 20


class Pump:
    """Delivers a Trigger's events. `on_progress()` is called whenever some are done."""

    def __init__(
        self,
        trigger: Trigger,
        log: EventLog,
        subscribers: Subscribers,
        *,
        on_progress: Callable[[], None],
        bounds: Bounds,
        sleep: Sleep,
    ) -> None:
        self.trigger = trigger
        self.rate = Rate()
        self._on_progress = on_progress
        self._bounds = bounds
        self._sleep = sleep
        self._slots = Slots(bounds.batches_in_flight if trigger.batch else bounds.in_flight, self.advance)
        self._lanes = Lanes() if trigger.ordered else None
        self._held = 0
        self._held_bytes = 0
        self._linger: asyncio.TimerHandle | None = None
        self._due = False
        self._again: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pausing: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._delivering = Delivering(trigger, log, subscribers, self._wait, self._yield_slot)
        self._reader = log.reader(trigger.key, trigger.broker_key, trigger.filter, self.advance)

    @property
    def backlog(self) -> int:
        """Events of the Broker that this Trigger is not through with."""
        return self._reader.backlog

    @property
    def in_flight(self) -> int:
        """Events that are with the subscriber now."""
        return self._delivering.in_flight

    @property
    def deliveries(self) -> DeliveryFigures:
        """What became of its attempts."""
        return self._delivering.figures

    def change(self, trigger: Trigger) -> None:
        """Go on by another definition of the same Trigger: attempts that have begun end as they were."""
        self.trigger = self._delivering.trigger = trigger
        self._slots.resize(self._bounds.batches_in_flight if trigger.batch else self._bounds.in_flight)
        self._reader.change(trigger.filter)
        self.advance()

    def advance(self) -> None:
        """Start whatever can be started now: called when events are there, a slot is free, or a linger is over."""
        if self._stopping:
            return
        more = self._fill()
        lanes = self._lanes
        if lanes is not None and not self._full():
            lanes.extend(self._hold(self._bounds.held - self._held))
        while self._due_now() and self._slots.try_take():
            unit = self._hold(self._size) if lanes is None else lanes.take(self._size, self._bounds.portion_bytes)
            self._start(self._deliver(unit))
        if not self._ready_count():
            self._due = False
        if more and self._again is None:
            self._again = asyncio.get_running_loop().call_soon(self._advance_again)

    def replay(self, letter_id: int) -> None:
        """Deliver a dead letter to this Trigger's subscriber once more, beside the log."""
        self._start(self._replay(letter_id))

    async def stop(self, grace: float) -> None:
        """Start nothing more, give what is on its way `grace` seconds, and leave the rest to the next start."""
        self._stopping = True
        for handle in (self._linger, self._again):
            if handle is not None:
                handle.cancel()
        for task in self._pausing:
            task.cancel()
        deadline = asyncio.get_running_loop().time() + grace
        while self._tasks - self._pausing and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks - self._pausing, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        late = set(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def close(self) -> None:
        """The Trigger is no more."""
        self._reader.close()

    @property
    def _size(self) -> int:
        return self.trigger.batch or 1

    def _advance_again(self) -> None:
        self._again = None
        self.advance()

    def _fill(self) -> bool:
        """Have something ready that has to be read first; whether there may be more of it."""
        if self._full():
            return False
        try:
            return self._reader.fill(self._bounds.portion_bytes)
        except LogUnavailable as error:
            logger.error("%s: %s; waiting", self.trigger.key, error)
            if self._again is None:
                self._again = asyncio.get_running_loop().call_later(_LOG_UNAVAILABLE_WAIT_S, self._advance_again)
            return False

    def _full(self) -> bool:
        return self._held >= self._bounds.held or self._held_bytes >= self._bounds.held_bytes

    def _hold(self, most: int) -> Sequence[Record]:
        before = self._reader.ready_bytes
        records = self._reader.take(most, self._bounds.portion_bytes)
        self._held += len(records)
        self._held_bytes += before - self._reader.ready_bytes
        return records

    def _ready_count(self) -> int:
        return self._reader.ready if self._lanes is None else self._lanes.ready

    def _due_now(self) -> bool:
        """Whether a delivery can be made: enough for a whole one, or those that are there have waited long enough."""
        count = self._ready_count()
        if not count or (self._lanes is None and self._full()):
            return False
        if self._due or self.trigger.linger <= 0 or count >= self._size:
            return True
        if self._lanes is None and self._reader.ready_bytes >= self._bounds.portion_bytes:
            return True
        if self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(self.trigger.linger, self._linger_over)
        return False

    def _linger_over(self) -> None:
        self._linger = None
        self._due = True
        self.advance()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, unit: Sequence[Record]) -> None:
        """Deliver one unit in the slot that is taken for it."""
        if len(unit) == 1:
            await self._in_slot(partial(self._deliver_one, unit[0]))
        else:
            await self._in_slot(partial(self._deliver_batch, unit))

    async def _in_slot(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` in the slot that is taken for it, and give the slot back.

        What fails in an unforeseen way is done again after a pause: a lost task would hold the cursor for ever.
        """
        while True:
            try:
                await work()
            except Exception:
                logger.exception("%s: failed in an unforeseen way; trying again", self.trigger.key)
            else:
                return
            finally:
                self._slots.give_back()  # also when a stop ends it while it holds none: nobody takes one any more
            await self._wait(_UNFORESEEN_WAIT_S)
            await self._line_up()

    async def _deliver_batch(self, unit: Sequence[Record]) -> None:
        failure = await self._delivering.batch(unit)
        if failure is None:
            self._finish(unit)
            return
        # One bad event must not hold up the others: from here on each has its own way.
        logger.info("%s: a batch of %d goes one by one: %s", self.trigger.key, len(unit), failure.reason)
        if self._lanes is None:
            for record in unit:
                self._start(self._deliver_in_line(record))
        else:
            for record in unit:
                await self._deliver_one(record)

    async def _deliver_in_line(self, record: Record) -> None:
        await self._line_up()
        await self._in_slot(partial(self._deliver_one, record))

    async def _deliver_one(self, record: Record) -> None:
        await self._delivering.one(record)
        self._finish([record])

    async def _replay(self, letter_id: int) -> None:
        await self._line_up()
        await self._in_slot(partial(self._replay_one, letter_id))

    async def _replay_one(self, letter_id: int) -> None:
        if await self._delivering.replay(letter_id):
            self.rate.add()

    async def _yield_slot(self, seconds: float) -> None:
        """Wait without holding a slot, and line up for one again."""
        self._slots.give_back()
        await self._wait(seconds)
        await self._line_up()

    async def _line_up(self) -> None:
        """Wait for a slot."""
        await self._pause(self._slots.take)

    async def _wait(self, seconds: float) -> None:
        await self._pause(partial(self._sleep, seconds))

    async def _pause(self, until: Callable[[], Awaitable[None]]) -> None:
        """Wait for something that is not worth waiting for when the pump stops: then this delivery ends here."""
        if self._stopping:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a pause is part of a delivery's task")
        self._pausing.add(task)
        try:
            await until()
        finally:
            self._pausing.discard(task)

    def _finish(self, unit: Sequence[Record]) -> None:
        self._held -= len(unit)
        self._held_bytes -= bytes_of(unit)
        self.rate.add(len(unit))
        self._reader.finish(unit)
        if self._lanes is not None:
            self._lanes.finish(unit)
        self._on_progress()
