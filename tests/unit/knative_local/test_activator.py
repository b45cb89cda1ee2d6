"""Requests and instances of one Service, with processes that a test starts and ends by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import fields
from typing import Any

import pytest

from knative_local import activator
from knative_local.activator import DRAIN_GRACE_S, Activator
from knative_local.addresses import TcpAddress
from knative_local.backend import Lease, Unavailable
from knative_local.http_types import TimedOut
from knative_local.model import Container, KnService
from knative_local.process import StartError
from knative_local.serving_model import Scaling
from knative_local.source import Source
from knative_local.usage import Usage

SOON = 5.0


class FakeInstance:
    """A process: `serves` makes it ready, `fails` makes its start fail, `dies` ends it."""

    def __init__(self, port: int) -> None:
        self.address = TcpAddress("127.0.0.1", port)
        self.reason = "was ended by SIGKILL"
        self.stopped_with: float | None = None
        self.stubborn = False
        self.on_availability: Callable[[bool], None] = lambda _: None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end = asyncio.Event()

    def serves(self) -> None:
        self._ready.set_result(None)

    def fails(self, reason: str) -> None:
        self._ready.set_exception(StartError(reason))

    def dies(self) -> None:
        self._end.set()

    @property
    def gone(self) -> bool:
        return self._end.is_set()

    async def ready(self, timeout: float) -> None:
        await self._ready

    async def ended(self) -> int:
        await self._end.wait()
        return -9

    async def stop(self, grace_s: float) -> None:
        self.stopped_with = grace_s
        if self.stubborn:
            await self._end.wait()
        self._end.set()

    def kill(self) -> None:
        self._end.set()


class Machine:
    """Launches fake processes for one activator."""

    def __init__(self) -> None:
        self.started: list[FakeInstance] = []
        self.broken: Exception | None = None
        self._changed = asyncio.Condition()
        self.activator: Activator

    async def launch(self) -> FakeInstance:
        if self.broken is not None:
            raise self.broken
        instance = FakeInstance(20000 + len(self.started))
        self.started.append(instance)
        return instance

    async def nth(self, number: int) -> FakeInstance:
        await until(lambda: len(self.started) >= number)
        return self.started[number - 1]


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds."""
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0)


def later(seconds: float = SOON) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.fixture
async def machine() -> AsyncIterator[Callable[..., Machine]]:
    made: list[Machine] = []

    def make(**settings: Any) -> Machine:
        machine = Machine()
        scaled = {field.name for field in fields(Scaling)} & settings.keys()
        scaling = Scaling(**{name: settings.pop(name) for name in scaled})
        service = KnService("shop", "orders", Container(("python",)), Source("m.yaml", 1), scaling=scaling, **settings)
        machine.activator = Activator(service, machine.launch, Usage(), machine_limit=4)
        machine.activator.begin()
        made.append(machine)
        return machine

    yield make
    for machine in made:
        await machine.activator.stop(0.0)


Make = Callable[..., Machine]


def ask(machine: Machine, seconds: float = SOON) -> asyncio.Task[Lease]:
    return asyncio.ensure_future(machine.activator.acquire(later(seconds)))


async def test_nothing_runs_before_the_first_request_and_one_instance_serves_all_that_came(machine: Make) -> None:
    it = machine()
    assert (it.started, it.activator.instances) == ([], 0)
    asked = [ask(it) for _ in range(3)]
    (await it.nth(1)).serves()
    leases = await asyncio.gather(*asked)
    assert {lease.address.port for lease in leases} == {20000}
    assert (len(it.started), it.activator.instances, it.activator.in_flight) == (1, 1, 3)
    for lease in leases:
        lease.release()
    assert it.activator.in_flight == 0


async def test_min_scale_starts_without_a_request(machine: Make) -> None:
    it = machine(min_scale=2)
    (await it.nth(1)).serves()
    (await it.nth(2)).serves()
    await until(lambda: it.activator.instances == 2)


