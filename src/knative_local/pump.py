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
from knative_local.log.port import EventLog, LogUnavailable, Record
from knative_local.model import Destination, Trigger
from knative_local.progress import Progress
from knative_local.rates import Rate
from knative_local.slots import Slots

logger = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

_READ_AT_ONCE = 500
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
        self._bounds = bounds
        self._sleep = sleep
        self._size = trigger.batch or 1
        self._slots = Slots(bounds.batches_in_flight if trigger.batch else bounds.in_flight, self.advance)
        self._read = self.progress.done
        self._pending: deque[Record] = deque()
        self._pending_bytes = 0
        self._held = 0
        self._held_bytes = 0
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
            unit = self._next_unit()
            self._due = False
            self._start(self._deliver(unit))
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

    def _advance_again(self) -> None:
        self._again = None
        self.advance()

    def _read_on(self) -> bool:
        """Take one portion of the log in; whether there is room for more and there may be more."""
        if len(self._pending) >= max(self._size, self._slots.count) or self._full():
            return False
        try:
            records = self._log.read(self.trigger.broker_key, self._read, _READ_AT_ONCE, self._bounds.portion_bytes)
        except LogUnavailable as error:
            logger.error("%s: %s; waiting", self.trigger.key, error)
            if self._again is None:
                self._again = asyncio.get_running_loop().call_later(_LOG_UNAVAILABLE_WAIT_S, self._advance_again)
            return False
        if not records:
            return False
        self._read = records[-1].offset
        matches = self.trigger.filter.matches
        wanted = [record for record in records if matches(record.event.attributes)]
        self._pending.extend(wanted)
        size = _bytes_of(wanted)
        self._pending_bytes += size
        self._held += len(wanted)
        self._held_bytes += size
        if len(wanted) < len(records):
            kept = {record.offset for record in wanted}
            self.progress.finish([record.offset for record in records if record.offset not in kept])
            self._on_progress()
        return self._read < self._log.end(self.trigger.broker_key)

    def _full(self) -> bool:
        return self._held >= self._bounds.held or self._held_bytes >= self._bounds.held_bytes

    def _next_unit(self) -> list[Record]:
        """What the next delivery carries: as many events, or as many bytes, as one may have."""
        unit: list[Record] = []
        size = 0
        while self._pending and len(unit) < self._size:
            next_size = len(self._pending[0].event.json)
            if unit and size + next_size > self._bounds.portion_bytes:
                break
            size += next_size
            unit.append(self._pending.popleft())
        self._pending_bytes -= size
        return unit

    def _ready(self) -> bool:
        """Whether a delivery can be made: enough for a whole one, or those that are there have waited long enough."""
        if not self._pending:
            return False
        if len(self._pending) >= self._size or self._pending_bytes >= self._bounds.portion_bytes:
            return True
        if self._due or self.trigger.linger <= 0:
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
            await self._pause(partial(self._sleep, _UNFORESEEN_WAIT_S))
            await self._line_up()

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
        await self._in_slot(partial(self._deliver_one, record))

    async def _deliver_one(self, record: Record) -> None:
        verdict, attempts = await self._attempts(
            self.trigger.subscriber, record.event, batch=self.trigger.batch is not None
        )
        if isinstance(verdict, Taken):
            await self._publish(verdict)
        else:
            await self._bury(record, verdict, attempts)
        self._finish([record])

    async def _replay(self, letter_id: int) -> None:
        await self._line_up()
        await self._in_slot(partial(self._replay_one, letter_id))

    async def _replay_one(self, letter_id: int) -> None:
        letter = self._log.dead_letter(letter_id)  # read only now: thousands may stand in line
        if letter is None:
            return
        subscriber = self.trigger.subscriber
        verdict, attempts = await self._attempts(subscriber, letter.event, batch=self.trigger.batch is not None)
        if isinstance(verdict, Taken):
            await self._publish(verdict)
            self.rate.add()
            await self._durably(lambda: self._log.drop_dead_letter(letter.id))
        else:
            record = Record(letter.offset, letter.when_ms, letter.event)
            url = self._subscriber_url()
            to_sink = letter.delivered_to_sink
            await self._durably(
                lambda: self._log.bury(self.trigger.key, record, url, verdict.failure, attempts, to_sink)
            )

    async def _bury(self, record: Record, refused: Refused, attempts: int) -> None:
        """Keep the event and why, then give it to the dead letter sink, which gets the same retries."""
        url = self._subscriber_url()
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
        self.in_flight += len(events)
        try:
            request = request_for(events, self.trigger.namespace, batch)
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

    def _subscriber_url(self) -> str:
        return self._subscribers.url_of(self.trigger.subscriber, self.trigger.namespace)

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
        self._held_bytes -= _bytes_of(unit)
        self.rate.add(len(unit))
        self.progress.finish([record.offset for record in unit])
        self._on_progress()


def _bytes_of(records: Sequence[Record]) -> int:
    return sum(len(record.event.json) for record in records)
