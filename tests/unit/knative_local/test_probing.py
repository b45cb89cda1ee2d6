"""Probes: what a streak of answers means, and what an instance with them does (a fake; its server is a real one)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from knative_local.addresses import TcpAddress
from knative_local.http1 import HttpClient
from knative_local.probing import ProbedInstance, Streak
from knative_local.process import StartError
from knative_local.serving_model import Probe, Probes

SOON = 5.0


@pytest.mark.parametrize(
    ("successes", "failures", "state", "answers", "states"),
    [
        (1, 3, False, "+", "+"),
        (3, 1, False, "+++", "--+"),
        (3, 1, False, "++-+++", "-----+"),
        (1, 3, True, "---", "++-"),
        (1, 3, True, "--+--", "+++++"),
        (2, 2, True, "---+-++", "+-----+"),
    ],
)
def test_a_state_changes_after_so_many_answers_in_a_row(
    successes: int, failures: int, state: bool, answers: str, states: str
) -> None:
    """Kubernetes: success and failure thresholds are minimum consecutive successes and failures."""
    streak = Streak(successes, failures, state)
    assert "".join("+" if streak.take(answer == "+") else "-" for answer in answers) == states


class FakeInstance:
    """A process that the test ends by hand."""

    def __init__(self, address: TcpAddress) -> None:
        self.on_availability: Callable[[bool], None] | None = None
        self.address = address
        self.reason = "was ended by SIGTERM without a word"
        self.end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def ready(self, timeout: float) -> None:
        pass

    async def ended(self) -> int:
        return await asyncio.shield(self.end)

    async def stop(self, grace_s: float) -> None:
        self.kill()

    def kill(self) -> None:
        if not self.end.done():
            self.end.set_result(-15)


class Server:
    """Answers each GET with `status`, and remembers what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.heads: list[str] = []
        self.answered = asyncio.Condition()

    async def start(self) -> TcpAddress:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return TcpAddress("127.0.0.1", self.server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                writer.write(b"HTTP/1.1 %d OK\r\ncontent-length: 0\r\n\r\n" % self.status)
                self.heads.append(head)
                async with self.answered:
                    self.answered.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def asked(self, times: int) -> None:
        """Until it was asked so often from now on."""
        wanted = len(self.heads) + times
        async with asyncio.timeout(SOON), self.answered:
            await self.answered.wait_for(lambda: len(self.heads) >= wanted)


class House:
    def __init__(self, client: HttpClient, server: Server, address: TcpAddress) -> None:
        self.client, self.server = client, server
        self.inner = FakeInstance(address)
        self.told: asyncio.Queue[bool] = asyncio.Queue()

    def probed(self, **probes: Probe) -> ProbedInstance:
        instance = ProbedInstance(self.inner, Probes(**probes), self.client)
        instance.on_availability = self.told.put_nowait
        return instance

    async def next_told(self) -> bool:
        async with asyncio.timeout(SOON):
            return await self.told.get()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    client, server = HttpClient(), Server()
    it = House(client, server, await server.start())
    yield it
    it.inner.kill()
    await client.close()
    server.server.close()
    await server.server.wait_closed()


async def test_ready_once_it_has_answered_well_as_often_in_a_row_as_it_has_to(house: House) -> None:
    house.server.status = 500
    probe = Probe("/healthz?full=1", headers=(("x-who", "probe"),), success_threshold=3)
    instance = house.probed(readiness=probe)
    ready = asyncio.ensure_future(instance.ready(SOON))
    await house.server.asked(2)
    assert not ready.done()
    house.server.status = 399
    await ready
    asked = len(house.server.heads)
    head = house.server.heads[-1]
    assert head.startswith("GET /healthz?full=1 HTTP/1.1\r\n")
    assert "user-agent: kube-probe/" in head
    assert "x-who: probe" in head
    assert asked >= 5
    instance.kill()


async def test_whether_it_listens_may_be_all_that_is_asked(house: House) -> None:
    await house.probed(readiness=Probe()).ready(SOON)
    assert house.server.heads == []


@pytest.mark.parametrize("name", ["readiness", "startup"])
async def test_an_instance_that_does_not_answer_well_is_given_up_with_what_it_said(house: House, name: str) -> None:
    house.server.status = 503
    probe = Probe("/", period_s=0.05, failure_threshold=1)
    with pytest.raises(StartError, match=rf"its {name} probe has not succeeded within 0\.05 s: GET / is answered 503"):
        await house.probed(**{name: probe}).ready(0.05)


async def test_an_instance_that_ends_meanwhile_is_told_in_its_last_words(house: House) -> None:
    house.server.status = 503
    ready = asyncio.ensure_future(house.probed(readiness=Probe("/")).ready(SOON))
    await house.server.asked(1)
    house.inner.kill()
    with pytest.raises(StartError, match="was ended by SIGTERM"):
        await ready


async def test_a_readiness_probe_with_a_period_takes_it_out_and_in_again(house: House) -> None:
    """Kubernetes: a Pod that is not ready gets no requests; it is not restarted."""
    instance = house.probed(readiness=Probe("/", period_s=0.001, failure_threshold=2))
    await instance.ready(SOON)
    house.server.status = 500
    assert await house.next_told() is False
    house.server.status = 200
    assert await house.next_told() is True
    assert not house.inner.end.done()
    instance.kill()


async def test_an_instance_that_is_not_alive_is_ended_and_told_why(house: House) -> None:
    """Kubernetes: after failureThreshold failures in a row of its liveness probe a container is restarted."""
    instance = house.probed(liveness=Probe("/alive", period_s=0.001, failure_threshold=3))
    await instance.ready(SOON)
    await house.server.asked(2)
    house.server.status = 500
    assert await house.next_told() is False
    async with asyncio.timeout(SOON):
        assert await instance.ended() == -15
    assert instance.reason == (
        "its liveness probe failed: GET /alive is answered 500; it was ended by SIGTERM without a word"
    )


async def test_liveness_is_not_asked_before_the_startup_probe_has_succeeded(house: House) -> None:
    house.server.status = 500
    startup = Probe("/started", period_s=10, failure_threshold=3)
    instance = house.probed(startup=startup, liveness=Probe("/alive", period_s=0.001, failure_threshold=1))
    ready = asyncio.ensure_future(instance.ready(SOON))
    await house.server.asked(3)
    assert {head.split()[1] for head in house.server.heads} == {"/started"}
    house.server.status = 200
    await ready
    await house.server.asked(2)
    assert house.server.heads[-1].startswith("GET /alive ")
    instance.kill()


async def test_nobody_is_asked_after_its_end(house: House) -> None:
    instance = house.probed(liveness=Probe("/alive", period_s=0.001))
    await instance.ready(SOON)
    await house.server.asked(1)
    await instance.stop(1.0)
    asked = len(house.server.heads)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(house.server.heads) <= asked + 1  # one may have been under way