@pytest.mark.parametrize(("initial", "expected"), [(1, 0), (3, 3)])
async def test_an_initial_scale_of_several_starts_without_a_request(machine: Make, initial: int, expected: int) -> None:
    it = machine(initial_scale=initial, window_s=60.0)
    assert it.activator.starting == expected
    await until(lambda: len(it.started) == expected)
    for instance in it.started:
        instance.serves()
    await until(lambda: it.activator.instances == expected)


async def test_container_concurrency_is_never_exceeded_and_who_waits_is_next(machine: Make) -> None:
    it = machine(concurrency=2, max_scale=1)
    (first, second, third) = (ask(it) for _ in range(3))
    (await it.nth(1)).serves()
    lease = await first
    await second
    await until(lambda: it.activator.in_flight == 3)
    assert not third.done()
    lease.release()
    assert (await third).address.port == 20000


async def test_without_the_activators_queue_ten_times_the_concurrency_waits_for_each_instance(machine: Make) -> None:
    """OBSERVED, queue-proxy alone, containerConcurrency 2: of 40 requests at once 18 are answered 503."""
    it = machine(concurrency=2, max_scale=1, burst_capacity=0.0)
    first = ask(it)
    (await it.nth(1)).serves()
    await first
    asked = [ask(it) for _ in range(39)]
    await until(lambda: sum(each.done() for each in asked) == 19)
    assert [type(each.exception()) for each in asked if each.done() and each.exception()] == [Unavailable] * 18
    assert it.activator.in_flight == 22


