"""What becomes of an event that is delivered: attempts as its Trigger says, then its reply or a dead letter."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from knative_local.cloudevent import CloudEvent
from knative_local.delivery import Refused, Taken, dead_letter, judge, reply_to, request_for, wait_before
from knative_local.http_types import ConnectionFailed, Subscribers, TimedOut
from knative_local.log.port import EventLog, Failure, LogUnavailable, Record
from knative_local.logs import about
from knative_local.metrics.figures import DeliveryFigures
from knative_local.model import Destination, Trigger

logger = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

_LOG_UNAVAILABLE_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Failed:
    """The last refusal of an event, after how many attempts, and by whom."""

    refused: Refused
    attempts: int
    url: str


class Delivering:
    """Delivers for one Trigger. `wait` waits some seconds, `back_off` does without holding up other deliveries."""

    def __init__(self, trigger: Trigger, log: EventLog, subscribers: Subscribers, wait: Sleep, back_off: Sleep) -> None:
        self.trigger = trigger
        self.in_flight = 0
        self.figures = DeliveryFigures()
        self._log = log
        self._subscribers = subscribers
        self._wait = wait
        self._back_off = back_off

    async def batch(self, records: Sequence[Record]) -> Failure | None:
        """One attempt for all of them; why it failed, or None."""
        verdict = await self._attempt(self.trigger.subscriber, records, batch=True)
        if isinstance(verdict, Refused):
            return verdict.failure
        await self._publish(verdict, records[0].event)
        return None

    async def one(self, record: Record) -> None:
        """See one event through: when this returns it is taken, or kept as a dead letter."""
        failed = await self._deliver(record)
        if failed is not None:
            await self._bury(record, failed)

    async def replay(self, letter_id: int) -> bool:
        """Deliver a dead letter once more; whether it was taken, and so is none any more."""
        letter = self._log.dead_letter(letter_id)  # read only now: thousands may stand in line
        if letter is None:
            return False
        record = Record(letter.offset, letter.when_ms, letter.event, letter.partition)
        failed = await self._deliver(record)
        if failed is None:
            await self._durably(lambda: self._log.drop_dead_letter(letter.id))
        else:
            await self._durably(self._keeping(record, failed, letter.delivered_to_sink))
        return failed is None

    async def _deliver(self, record: Record) -> _Failed | None:
        """Give an event to the subscriber, and its answer to where replies go; what failed in the end, or None."""
        trigger = self.trigger
        verdict, attempts = await self._attempts(trigger.subscriber, record, batch=trigger.batch is not None)
        if isinstance(verdict, Refused):
            return _Failed(verdict, attempts, self._url_of(trigger.subscriber))
        if not trigger.channel:
            await self._publish(verdict, record.event)
            return None
        if verdict.reply is None or trigger.reply is None:
            return None
        verdict, attempts = await self._attempts(trigger.reply, record.of(verdict.reply), batch=False)
        return _Failed(verdict, attempts, self._url_of(trigger.reply)) if isinstance(verdict, Refused) else None

    async def _bury(self, record: Record, failed: _Failed) -> None:
        """Keep the event and why, then give it to the dead letter sink, which gets the same retries."""
        logger.warning(
            "%s: event %s is a dead letter after %d attempts: %s",
            self.trigger.key, record.event.attributes["id"], failed.attempts, failed.refused.failure.reason,
            extra=about(record.event),
        )  # fmt: skip
        await self._durably(self._keeping(record, failed, delivered_to_sink=False))
        self.figures.dead_letters += 1
        sink = self.trigger.delivery.dead_letter_sink
        if sink is None:
            return
        letter = dead_letter(record.event, failed.url, failed.refused, self.trigger.broker_class)
        verdict, _ = await self._attempts(sink, record.of(letter), batch=False)
        if isinstance(verdict, Taken):
            if self.trigger.broker_class.publishes_sink_replies:
                await self._publish(verdict, letter)
            await self._durably(self._keeping(record, failed, delivered_to_sink=True))

    def _keeping(self, record: Record, failed: _Failed, delivered_to_sink: bool) -> Callable[[], None]:
        refused = failed.refused.failure
        return lambda: self._log.bury(
            self.trigger.key, record, failed.url, refused, failed.attempts, delivered_to_sink
        )  # fmt: skip

    async def _attempts(self, to: Destination, record: Record, *, batch: bool) -> tuple[Taken | Refused, int]:
        """Deliver one event as often as the Trigger's delivery says; what came of it, and after how many attempts."""
        attempt = 0
        while True:
            verdict = await self._attempt(to, [record], batch=batch)
            attempt += 1
            if isinstance(verdict, Taken) or not verdict.again:
                return verdict, attempt
            wait = wait_before(self.trigger.delivery, attempt, self.trigger.broker_class, verdict.retry_after_s)
            if wait is None:
                return verdict, attempt
            await self._back_off(wait)

    async def _attempt(self, to: Destination, records: Sequence[Record], *, batch: bool) -> Taken | Refused:
        trigger = self.trigger
        self.in_flight += len(records)
        begun = perf_counter()
        try:
            is_dead_letter = to is trigger.delivery.dead_letter_sink
            request = request_for(records, trigger, batch=batch, is_dead_letter=is_dead_letter)
            answer = await self._subscribers.send(to, trigger.namespace, request, trigger.delivery.timeout)
            verdict = judge(answer, trigger.broker_class)
        except (ConnectionFailed, TimedOut) as error:
            verdict = judge(error, trigger.broker_class)
        except Exception as error:
            # Whatever it is, the event must end up somewhere: a lost task would hold the cursor for ever.
            logger.exception("%s: delivery failed in an unforeseen way", trigger.key)
            verdict = judge(ConnectionFailed(repr(error)), trigger.broker_class)
        finally:
            self.in_flight -= len(records)
        if to is trigger.subscriber:  # and not who takes dead letters or answers
            self.figures.attempted(len(records), perf_counter() - begun, _result(verdict))
        return verdict

    def _url_of(self, destination: Destination) -> str:
        return self._subscribers.url_of(destination, self.trigger.namespace)

    async def _publish(self, taken: Taken, cause: CloudEvent) -> None:
        if taken.reply is None:
            return
        reply = reply_to(cause, taken.reply, self.trigger.broker_class)
        if reply is None:
            logger.warning(
                "%s: the reply to event %s is dropped: it is number %d of a chain of replies",
                self.trigger.key, cause.attributes["id"], self.trigger.broker_class.most_hops,
                extra=about(cause),
            )  # fmt: skip
            return
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
                await self._wait(_LOG_UNAVAILABLE_WAIT_S)
            else:
                return


def _result(verdict: Taken | Refused) -> str:
    if isinstance(verdict, Taken):
        return "taken"
    return "retried" if verdict.again else "refused"
