"""The instances of one Knative Service: requests wait here while there is none; the autoscaler says how many."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from operator import attrgetter
from typing import Final

from knative_local.autoscaler import LONGEST_TICK_S, Autoscaler
from knative_local.backend import Lease, Timeouts, Unavailable
from knative_local.backoff import RestartBackoff
from knative_local.http_types import TimedOut
from knative_local.membership import Member, Place
from knative_local.model import KnService
from knative_local.process import Instance, StartError
from knative_local.usage import Usage

START_TIMEOUT_S: Final = 60.0
MOST_WAITING: Final = 10_000
QUEUE_FACTOR: Final = 10
DRAIN_GRACE_S: Final = 30.0

_in_flight = attrgetter("in_flight")

logger = logging.getLogger(__name__)


class Activator:
    """Serves one Service. `launch` starts a process for it; nothing runs and no timer ticks while it is at zero."""

    def __init__(
        self, service: KnService, launch: Callable[[], Awaitable[Instance]], usage: Usage, machine_limit: int
    ) -> None:
        self.service = service
        self.usage = usage
        self.label = service.name
        """By which people know it: the Service's name, or the revision's where a Service has several at once."""
        self._launch = launch
        self._loop = asyncio.get_running_loop()
        self._autoscaler = Autoscaler(service, machine_limit)
        self._timeouts = Timeouts(service.timeout_seconds, service.response_start_timeout_s, service.idle_timeout_s)
        self._backoff = RestartBackoff()
        self._members: list[Member] = []
        self._takers: list[Member] = []
        """Those of the members whose readiness probe lets them take requests."""
        self._waiting: deque[asyncio.Future[Member]] = deque()
        self._lives: set[asyncio.Task[None]] = set()
        self._drains: dict[asyncio.Task[None], Member] = {}
        self._load = 0
        self._direct = 0
        self.direct_url: str | None = None
        self._starting = 0
        self._desired = 0
        self._cold_since: float | None = None
        self._on_proven: Callable[[], None] | None = None
        self._not_before = 0.0
        self._reason = ""
        self._timer: asyncio.TimerHandle | None = None
        self._restart: asyncio.TimerHandle | None = None
        self._grace_s = DRAIN_GRACE_S
        self._stopping = False

    @property
    def name(self) -> str:
        """Kind and name."""
        return f"Service {self.label}"

    @property
    def timeouts(self) -> Timeouts:
        """The revision's."""
        return self._timeouts

    @property
    def instances(self) -> int:
        """How many can serve."""
        return len(self._members)

    @property
    def starting(self) -> int:
        """How many are on their way."""
        return self._starting

    @property
    def in_flight(self) -> int:
        """How many requests wait or are under way."""
        return self._load

    @property
    def is_busy(self) -> bool:
        """Whether it has an instance or a request."""
        return bool(self._members or self._lives or self._drains or self._load)

    @property
    def problem(self) -> str | None:
        """Why it cannot be started, or None."""
        return self._reason or None

    def begin(self) -> None:
        """Start what has to run before the first request: min-scale, or an initial-scale that asks for several.

        An initial-scale of 1, which is Knative's default, shows there that the revision works; here a start would
        be a start of everything.
        """
        initial = self.service.scaling.initial_scale if self.service.scaling.initial_scale > 1 else 0
        self._desired = max(self._autoscaler.least, initial)
        self._reconcile()

    def prove(self, proven: Callable[[], None]) -> None:
        """Start an instance, again and again until one serves, and call `proven` then."""
        self._on_proven = proven
        self._reconcile()

    def retire(self) -> None:
        """No traffic is meant for this revision any more: nothing but its load holds back its last instances."""
        self._autoscaler.reachable = False
        self._on_proven = None
        if not self._stopping:
            self._evaluate()

    def pick(self) -> Activator:
        """Itself: there is nobody to choose from."""
        return self

    def try_acquire(self) -> Lease | None:
        """A place that is free at this moment, or None."""
        if self._stopping:
            return None
        member = self._least_loaded()
        if member is None:
            return None
        now = self._loop.time()
        self._change_load(now, 1)
        member.in_flight += 1
        return Place(self, member, now)

    async def acquire(self, deadline: float) -> Lease:
        """A place at the least loaded instance; raises Unavailable when none can be started, TimedOut."""
        place = self.try_acquire()
        if place is not None:
            return place
        if self._stopping:
            raise Unavailable(f"{self.name} is being stopped")
        now = self._loop.time()
        self._change_load(now, 1)
        try:
            return Place(self, await self._wait(now, deadline), now)
        except BaseException:
            self._change_load(self._loop.time(), -1)
            raise

    def give_back(self, member: Member, since: float, refused: bool) -> None:
        """A request has ended (called by its lease)."""
        now = self._loop.time()
        self._change_load(now, -1)
        self.usage.request(now - since)
        member.one_less()
        if refused and not member.leaving:
            self._dismiss(member)
        self._hand_out()

    def report(self, concurrency: int, requests: int) -> None:
        """So many requests are under way that come to the instances directly, and so many ended since the last time."""
        self._change_load(self._loop.time(), concurrency - self._direct, arrived=requests)
        self._direct = concurrency
        self.usage.requests(requests)

    async def stop(self, grace_s: float) -> None:
        """Take no more requests, let the instances end what they have, and return when all are gone."""
        self._stopping = True
        self._grace_s = grace_s
        self._cancel_timer()
        if self._restart is not None:
            self._restart.cancel()
        self._refuse_waiting(Unavailable(f"{self.name} is being stopped"))
        for life in self._lives:
            life.cancel()
        ends = [member.instance.stop(grace_s) for member in self._members]
        await asyncio.gather(*ends, *self._lives, self._end_drains(grace_s), return_exceptions=True)

    async def _end_drains(self, grace_s: float) -> None:
        """Instances that were leaving already get `grace_s` too, however much longer they would have had."""
        if not self._drains:
            return
        for member in self._drains.values():
            member.emptied.set()
        drains = list(self._drains)
        await asyncio.wait(drains, timeout=grace_s)
        for member in self._drains.values():
            member.instance.kill()
        await asyncio.gather(*drains, return_exceptions=True)

    # requests

    async def _wait(self, now: float, deadline: float) -> Member:
        if self._reason and not self._members and now < self._not_before:
            raise Unavailable(self._reason, self._not_before - now)
        self._check_queue()
        if not self._members and self._cold_since is None:
            self._cold_since = now
        place: asyncio.Future[Member] = self._loop.create_future()
        self._waiting.append(place)
        self._reconcile()
        try:
            async with asyncio.timeout_at(deadline):
                return await place
        except (TimeoutError, asyncio.CancelledError) as error:
            if place.done() and not place.cancelled() and place.exception() is None:
                place.result().one_less()  # the place came in the turn in which the caller gave up
                self._hand_out()
            if isinstance(error, TimeoutError):
                raise TimedOut(f"no instance of {self.name} was free in time") from None
            raise

    def _check_queue(self) -> None:
        """Knative's bounds: 10,000 requests wait in the activator; where it is out of the way (target-burst-capacity 0)
        ten times containerConcurrency in each instance's queue-proxy. Raises Unavailable."""
        most = MOST_WAITING
        if self._members and self.service.concurrency and not self.service.scaling.burst_capacity:
            most = QUEUE_FACTOR * self.service.concurrency * len(self._members)
        if len(self._waiting) >= most:
            raise Unavailable(f"{most} requests wait for {self.name} already")

    def _least_loaded(self) -> Member | None:
        if not self._takers:
            return None
        member = min(self._takers, key=_in_flight)
        limit = self.service.concurrency
        return member if not limit or member.in_flight < limit else None

    def _hand_out(self) -> None:
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
                continue
            member = self._least_loaded()
            if member is None:
                return
            member.in_flight += 1
            self._waiting.popleft().set_result(member)

    def _refuse_waiting(self, error: Exception) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(error)

    def _change_load(self, now: float, by: int, arrived: int | None = None) -> None:
        self._load += by
        self._autoscaler.change(now, self._load, arrived=max(0, by) if arrived is None else arrived)
        if by > 0 and (self._timer is None or self._timer.when() > now + LONGEST_TICK_S):
            self._evaluate_after(LONGEST_TICK_S)

    # scale

    def _evaluate_after(self, seconds: float) -> None:
        self._cancel_timer()
        if not self._stopping:
            self._timer = self._loop.call_later(seconds, self._evaluate)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _evaluate(self) -> None:
        self._timer = None
        decision = self._autoscaler.decide(self._loop.time(), len(self._members))
        self._desired = decision.desired
        self._reconcile()
        if decision.again_s is not None:
            self._evaluate_after(decision.again_s)

    def _reconcile(self) -> None:
        """Start what is missing, or dismiss what is too many."""
        if self._stopping:
            return
        is_asked = any(not place.done() for place in self._waiting)
        desired = max(self._desired, self._autoscaler.at_first if is_asked else 0, 1 if self._on_proven else 0)
        missing = desired - len(self._members) - self._starting
        pause = self._not_before - self._loop.time()
        if missing > 0 and pause > 0:
            if self._restart is not None:
                self._restart.cancel()
            self._restart = self._loop.call_later(pause, self._reconcile)
            return
        for _ in range(missing):
            self._starting += 1
            life = self._loop.create_task(self._live())
            self._lives.add(life)
            life.add_done_callback(self._lives.discard)
        surplus = sorted(self._members, key=lambda member: (member.in_flight, -member.since))
        for member in surplus[: max(0, len(self._members) - desired)]:
            self._dismiss(member)

    def _dismiss(self, member: Member) -> None:
        """Give it no more requests and end it when it has answered those it has."""
        self._remove(member)
        member.leave()
        drain = self._loop.create_task(self._drain(member))
        self._drains[drain] = member
        drain.add_done_callback(self._drains.pop)

    async def _drain(self, member: Member) -> None:
        try:
            async with asyncio.timeout(self.service.timeout_seconds):
                await member.emptied.wait()
        except TimeoutError:
            logger.warning("%s: an instance still had %d requests", self.name, member.in_flight)
        await member.instance.stop(self._grace_s)

    async def _live(self) -> None:
        """One instance from its start to its end."""
        started = False
        try:
            instance = await self._launch()
            try:
                await instance.ready(START_TIMEOUT_S)
            except BaseException:
                instance.kill()
                raise
            started = True
        except Exception as error:
            self._could_not_start(error)
            return
        finally:
            if not started:
                self._starting -= 1
        self._starting -= 1
        member = Member(instance, self._loop.time())
        self._joined(member)
        await instance.ended()
        if not member.leaving and not self._stopping:
            self._died(member)

    def _joined(self, member: Member) -> None:
        self._members.append(member)
        self._takers.append(member)
        member.instance.on_availability = partial(self._available, member)
        self._count()
        self._reason = ""
        self._autoscaler.change(member.since, self._load)
        if self._cold_since is not None:
            self.usage.cold_start(member.since - self._cold_since)
            self._cold_since = None
        self._desired = max(self._desired, 1)
        proven, self._on_proven = self._on_proven, None
        if proven is not None:
            proven()
        self._hand_out()
        if self._timer is None:
            self._evaluate_after(LONGEST_TICK_S)

    def _available(self, member: Member, available: bool) -> None:
        """Its readiness has changed."""
        if member not in self._members:
            return
        if available and member not in self._takers:
            self._takers.append(member)
            self._hand_out()
        elif not available and member in self._takers:
            self._takers.remove(member)

    def _remove(self, member: Member) -> None:
        self._members.remove(member)
        if member in self._takers:
            self._takers.remove(member)
        self._count()

    def _died(self, member: Member) -> None:
        now = self._loop.time()
        self._remove(member)
        member.leave()
        self._not_before = now + self._backoff.ended(now - member.since)
        logger.warning("%s: an instance %s", self.name, member.instance.reason)
        self._reconcile()

    def _could_not_start(self, error: Exception) -> None:
        pause = self._backoff.failed()
        self._not_before = self._loop.time() + pause
        self._reason = f"{self.name} does not start: {error}"
        self._cold_since = None
        logger.error("%s", self._reason, exc_info=None if isinstance(error, StartError) else error)
        if not self._members:
            self._refuse_waiting(Unavailable(self._reason, pause))
            # The next request tries again, after the pause; what came before is no reason to.
            self._desired = self._autoscaler.least
            self._autoscaler.restart()
        self._reconcile()

    def _count(self) -> None:
        self.usage.instances(len(self._members))
        if not self._members and not self._load and not self._starting:
            self._autoscaler.restart()
