"""One Trigger at work: reads on in the log, filters, delivers in any order with a bound, retries, buries."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial

from knative_local.cloudevent import CloudEvent
from knative_local.delivery import Refused, Taken, dead_letter, judge, request_for, wait_before
from knative_local.http_types import ConnectionFailed, Subscribers, TimedOut
from knative_local.log.port import DeadLetter, EventLog, LogUnavailable, Record
from knative_local.model import Destination, Trigger
from knative_local.progress import Progress
from knative_local.rates import Rate
from knative_local.slots import Slots

logger = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

_READ_AT_ONCE = 500
_LOG_UNAVAILABLE_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of one Trigger may be under way: deliveries of one event, of batches, and events held in memory."""

    in_flight: int = 50
    batches_in_flight: int = 8
    held: int = 5_000


class Pump:
    """Delivers a Trigger's events. `on_progress()` is called whenever `progress` has changed."""

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
        self.in_flight = 0
        self.progress = Progress(log.cursor(trigger.key, trigger.broker_key))
        self._log = log
        self._subscribers = subscribers
        self._on_progress = on_progress
        self._held_bound = bounds.held
        self._sleep = sleep
        self._size = trigger.batch or 1
        self._slots = Slots(bounds.batches_in_flight if trigger.batch else bounds.in_flight, self.advance)
        self._read = self.progress.done
        self._pending: deque[Record] = deque()
        self._held = 0
        self._linger: asyncio.TimerHandle | None = None
        self._due = False
        self._again: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pausing: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def backlog(self) -> int:
        """Events of the Broker that this Trigger is not through with."""
        return self.progress.open_up_to(self._log.end(self.trigger.broker_key))

    def advance(self) -> None:
        """Start whatever can be started now: called when the log has grown, a slot is free, or a linger is over."""
        if self._stopping:
            return
        more = self._read_on()
        while self._ready() and self._slots.try_take():
            unit = [self._pending.popleft() for _ in range(min(self._size, len(self._pending)))]
            self._due = False
            self._start(self._deliver(unit))
        if more and self._again is None:
            self._again = asyncio.get_running_loop().call_soon(self._advance_again)

    def replay(self, letter: DeadLetter) -> None:
        """Deliver a dead letter to this Trigger's subscriber once more, beside the log."""
        self._start(self._replay(letter))

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

    def _advance_again(self) -> None:
        self._again = None
        self.advance()

    def _read_on(self) -> bool:
        """Take one portion of the log in; whether there is room for more and there may be more."""
        if len(self._pending) >= max(self._size, self._slots.count) or self._held >= self._held_bound:
            return False
        records = self._log.read(self.trigger.broker_key, self._read, _READ_AT_ONCE)
        if not records:
            return False
        self._read = records[-1].offset
        matches = self.trigger.filter.matches
        wanted = [record for record in records if matches(record.event.attributes)]
        self._pending.extend(wanted)
        self._held += len(wanted)
        if len(wanted) < len(records):
            kept = {record.offset for record in wanted}
            self.progress.finish([record.offset for record in records if record.offset not in kept])
            self._on_progress()
        return self._read < self._log.end(self.trigger.broker_key)

    def _ready(self) -> bool:
        """Whether a delivery can be made: enough for a whole one, or those that are there have waited long enough."""
        if not self._pending:
            return False
        if len(self._pending) >= self._size or self._due or self.trigger.linger <= 0:
            return True
        if self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(self.trigger.linger, self._linger_over)
        return False

    def _linger_over(self) -> None:
        self._linger = None
        self._due = True
        self.advance()
        self._due = self._due and bool(self._pending)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, unit: Sequence[Record]) -> None:
        """Deliver one unit in the slot that is taken for it, and give the slot back."""
        if len(unit) == 1:
            await self._deliver_one(unit[0])
        else:
            await self._deliver_batch(unit)
        self._slots.give_back()

    async def _deliver_batch(self, unit: Sequence[Record]) -> None:
        verdict = await self._attempt(self.trigger.subscriber, [record.event for record in unit], batch=True)
        if isinstance(verdict, Taken):
            await self._publish(verdict)
            self._finish(unit)
            return
        # One bad event must not hold up the others: from here on each has its own way.
        logger.info("%s: a batch of %d goes one by one: %s", self.trigger.key, len(unit), verdict.failure.reason)
        for record in unit:
            self._start(self._deliver_in_line(record))

    async def _deliver_in_line(self, record: Record) -> None:
        await self._line_up()
        await self._deliver_one(record)
        self._slots.give_back()

    async def _deliver_one(self, record: Record) -> None:
        verdict, attempts = await self._attempts(
            self.trigger.subscriber, record.event, batch=self.trigger.batch is not None
        )
        if isinstance(verdict, Taken):
            await self._publish(verdict)
        else:
            await self._bury(record, verdict, attempts)
        self._finish([record])

    async def _replay(self, letter: DeadLetter) -> None:
        await self._line_up()
        subscriber = self.trigger.subscriber
        verdict, attempts = await self._attempts(subscriber, letter.event, batch=self.trigger.batch is not None)
        if isinstance(verdict, Taken):
            await self._publish(verdict)
            self.rate.add()
            await self._durably(lambda: self._log.drop_dead_letter(letter.id))
        else:
            record = Record(letter.offset, letter.when_ms, letter.event)
            url = self._subscribers.url_of(subscriber, self.trigger.namespace)
            to_sink = letter.delivered_to_sink
            await self._durably(
                lambda: self._log.bury(self.trigger.key, record, url, verdict.failure, attempts, to_sink)
            )
        self._slots.give_back()

    async def _bury(self, record: Record, refused: Refused, attempts: int) -> None:
        """Keep the event and why, then give it to the dead letter sink, which gets the same retries."""
        url = self._subscribers.url_of(self.trigger.subscriber, self.trigger.namespace)
        logger.warning(
            "%s: event %s is a dead letter after %d attempts: %s",
            self.trigger.key, record.event.attributes["id"], attempts, refused.failure.reason,
        )  # fmt: skip

        def keep(delivered_to_sink: bool) -> Callable[[], None]:
            return lambda: self._log.bury(
                self.trigger.key, record, url, refused.failure, attempts, delivered_to_sink
            )  # fmt: skip

        await self._durably(keep(delivered_to_sink=False))
        sink = self.trigger.delivery.dead_letter_sink
        if sink is None:
            return
        verdict, _ = await self._attempts(sink, dead_letter(record.event, url, refused), batch=False)
        if isinstance(verdict, Taken):
            await self._publish(verdict)
            await self._durably(keep(delivered_to_sink=True))

    async def _attempts(self, to: Destination, event: CloudEvent, *, batch: bool) -> tuple[Taken | Refused, int]:
        """Deliver one event as often as the Trigger's delivery says; what came of it, and after how many attempts."""
        attempt = 0
        while True:
            verdict = await self._attempt(to, [event], batch=batch)
            attempt += 1
            if isinstance(verdict, Taken) or not verdict.again:
                return verdict, attempt
            wait = wait_before(self.trigger.delivery, attempt)
            if wait is None:
                return verdict, attempt
            self._slots.give_back()
            await self._pause(partial(self._sleep, wait))
            await self._line_up()

    async def _attempt(self, to: Destination, events: Sequence[CloudEvent], *, batch: bool) -> Taken | Refused:
        request = request_for(events, self.trigger.namespace, batch)
        self.in_flight += len(events)
        try:
            return judge(
                await self._subscribers.send(to, self.trigger.namespace, request, self.trigger.delivery.timeout)
            )
        except (ConnectionFailed, TimedOut) as error:
            return judge(error)
        except Exception as error:
            # Whatever it is, the event must end up somewhere: a lost task would hold the cursor for ever.
            logger.exception("%s: delivery failed in an unforeseen way", self.trigger.key)
            return judge(ConnectionFailed(repr(error)))
        finally:
            self.in_flight -= len(events)

    async def _publish(self, taken: Taken) -> None:
        reply = taken.reply
        if reply is not None:
            await self._durably(lambda: self._log.append(self.trigger.broker_key, [reply]))

    async def _durably(self, write: Callable[[], Awaitable[None] | None]) -> None:
        """Write, and when the log cannot (a full disk) wait until it can: nothing else would be safe."""
        while True:
            try:
                pending = write()
                if pending is not None:
                    await pending
            except LogUnavailable as error:
                logger.error("%s: %s; waiting", self.trigger.key, error)
                await self._pause(partial(self._sleep, _LOG_UNAVAILABLE_WAIT_S))
            else:
                return

    async def _line_up(self) -> None:
        """Wait for a slot."""
        await self._pause(self._slots.take)

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
        self.rate.add(len(unit))
        self.progress.finish([record.offset for record in unit])
        self._on_progress()
