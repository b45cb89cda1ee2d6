"""Where the front door sends requests, and how it answers when nobody can."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from knative_local.addresses import TcpAddress
from knative_local.backend import UNLIMITED, Exchange, IdleTimer, OutOfTime, Timeouts, Unavailable
from knative_local.front_door import FrontDoor
from knative_local.http1 import HttpClient
from knative_local.http_types import ConnectionFailed, HttpRequest, HttpResponse, Promise, header
from knative_local.kafka_sinks import KafkaSinks
from knative_local.model import Broker, Container, Delivery, Destination, KnService, Manifests, Ref
from knative_local.names import INGRESS, Names, Target
from knative_local.routes import Routes
from knative_local.routing_model import HttpRoute, Match, VirtualService
from knative_local.source import Source
from knative_local.subscribers import LocalSubscribers

HERE = Source("m.yaml", 1)
PLAN = Target("service", "shop/plan")
NEVER = b"never"
BEGUN = b"begun"
GATEWAY_HOST = "knative-local-gateway.istio-system.svc.cluster.local"


def route(host: str, match: Match, **more: Any) -> HttpRoute:
    return HttpRoute((match,), host, 80, HERE, **more)


MANIFESTS = Manifests(
    brokers=(Broker("shop", "default", Delivery(), HERE),),
    services=(KnService("shop", "plan", Container(("python",)), HERE),),
    virtual_services=(
        VirtualService(
            "shop",
            "front",
            (
                route("broker-ingress.knative-eventing", Match(uri_prefix="/events/"), rewrite_uri="/"),
                route(GATEWAY_HOST, Match(uri_prefix="/plan"), rewrite_authority="plan.shop.svc.cluster.local"),
                route(GATEWAY_HOST, Match(uri_prefix="/by-host")),
                route("plan", Match(uri_prefix="/quick"), timeout_s=0.05),
            ),
            HERE,
        ),
    ),
)


class FakeIngress:
    """Says back what it was asked for."""

    def accept(self, request: HttpRequest, *, internal: bool) -> HttpResponse:
        return HttpResponse(202, [(b"x-path", request.target.encode()), (b"x-internal", str(internal).encode())])

    async def receive(self, request: HttpRequest, *, internal: bool) -> HttpResponse:
        return self.accept(request, internal=internal)


class FakeLease:
    def __init__(self, address: TcpAddress) -> None:
        self.address = address
        self.ended: list[bool] = []

    def release(self, *, refused: bool = False) -> None:
        self.ended.append(refused)


class FakeBackend:
    """Gives leases of one address after another, or raises."""

    name = "Service plan"
    timeouts = UNLIMITED

    def __init__(self) -> None:
        self.addresses: list[TcpAddress] = []
        self.leases: list[FakeLease] = []
        self.error: Exception | None = None

    def pick(self) -> FakeBackend:
        return self

    async def acquire(self, deadline: float) -> FakeLease:
        if self.error is not None:
            raise self.error
        lease = FakeLease(self.addresses[min(len(self.leases), len(self.addresses) - 1)])
        self.leases.append(lease)
        return lease


class Upstream:
    """A server that answers each request with what it saw as JSON, or does as told."""

    def __init__(self) -> None:
        self.requests = 0
        self.answers: Callable[[int], bytes | None] = lambda _: b""
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> TcpAddress:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return TcpAddress("127.0.0.1", self.server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self.server.close()
        await self.server.wait_closed()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            told = self.answers(self.requests)
            if told is None:
                return
            if told == NEVER:
                await asyncio.Event().wait()
            if told == BEGUN:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbeg")
                await asyncio.Event().wait()
            body = told or json.dumps(head.decode().split("\r\n")[:-2]).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        finally:
            writer.close()


class House:
    def __init__(self, client: HttpClient, upstream: Upstream) -> None:
        self.client, self.upstream = client, upstream
        self.backend, self.names = FakeBackend(), Names(MANIFESTS)
        backends = {PLAN: self.backend}
        self.door = FrontDoor(
            Routes(MANIFESTS.virtual_services), self.names, backends, client, FakeIngress(), self.admin
        )
        self.subscribers = LocalSubscribers(self.names, backends, client, FakeIngress(), KafkaSinks())

    async def admin(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"admin " + request.target.encode())

    async def ask(self, method: str, target: str, *headers: tuple[bytes, bytes]) -> HttpResponse:
        answer = self.door.answer(HttpRequest(method, target, list(headers)))
        if isinstance(answer, Promise):
            raise TypeError("the fake ingress answers at once")
        if not isinstance(answer, HttpResponse):
            answer = await answer
        if isinstance(answer, Exchange):
            try:
                return HttpResponse(answer.answer.status, answer.answer.headers, await answer.answer.read())
            finally:
                answer.close()
        return answer


@pytest.fixture
async def house() -> AsyncIterator[House]:
    client, upstream = HttpClient(), Upstream()
    it = House(client, upstream)
    it.backend.addresses = [await upstream.start()]
    yield it
    await client.close()
    await upstream.stop()


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/events/shop/default", b"/shop/default"),  # by a route
        ("/broker/shop/default", b"/shop/default"),  # by its own address
        ("/broker/shop/default/?x", b"/shop/default"),
    ],
)
async def test_brokers(house: House, target: str, path: bytes) -> None:
    answer = await house.ask("POST", target)
    assert (answer.status, header(answer.headers, b"x-path")) == (202, path)
    assert header(answer.headers, b"x-internal") == b"False"


@pytest.mark.parametrize("target", ["/nothing", "/broker/shop/other", "/_knative/services/shop/nobody", "/by-host"])
async def test_no_way(house: House, target: str) -> None:
    answer = await house.ask("GET", target, (b"host", b"127.0.0.1:8080"))
    assert answer.status == 404
    assert target.encode() in answer.body


async def test_what_is_reserved_goes_to_the_runtime(house: House) -> None:
    assert (await house.ask("GET", "/_knative/status?x")).body == b"admin /_knative/status?x"


async def test_a_function_sees_its_own_host_and_for_whom_it_answers(house: House) -> None:
    answer = await house.ask("GET", "/plan/x?y=1", (b"host", b"127.0.0.1:8080"), (b"x-forwarded-for", b"6.6.6.6"))
    head = json.loads(answer.body)
    assert head[0] == "GET /plan/x?y=1 HTTP/1.1"
    assert "host: plan.shop.svc.cluster.local" in head
    assert "x-forwarded-for: 127.0.0.1" in head
    assert "x-forwarded-for: 6.6.6.6" not in head
    assert house.backend.leases[0].ended == [False]


@pytest.mark.parametrize("target", ["/_knative/services/shop/plan/a/b?c", "/_knative/services/shop/plan"])
async def test_services_have_an_address_of_their_own(house: House, target: str) -> None:
    head = json.loads((await house.ask("GET", target)).body)
    assert head[0].split()[1] == (target.removeprefix("/_knative/services/shop/plan") or "/")
    assert "host: plan.shop.svc.cluster.local" in head


async def test_the_host_decides_where_a_route_leaves_it_open(house: House) -> None:
    answer = await house.ask("GET", "/by-host", (b"host", b"plan.shop.svc.cluster.local"))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (Unavailable("it does not start", 2.2), 503, b"3"),
        (OutOfTime("too slow"), 504, None),
        (ConnectionFailed("it hung up"), 502, None),
    ],
)
async def test_troubles_have_their_status(
    house: House, error: Exception, status: int, retry_after: bytes | None
) -> None:
    house.backend.error = error
    answer = await house.ask("GET", "/plan")
    assert (answer.status, header(answer.headers, b"retry-after")) == (status, retry_after)
    assert str(error) in json.loads(answer.body)["detail"]


async def test_a_route_has_its_own_patience(house: House) -> None:
    house.upstream.answers = lambda _: NEVER
    house.backend.timeouts = Timeouts(total=10)
    assert (await house.ask("GET", "/quick")).status == 504


@pytest.mark.parametrize(
    ("timeouts", "says"),
    [
        (Timeouts(total=0.05), "did not answer within 0.05 s"),
        (Timeouts(total=300, start=0.05), "did not begin to answer within 0.05 s"),
        (Timeouts(total=300, start=200, idle=0.05), "did not begin to answer within 0.05 s"),
        (Timeouts(total=0.05, start=300), "did not answer within 0.05 s"),
    ],
)
async def test_an_answer_that_does_not_begin_in_time_is_a_504(house: House, timeouts: Timeouts, says: str) -> None:
    """OBSERVED, queue-proxy: a request longer than the revision's timeout is answered 504; Serving's timeout.go has
    three timers, all from the request's arrival."""
    house.upstream.answers = lambda _: NEVER
    house.backend.timeouts = timeouts
    answer = await house.ask("GET", "/plan")
    assert (answer.status, says in json.loads(answer.body)["detail"]) == (504, True)
    assert [lease.ended for lease in house.backend.leases] == [[False]]


