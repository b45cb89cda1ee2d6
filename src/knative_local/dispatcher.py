"""All Triggers at work on one log: woken by its commits, their cursors stored together, old events pruned."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from knative_local.http_types import Subscribers
from knative_local.log.port import DeadLetter, EventLog, LogUnavailable, Record
from knative_local.metrics.figures import DeliveryFigures
from knative_local.model import Trigger
from knative_local.pump import Bounds, Pump, Sleep

logger = logging.getLogger(__name__)

_COMMIT_EVERY_S = 0.2
_PRUNE_EVERY_S = 60.0
_PRUNE_AGAIN_S = 0.5
_REPLAYS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class TriggerFigures:
    """A Trigger in numbers of events: `events_total` since the start, `dead_letters` those that are kept."""

    trigger: Trigger
    events_per_s: float
    events_total: int
    in_flight: int
    backlog: int
    dead_letters: int
    deliveries: DeliveryFigures


class Dispatcher:
    """Delivers what the log holds to the Triggers' subscribers, at least once, across restarts."""

    def __init__(
        self,
        triggers: Sequence[Trigger],
        log: EventLog,
        subscribers: Subscribers,
        *,
        bounds: Bounds | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._triggers = triggers
        self._log = log
        self._subscribers = subscribers
        self._bounds = bounds or Bounds()
        self._sleep = sleep
        self._pumps: dict[str, Pump] = {}
        self._commit_timer: asyncio.TimerHandle | None = None
        self._pruned_at = time.monotonic()
        self._prune_timer: asyncio.TimerHandle | None = None
        self._stopping = False

    async def start(self) -> None:
        """Go on where each Trigger was; a new one begins at the end of its Broker's log. Raises LogUnavailable."""
        self._log.forget_triggers(trigger.key for trigger in self._triggers)
        for trigger in self._triggers:
            self._pumps[trigger.key] = self._pump(trigger)
        self._log.subscribe(self._appended)
        before: int | None = None
        while letters := self._log.dead_letters(limit=_REPLAYS_AT_ONCE, before=before, replaying=True):
            for letter in letters:
                self._resume_replay(letter)
            before = letters[-1].id
        for pump in self._pumps.values():
            pump.advance()

    async def apply(self, triggers: Sequence[Trigger], grace: float) -> None:
        """Go on with these Triggers: new ones begin at the end of the log, those that changed stay where they are, and
        those that are gone get `grace` seconds for what is on its way.

        Raises LogUnavailable, and may be called again then.
        """
        wanted = {trigger.key: trigger for trigger in triggers}
        moved = {
            key
            for key, pump in self._pumps.items()
            if key not in wanted
            or (wanted[key].broker_key, wanted[key].ordered) != (pump.trigger.broker_key, pump.trigger.ordered)
        }
        leaving = [self._pumps.pop(key) for key in moved]
        for key, pump in self._pumps.items():
            if pump.trigger != wanted[key]:
                pump.change(wanted[key])
        await asyncio.gather(*(pump.stop(grace) for pump in leaving))
        self._commit()
        for pump in leaving:
            pump.close()
        self._triggers = triggers
        self._log.forget_triggers(wanted)
        for key, trigger in wanted.items():
            if key not in self._pumps:
                self._pumps[key] = self._pump(trigger)
                self._pumps[key].advance()
        self._pumps = {key: self._pumps[key] for key in wanted}

    async def stop(self, grace: float) -> None:
        """Start nothing more, wait up to `grace` seconds for what is on its way, and store the cursors."""
        self._stopping = True
        await asyncio.gather(*(pump.stop(grace) for pump in self._pumps.values()))
        for timer in (self._commit_timer, self._prune_timer):
            if timer is not None:
                timer.cancel()
        self._commit()

    def replay(self, letter: DeadLetter) -> bool:
        """Deliver a dead letter to its Trigger again; False when that Trigger is no more. Raises LogUnavailable."""
        pump = self._pumps.get(letter.trigger)
        if pump is None:
            return False
        if not letter.replaying:
            self._log.mark_replaying(letter.id, replaying=True)
            pump.replay(letter.id)
        return True

    def trigger_figures(self) -> list[TriggerFigures]:
        """The numbers of all Triggers, in the manifests' order."""
        dead = self._log.dead_letter_counts()
        return [
            TriggerFigures(
                trigger=pump.trigger,
                events_per_s=pump.rate.per_second(),
                events_total=pump.rate.total,
                in_flight=pump.in_flight,
                backlog=pump.backlog,
                dead_letters=dead.get(key, 0),
                deliveries=pump.deliveries,
            )
            for key, pump in self._pumps.items()
        ]

    def _pump(self, trigger: Trigger) -> Pump:
        return Pump(
            trigger,
            self._log,
            self._subscribers,
            on_progress=self._progressed,
            bounds=self._bounds,
            sleep=self._sleep,
        )

    def _appended(self, broker: str, records: Sequence[Record]) -> None:  # noqa: ARG002 - readers have what is theirs
        if not self._stopping:
            self._progressed()  # also what no Trigger wants moves cursors on, and has to go when it is old

    def _resume_replay(self, letter: DeadLetter) -> None:
        pump = self._pumps.get(letter.trigger)
        if pump is None:
            self._log.mark_replaying(letter.id, replaying=False)
        else:
            pump.replay(letter.id)

    def _progressed(self) -> None:
        if self._commit_timer is None:
            self._commit_timer = asyncio.get_running_loop().call_later(_COMMIT_EVERY_S, self._commit_due)

    def _commit_due(self) -> None:
        self._commit_timer = None
        self._commit()
        if self._prune_timer is None and time.monotonic() - self._pruned_at >= _PRUNE_EVERY_S:
            self._prune()

    def _commit(self) -> None:
        try:
            self._log.commit()
        except LogUnavailable as error:
            # Only means that more is delivered again after a crash; the next commit carries it.
            logger.warning("cursors are not stored: %s", error)

    def _prune(self) -> None:
        """Delete a portion of what nobody needs, and soon the next, so that no turn of the loop takes long."""
        self._prune_timer = None
        self._pruned_at = time.monotonic()
        try:
            deleted = self._log.prune(time.time_ns() // 1_000_000)
        except LogUnavailable as error:
            logger.warning("old events are not pruned: %s", error)
            return
        if deleted:
            self._prune_timer = asyncio.get_running_loop().call_later(_PRUNE_AGAIN_S, self._prune)
