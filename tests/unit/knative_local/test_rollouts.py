"""Deployments that change: the new process is started beside the old one, which serves until the new one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest_asyncio

from knative_local.addresses import TcpAddress
from knative_local.backend import Backend
from knative_local.model import Container, Deployment
from knative_local.names import Target
from knative_local.rollouts import Deployments
from knative_local.source import Source
from tests.unit.knative_local.eventing import until

WEB = Deployment("shop", "web", Container(("web",), port=80), Source("m.yaml", 1))
TARGET = Target("deployment", "shop/web")


class Process:
    """A process in memory, which serves when the test says so."""

    def __init__(self, number: int, command: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.address = TcpAddress("127.0.0.1", 20_000 + number)
        self.command, self.environment = command, environment
        self.reason = "ended"
        self.may_serve = asyncio.Event()
        self.over = asyncio.Event()

    async def ready(self, timeout: float) -> None:
        await self.may_serve.wait()

    async def ended(self) -> int:
        await self.over.wait()
        return 0

    async def stop(self, grace_s: float) -> None:
        self.over.set()

    def kill(self) -> None:
        self.over.set()


class House:
    """Deployments, and the processes that they have started."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.backends: dict[Target, Backend] = {}
        self.environment = {"A": "1"}
        self.deployments = Deployments(self.launch, self.backends)

    async def launch(self, deployment: Deployment, environment: Mapping[str, str]) -> Process:
        self.processes.append(Process(len(self.processes), deployment.container.command, environment))
        return self.processes[-1]

    async def apply(self, *deployments: Deployment) -> None:
        self.deployments.apply(deployments, lambda _: dict(self.environment))
        await asyncio.sleep(0)

    async def serve(self, number: int) -> None:
        await until(lambda: len(self.processes) > number)
        self.processes[number].may_serve.set()
        await until(lambda: self.serving() == number)

    def serving(self) -> int | None:
        """The number of the process to which requests go now."""
        backend = self.backends.get(TARGET)
        lease = backend.try_acquire() if backend is not None else None
        return None if lease is None else lease.address.port - 20_000


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    await made.apply(WEB)
    await made.serve(0)
    yield made
    await made.deployments.stop(1)
    assert all(process.over.is_set() for process in made.processes)


async def test_the_old_one_serves_until_the_new_one_does(house: House) -> None:
    await house.apply(replace(WEB, container=Container(("web", "-v"), port=80)))
    await until(lambda: len(house.processes) == 2)
    assert (house.serving(), house.processes[0].over.is_set()) == (0, False)

    await house.serve(1)

    await until(house.processes[0].over.is_set)
    assert house.processes[1].command == ("web", "-v")
    assert [runner.deployment.container.command for runner in house.deployments.runners] == [("web", "-v")]


async def test_other_settings_are_another_process(house: House) -> None:
    house.environment = {"A": "2"}
    await house.apply(WEB)

    await house.serve(1)
    assert house.processes[1].environment == {"A": "2"}


async def test_what_means_the_same_goes_on(house: House) -> None:
    await house.apply(replace(WEB, source=Source("m.yaml", 9), labels={"app": "web"}))

    assert (len(house.processes), house.serving()) == (1, 0)
    assert house.deployments.runners[0].deployment.labels == {"app": "web"}


async def test_a_change_that_never_serves_is_given_up_for_the_next(house: House) -> None:
    await house.apply(replace(WEB, container=Container(("bad",), port=80)))
    await until(lambda: len(house.processes) == 2)
    await house.apply(replace(WEB, container=Container(("good",), port=80)))
    await house.serve(2)

    assert house.processes[1].over.is_set()
    assert house.processes[2].command == ("good",)


async def test_a_change_that_is_taken_back_leaves_the_old_one(house: House) -> None:
    await house.apply(replace(WEB, container=Container(("bad",), port=80)))
    await until(lambda: len(house.processes) == 2)
    await house.apply(WEB)

    await until(house.processes[1].over.is_set)
    assert (len(house.processes), house.serving()) == (2, 0)


async def test_a_change_that_comes_twice_is_one(house: House) -> None:
    changed = replace(WEB, container=Container(("web", "-v"), port=80))
    await house.apply(changed)
    await until(lambda: len(house.processes) == 2)
    await house.apply(replace(changed, source=Source("m.yaml", 9)))
    await house.serve(1)

    assert len(house.processes) == 2


async def test_one_that_is_gone_is_ended_and_nobody_is_behind_its_name(house: House) -> None:
    await house.apply()

    await until(house.processes[0].over.is_set)
    assert house.backends == {}
    await house.apply(WEB)
    await house.serve(1)