async def test_the_activators_queue_has_an_end(machine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """activator/net/throttler.go: breakerQueueDepth, here made small."""
    monkeypatch.setattr(activator, "MOST_WAITING", 5)
    it = machine(concurrency=2, max_scale=1)
    asked = [ask(it) for _ in range(7)]
    await until(lambda: sum(each.done() for each in asked) == 2)
    with pytest.raises(Unavailable, match="5 requests wait for Service orders already"):
        await asked[5]
    instance = await it.nth(1)
    instance.serves()
    await asked[0]
    await asked[1]


async def test_requests_over_the_capacity_of_one_get_more_instances_and_all_are_served(machine: Make) -> None:
    """OBSERVED, Serving: 24 requests at once, containerConcurrency 2, target 2, max-scale 3: all 200, on 3 Pods."""
    it = machine(concurrency=2, target=2.0, max_scale=3, window_s=0.6)
    asked = [ask(it) for _ in range(24)]
    for number in (1, 2, 3):
        (await it.nth(number)).serves()
    ports: list[int] = []
    while asked:
        done, rest = await asyncio.wait(asked, timeout=SOON, return_when=asyncio.FIRST_COMPLETED)
        assert done
        ports += [lease.result().address.port for lease in done]
        assert it.activator.instances <= 3
        for lease in done:
            lease.result().release()
        asked = list(rest)
    assert set(ports) == {20000, 20001, 20002}
    assert len(ports) == 24


async def test_what_is_under_way_when_an_instance_is_dismissed_ends_there_and_what_comes_goes_elsewhere(
    machine: Make,
) -> None:
    """OBSERVED, Serving: of a Pod that is deleted with requests in flight all are answered 200."""
    it = machine(min_scale=2)
    first, second = await it.nth(1), await it.nth(2)
    first.serves()
    second.serves()
    await until(lambda: it.activator.instances == 2)
    held = await ask(it)
    dismissed = first if held.address.port == 20000 else second
    other = await ask(it)
    again = await ask(it)
    again_there = again if again.address == held.address else await ask(it)
    again_there.release(refused=True)
    assert {(await ask(it)).address.port for _ in range(3)} == {other.address.port}
    assert not dismissed.gone
    held.release()
    await until(lambda: dismissed.gone)


async def test_a_lease_is_given_back_once_only(machine: Make) -> None:
    it = machine()
    asked = ask(it)
    (await it.nth(1)).serves()
    lease = await asked
    lease.release()
    lease.release()
    assert it.activator.in_flight == 0


async def test_the_least_loaded_instance_is_next(machine: Make) -> None:
    it = machine(min_scale=2)
    for number in (1, 2):
        (await it.nth(number)).serves()
    await until(lambda: it.activator.instances == 2)
    ports = [(await ask(it)).address.port for _ in range(4)]
    assert sorted(ports) == [20000, 20000, 20001, 20001]


async def test_who_waits_too_long_is_told_so_and_takes_no_place(machine: Make) -> None:
    it = machine(concurrency=1, max_scale=1)
    first = ask(it)
    (await it.nth(1)).serves()
    lease = await first
    with pytest.raises(TimedOut):
        await it.activator.acquire(later(0.01))
    lease.release()
    assert it.activator.in_flight == 0
    (await ask(it)).release()


async def test_a_caller_that_leaves_takes_no_place(machine: Make) -> None:
    it = machine(concurrency=1, max_scale=1)
    leaving, staying = ask(it), ask(it)
    instance = await it.nth(1)
    leaving.cancel()
    instance.serves()
    (await staying).release()
    await until(lambda: it.activator.in_flight == 0)


async def test_a_start_that_fails_is_answered_with_its_reason_and_not_repeated_at_once(machine: Make) -> None:
    it = machine()
    asked = ask(it)
    (await it.nth(1)).fails("ended with status 1: no such table")
    with pytest.raises(Unavailable, match="no such table") as first:
        await asked
    assert 0 < first.value.retry_after_s <= 1
    with pytest.raises(Unavailable, match="no such table"):
        await it.activator.acquire(later())
    assert len(it.started) == 1
    assert it.activator.problem is not None


async def test_after_the_pause_a_request_tries_again(machine: Make) -> None:
    it = machine()
    asked = ask(it)
    (await it.nth(1)).fails("port taken")
    with pytest.raises(Unavailable) as refused:
        await asked
    async with asyncio.timeout(SOON):
        await asyncio.sleep(refused.value.retry_after_s)  # the promise under test is this very pause
    again = ask(it)
    (await it.nth(2)).serves()
    (await again).release()
    assert it.activator.problem is None


async def test_an_instance_that_dies_is_replaced(machine: Make) -> None:
    it = machine()
    asked = ask(it)
    first = await it.nth(1)
    first.serves()
    lease = await asked
    first.dies()
    second = await it.nth(2)
    await until(lambda: it.activator.instances == 0)
    waiting = ask(it)
    second.serves()
    assert (await waiting).address.port == 20001
    lease.release()
    assert it.activator.in_flight == 1


async def test_an_instance_that_refuses_gets_no_more_requests(machine: Make) -> None:
    it = machine()
    asked = ask(it)
    first = await it.nth(1)
    first.serves()
    (await asked).release(refused=True)
    again = ask(it)
    (await it.nth(2)).serves()
    assert (await again).address.port == 20001
    await until(lambda: first.gone)


async def test_an_instance_may_die_before_its_caller_notices(machine: Make) -> None:
    it = machine()
    asked = ask(it)
    first = await it.nth(1)
    first.serves()
    lease = await asked
    first.dies()
    await until(lambda: it.activator.instances == 0)
    lease.release(refused=True)
    assert it.activator.in_flight == 0
    again = ask(it)
    (await it.nth(2)).serves()
    assert (await again).address.port == 20001


async def test_an_instance_that_is_not_ready_for_a_while_gets_no_requests_and_no_replacement(machine: Make) -> None:
    it = machine(min_scale=2)
    first, second = await it.nth(1), await it.nth(2)
    first.serves()
    second.serves()
    await until(lambda: it.activator.instances == 2)
    first.on_availability(False)
    assert {(await ask(it)).address.port for _ in range(4)} == {20001}
    second.on_availability(False)
    waiting = ask(it)
    await until(lambda: it.activator.in_flight == 5)
    assert (waiting.done(), len(it.started)) == (False, 2)
    first.on_availability(True)
    assert (await waiting).address.port == 20000


async def test_goes_back_to_zero_and_comes_up_again(machine: Make) -> None:
    it = machine(window_s=0.1)
    asked = ask(it)
    first = await it.nth(1)
    first.serves()
    (await asked).release()
    await until(lambda: first.gone)
    assert it.activator.instances == 0
    asked = ask(it)
    (await it.nth(2)).serves()
    (await asked).release()
    assert [count for _, count in it.activator.usage.history()] == [0, 1, 0, 1]
    assert len(it.activator.usage.cold_starts_ms()) == 2


async def test_many_requests_bring_more_instances_up_to_max_scale(machine: Make) -> None:
    it = machine(concurrency=1, max_scale=3, window_s=0.6)
    asked = [ask(it, 30) for _ in range(6)]
    for number in (1, 2, 3):
        (await it.nth(number)).serves()
    await until(lambda: it.activator.instances == 3)
    ports: set[int] = set()
    for request in asked:
        lease = await request
        ports.add(lease.address.port)
        lease.release()
    assert ports == {20000, 20001, 20002}
    assert len(it.started) == 3


async def test_an_instance_ends_only_after_its_requests(machine: Make) -> None:
    it = machine(min_scale=1)
    first = await it.nth(1)
    first.serves()
    lease, other = await ask(it), await ask(it)
    other.release(refused=True)
    await until(lambda: it.activator.instances == 0)
    assert not first.gone
    lease.release()
    await until(lambda: first.gone)


async def test_a_service_that_is_stopped_takes_nothing_more(machine: Make) -> None:
    it = machine(concurrency=1, max_scale=1)
    served = ask(it)
    first = await it.nth(1)
    first.serves()
    await served
    waiting = ask(it)
    await until(lambda: it.activator.in_flight == 2)
    await it.activator.stop(1.5)
    assert first.stopped_with == 1.5
    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(Unavailable):
        await it.activator.acquire(later())


async def test_a_start_that_fails_in_an_unforeseen_way_is_answered_with_its_reason(machine: Make) -> None:
    it = machine()
    it.broken = OSError(28, "No space left on device")
    with pytest.raises(Unavailable, match="No space left"):
        await it.activator.acquire(later())
    assert it.activator.starting == 0


async def test_a_place_that_came_too_late_does_not_hold_up_a_leaving_instance(machine: Make) -> None:
    it = machine(concurrency=2, max_scale=1, timeout_seconds=60.0)
    first, second, third = (ask(it) for _ in range(3))
    instance = await it.nth(1)
    instance.serves()
    lease, other = await first, await second
    await until(lambda: it.activator.in_flight == 3)
    lease.release()  # the third one's place, in the very turn in which it gives up and the instance leaves
    third.cancel()
    other.release(refused=True)
    await until(lambda: instance.gone)
    assert it.activator.in_flight == 0


async def test_an_instance_that_was_leaving_already_is_gone_after_a_stop(machine: Make) -> None:
    it = machine()
    asked = ask(it)
    instance = await it.nth(1)
    instance.stubborn = True
    instance.serves()
    (await asked).release(refused=True)
    await until(lambda: instance.stopped_with == DRAIN_GRACE_S)
    async with asyncio.timeout(SOON):
        await it.activator.stop(0.01)
    assert instance.gone


async def test_an_instance_that_was_leaving_with_requests_ends_with_the_grace_of_the_stop(machine: Make) -> None:
    it = machine(timeout_seconds=60.0)
    first, second = ask(it), ask(it)
    instance = await it.nth(1)
    instance.serves()
    await first
    (await second).release(refused=True)
    async with asyncio.timeout(SOON):
        await it.activator.stop(1.5)
    assert (instance.stopped_with, instance.gone) == (1.5, True)
