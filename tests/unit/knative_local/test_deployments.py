"""A Deployment's one process: kept running, waited for, ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from knative_local.addresses import TcpAddress
from knative_local.backend import Unavailable
from knative_local.backoff import RestartBackoff
from knative_local.deployments import DeploymentRunner
from knative_local.model import Container, Deployment
from knative_local.process import StartError
from knative_local.source import Source


class FakeProcess:
    def __init__(self, number: int, fails: bool) -> None:
        self.address = TcpAddress("127.0.0.1", 20000 + number)
        self.reason = "ended with status 3: oh no"
        self.end = asyncio.Event()
        self.may_serve = asyncio.Event()
        self.fails = fails
        self.stopped_with: float | None = None

    async def ready(self, timeout: float) -> None:
        if self.fails:
            raise StartError(self.reason)
        await self.may_serve.wait()

    async def ended(self) -> int:
        await self.end.wait()
        return 3

    async def stop(self, grace_s: float) -> None:
        self.stopped_with = grace_s
        self.end.set()

    def kill(self) -> None:
        self.end.set()


class House:
    def __init__(self) -> None:
        self.processes: list[FakeProcess] = []
        self.failing = False
        self.broken: Exception | None = None
        self.may_launch: asyncio.Event | None = None
        deployment = Deployment("shop", "web", Container(("python",), port=80), Source("m.yaml", 1))
        self.runner = DeploymentRunner(deployment, self.launch, listens=True)

    async def launch(self) -> FakeProcess:
        if self.broken is not None:
            raise self.broken
        if self.may_launch is not None:
            await self.may_launch.wait()
        self.processes.append(FakeProcess(len(self.processes), self.failing))
        return self.processes[-1]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def later(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.fixture
async def house() -> AsyncIterator[House]:
    it = House()
    yield it
    await it.runner.stop(0)


async def test_requests_wait_for_the_first_start(house: House) -> None:
    house.runner.begin()
    asked = asyncio.ensure_future(house.runner.acquire(later()))
    await until(lambda: len(house.processes) == 1)
    assert not house.runner.running
    house.processes[0].may_serve.set()
    assert (await asked).address.port == 20000
    await house.runner.first_ready()
    assert (house.runner.running, house.runner.problem) == (True, None)


async def test_a_process_that_ends_is_started_again(house: House) -> None:
    house.runner.begin()
    await until(lambda: len(house.processes) == 1)
    house.processes[0].may_serve.set()
    await house.runner.first_ready()
    house.processes[0].end.set()
    await until(lambda: len(house.processes) == 2)
    with pytest.raises(Unavailable, match="oh no"):
        await house.runner.acquire(later(0.01))
    house.processes[1].may_serve.set()
    assert (await house.runner.acquire(later())).address.port == 20001
    assert house.runner.restarts == 1


async def test_a_start_that_fails_is_told_and_not_repeated_at_once(house: House) -> None:
    house.failing = True
    house.runner.begin()
    await house.runner.first_ready()
    assert house.runner.problem == "does not start: ended with status 3: oh no"
    with pytest.raises(Unavailable, match="does not start"):
        await house.runner.acquire(later(0.01))
    assert len(house.processes) == 1


async def test_a_start_that_fails_in_an_unforeseen_way_is_told_and_repeated(house: House) -> None:
    house.broken = OSError(28, "No space left on device")
    house.runner.begin()
    async with asyncio.timeout(5):
        await house.runner.first_ready()
    assert house.runner.problem == "does not start: [Errno 28] No space left on device"
    house.broken = None
    await until(lambda: len(house.processes) == 1)
    house.processes[0].may_serve.set()
    assert (await house.runner.acquire(later())).address.port == 20000


async def test_stopped_is_stopped(house: House) -> None:
    house.runner.begin()
    await until(lambda: len(house.processes) == 1)
    house.processes[0].may_serve.set()
    await house.runner.first_ready()
    await house.runner.stop(1.5)
    assert house.processes[0].stopped_with == 1.5
    with pytest.raises(Unavailable, match="stopped"):
        await house.runner.acquire(later(0.01))
    assert len(house.processes) == 1


async def test_a_process_that_is_being_launched_is_stopped_too(house: House) -> None:
    house.may_launch = asyncio.Event()
    house.runner.begin()
    await asyncio.sleep(0)
    stopping = asyncio.create_task(house.runner.stop(1.5))
    await asyncio.sleep(0)
    house.may_launch.set()
    await stopping
    assert [process.stopped_with for process in house.processes] == [1.5]


def test_the_pause_before_a_restart_doubles_up_to_ten_seconds() -> None:
    backoff = RestartBackoff()
    assert [backoff.ended(1.0) for _ in range(8)] == pytest.approx([0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0])


def test_a_first_start_that_fails_waits_and_a_long_life_starts_over() -> None:
    backoff = RestartBackoff()
    assert [backoff.failed() for _ in range(3)] == pytest.approx([0.2, 0.4, 0.8])
    assert backoff.ended(60.0) == 0.0
    assert backoff.ended(0.5) == pytest.approx(0.2)