async def test_an_answer_that_falls_silent_is_broken_off(house: House) -> None:
    house.upstream.answers = lambda _: BEGUN
    house.backend.timeouts = Timeouts(total=300, idle=0.05)
    with pytest.raises(OutOfTime, match=r"has said nothing for 0\.05 s"):
        await house.ask("GET", "/plan")
    assert [lease.ended for lease in house.backend.leases] == [[False]]
    answer = await house.subscribers.send(TO_PLAN, "shop", HttpRequest("POST", "/"), 5)
    assert answer.status == 504


class Clock:
    """An event loop of which only the time and the timers are there."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        self.timers.append((when, callback))

    def pass_until(self, when: float) -> None:
        while due := [timer for timer in self.timers if timer[0] <= when]:
            self.timers.remove(due[0])
            self.now, callback = due[0]
            callback()
        self.now = when


class Silence:
    on_data: Callable[[], None] | None = None
    broken: Exception | None = None

    def break_off(self, error: Exception) -> None:
        self.broken = error


def test_whoever_keeps_talking_is_not_broken_off() -> None:
    clock, answer = Clock(), Silence()
    IdleTimer(answer, "Service plan", 10.0, cast("asyncio.AbstractEventLoop", clock))
    for moment in (6.0, 12.0, 21.0):
        clock.pass_until(moment)
        assert answer.on_data is not None
        answer.on_data()
    clock.pass_until(30.9)
    assert answer.broken is None
    clock.pass_until(31.0)
    assert isinstance(answer.broken, OutOfTime)


async def test_who_takes_no_connection_is_passed_over(house: House) -> None:
    good = house.backend.addresses[0]
    house.backend.addresses = [TcpAddress("127.0.0.1", 1), good]
    assert (await house.ask("POST", "/plan")).status == 200
    assert [lease.ended for lease in house.backend.leases] == [[True], [False]]


async def test_what_may_have_been_done_is_not_done_twice(house: House) -> None:
    house.upstream.answers = lambda _: None
    assert (await house.ask("POST", "/plan")).status == 502
    assert house.upstream.requests == 1


async def test_what_changes_nothing_is_asked_again_when_an_answer_breaks_off(house: House) -> None:
    house.upstream.answers = lambda request: None if request < 3 else b""
    assert (await house.ask("GET", "/plan")).status == 200
    assert house.upstream.requests == 3
    house.upstream.answers = lambda _: None
    assert (await house.ask("GET", "/plan")).status == 502
    assert house.upstream.requests == 6


async def test_when_closing_only_brokers_answer(house: House) -> None:
    house.door.closing = True
    assert (await house.ask("GET", "/plan")).status == 503
    assert (await house.ask("POST", "/broker/shop/default")).status == 202


TO_PLAN = Destination(Ref("Service", "", "plan", "serving.knative.dev/v1"), "/in?x=1")


async def test_a_delivery_takes_the_destinations_path_and_host(house: House) -> None:
    request = HttpRequest("POST", "/", [(b"ce-id", b"1"), (b"host", b"other")], b"")
    head = json.loads((await house.subscribers.send(TO_PLAN, "shop", request, 5)).body)
    assert head[0] == "POST /in?x=1 HTTP/1.1"
    assert "host: plan.shop.svc.cluster.local" in head
    assert "ce-id: 1" in head
    assert "host: other" not in head


async def test_a_delivery_to_a_broker_goes_to_its_ingress(house: House) -> None:
    to = Destination(Ref("Broker", "", "default", "eventing.knative.dev/v1"))
    answer = await house.subscribers.send(to, "shop", HttpRequest("POST", "/"), 5)
    assert header(answer.headers, b"x-path") == b"/shop/default"
    assert house.names.of_destination(to, "shop") == (INGRESS, "/shop/default")


async def test_a_delivery_to_an_address_outside(house: House) -> None:
    to = Destination(uri=f"http://{house.backend.addresses[0]}/hook")
    head = json.loads((await house.subscribers.send(to, "shop", HttpRequest("POST", "/"), 5)).body)
    assert head[0] == "POST /hook HTTP/1.1"


@pytest.mark.parametrize(("error", "status"), [(Unavailable("no start"), 503), (OutOfTime("slow"), 504)])
async def test_a_service_in_trouble_answers_a_delivery_as_knatives_proxies_do(
    house: House, error: Exception, status: int
) -> None:
    house.backend.error = error
    assert (await house.subscribers.send(TO_PLAN, "shop", HttpRequest("POST", "/"), 5)).status == status


async def test_a_delivery_to_nobody_fails_as_a_connection(house: House) -> None:
    to = Destination(Ref("Service", "", "nobody", "serving.knative.dev/v1"))
    with pytest.raises(ConnectionFailed, match="nobody"):
        await house.subscribers.send(to, "shop", HttpRequest("POST", "/"), 5)
