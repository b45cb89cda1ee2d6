"""A Service's own address: who connects wakes it, instances accept themselves, and connections outlive instances."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knative_local import hot_address
from knative_local.addresses import TcpAddress
from knative_local.backend import Unavailable
from knative_local.hot_address import HotAddress, listen
from tests.running import free_port
from tests.unit.knative_local.eventing import until


class FakeLease:
    def __init__(self) -> None:
        self.address = TcpAddress("127.0.0.1", 1)
        self.released = False

    def release(self, *, refused: bool = False) -> None:
        self.released = True


class FakeService:
    """Starts an instance for each wake, or fails as told; keeps what is reported."""

    name = "Service ingest"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: Exception | None = None
        self.knows_the_way = True
        self.woken = 0
        self.leases: list[FakeLease] = []
        self.reports: list[tuple[int, int]] = []
        self.instances: list[FakeInstance] = []

    async def acquire(self, deadline: float) -> FakeLease:
        self.woken += 1
        if self.error is not None:
            raise self.error
        if self.knows_the_way:
            self.instances.append(FakeInstance(self.path))
        self.leases.append(FakeLease())
        return self.leases[-1]

    def report(self, concurrency: int, requests: int) -> None:
        self.reports.append((concurrency, requests))


class FakeInstance:
    """A process that knows the way: its end of the Unix socket, and what it was given."""

    def __init__(self, path: Path) -> None:
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.connect(str(path))
        self.control.setblocking(False)

    async def hears(self) -> tuple[dict[str, int], list[socket.socket]]:
        """The next message, with what came with it."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.control, 4096, 200)
            except BlockingIOError:
                await asyncio.sleep(0.001)
            else:
                return json.loads(data or "{}"), [socket.socket(fileno=each) for each in descriptors]

    async def listener(self) -> socket.socket:
        said, (listener,) = await self.hears()
        assert said == {"listener": 1}
        return listener

    def says(self, message: dict[str, float], *sockets: socket.socket) -> None:
        socket.send_fds(self.control, [json.dumps(message).encode()], [each.fileno() for each in sockets])

    def dies(self) -> None:
        self.control.close()


class House:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "run" / "ingest.sock"
        self.service = FakeService(self.path)
        self.port = free_port()
        self.hot = HotAddress(self.service, listen(self.port, 0), self.path)
        self.clients: list[socket.socket] = []

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port))
        client.setblocking(False)
        self.clients.append(client)
        return client

    def attach(self) -> FakeInstance:
        """An instance that somebody else has started."""
        self.service.instances.append(FakeInstance(self.path))
        return self.service.instances[-1]

    async def instance(self, number: int = 0) -> FakeInstance:
        await until(lambda: len(self.service.instances) > number)
        return self.service.instances[number]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    house.hot.begin()
    yield house
    await house.hot.stop()
    for each in (*house.clients, *(instance.control for instance in house.service.instances)):
        each.close()


async def said_to(client: socket.socket) -> bytes:
    """What comes until the other side closes or says no more for now."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(5):
        return await loop.sock_recv(client, 4096)


async def test_nothing_is_started_before_somebody_connects(house: House) -> None:
    await asyncio.sleep(0.01)
    assert house.service.woken == 0


async def test_who_connects_wakes_one_instance_and_is_accepted_by_it(house: House) -> None:
    house.connect()
    house.connect()
    instance = await house.instance()
    with await instance.listener() as listener:
        for _ in range(2):
            connection, _ = listener.accept()
            connection.close()
    await until(lambda: house.service.leases[0].released)
    assert house.service.woken == 1


async def test_who_connects_while_it_cannot_be_started_is_told_why(house: House) -> None:
    house.service.error = Unavailable("ingest ended with status 3")
    for _ in range(2):
        answer = await said_to(house.connect())
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"ended with status 3" in answer
    house.service.error = None
    house.connect()
    await house.instance()


async def test_an_instance_that_never_asks_is_not_waited_for_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_address, "ATTACH_WITHIN_S", 0.01)
    house.service.knows_the_way = False
    assert b"does not ask for its listening socket" in await said_to(house.connect())
    assert house.service.leases[0].released


async def test_what_instances_tell_is_reported_together(house: House) -> None:
    first, second = house.attach(), house.attach()
    for each in (first, second):
        (await each.listener()).close()
    first.says({"concurrency": 3.4, "requests": 10})
    second.says({"concurrency": 2.4, "requests": 20})
    await until(lambda: len(house.service.reports) == 2)
    assert house.service.reports == [(3, 10), (6, 20)]
    first.dies()
    await until(lambda: house.service.reports[-1] == (2, 0))
    second.dies()
    await until(lambda: house.service.reports[-1] == (0, 0))


async def test_a_connection_outlives_the_instance_that_gives_it_back(house: House) -> None:
    client = house.connect()
    first = await house.instance()
    with await first.listener() as listener:
        connection, _ = listener.accept()
    first.says({"leaving": 1})
    assert await first.hears() == ({"bye": 1}, [])
    first.says({"connections": 1}, connection)
    connection.close()
    first.dies()
    await asyncio.sleep(0.01)
    assert house.service.woken == 1  # an idle connection wakes nobody

    client.send(b"GET / HTTP/1.1\r\n\r\n")
    second = await house.instance(1)
    (await second.listener()).close()
    said, (again,) = await second.hears()
    assert said == {"connections": 1}
    second.says({"took": 1})
    assert again.recv(100) == b"GET / HTTP/1.1\r\n\r\n"
    again.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert await said_to(client) == b"HTTP/1.1 204 No Content\r\n\r\n"
    again.close()


async def test_what_a_killed_instance_had_not_taken_goes_to_another(house: House) -> None:
    client = house.connect()
    first = await house.instance()
    with await first.listener() as listener:
        connection, _ = listener.accept()
    first.says({"connections": 1}, connection)
    connection.close()
    client.send(b"x")
    said, (dropped,) = await first.hears()
    assert said == {"connections": 1}
    dropped.close()
    first.dies()

    second = await house.instance(1)
    (await second.listener()).close()
    _, (again,) = await second.hears()
    assert again.recv(10) == b"x"
    again.close()


async def test_a_client_that_leaves_a_waiting_connection_wakes_nobody(house: House) -> None:
    client = house.connect()
    first = await house.instance()
    with await first.listener() as listener:
        connection, _ = listener.accept()
    first.says({"connections": 1}, connection)
    connection.close()
    first.dies()
    client.close()
    await asyncio.sleep(0.02)
    assert house.service.woken == 1


async def test_an_instance_that_says_nonsense_is_let_go(house: House) -> None:
    first = house.attach()
    (await first.listener()).close()
    first.control.send(b"[what?")
    assert await first.hears() == ({}, [])
    house.connect()
    await house.instance(1)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} of a hot address"):
            listen(port, 0)


def test_where_any_port_will_do_it_is_the_one_behind_the_front_doors_or_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with listen(0, port - 1) as listener:
            assert listener.getsockname()[1] not in {0, port}
    with listen(0, 65_535) as listener:
        assert listener.getsockname()[1]
