"""PingSources: an event whenever the schedule says so, with Knative's attributes and retries."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from knative_local.cloudevent import from_http
from knative_local.http_types import ConnectionFailed, HttpResponse
from knative_local.model import PingSource
from knative_local.ping_sources import PingSources, event_of
from tests.unit.knative_local.eventing import SOMEWHERE, FakeSubscribers, to, until

START = datetime(2026, 3, 1, 10, 0, 30, tzinfo=UTC)


def source(name: str = "tick", schedule: str = "* * * * *", sink: str = "sink", **more: object) -> PingSource:
    known = {"timezone": "", "content_type": "application/json", "data": b'{"a": 1}'} | more
    return PingSource("town", name, schedule, sink=to(sink), source=SOMEWHERE, **known)  # pyright: ignore[reportArgumentType] - what a test changes


class Clock:
    """Time that passes only while somebody sleeps, and only as far as `until` allows."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []
        self._most = START
        self._moved = asyncio.Event()

    def __call__(self) -> datetime:
        return self.now

    def allow(self, seconds: float) -> None:
        self._most += timedelta(seconds=seconds)
        self._moved.set()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        end = self.now + timedelta(seconds=seconds)
        while end > self._most:
            self._moved.clear()
            await self._moved.wait()
        self.now = max(self.now, end)
        await asyncio.sleep(0)


@pytest.fixture
def subscribers() -> FakeSubscribers:
    return FakeSubscribers()


@pytest_asyncio.fixture
async def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def pings(subscribers: FakeSubscribers, clock: Clock) -> AsyncIterator[PingSources]:
    made = PingSources(subscribers, now=clock, sleep=clock.sleep)
    yield made
    await made.stop()


def test_the_event_is_as_knatives() -> None:
    """OBSERVED: type `dev.knative.sources.ping`, source `/apis/v1/namespaces/NS/pingsources/NAME`."""
    request = event_of(source(overrides={"origin": "tøwn"}), "4", START)

    assert (b"content-type", b"application/json") in request.headers
    assert request.body == b'{"a": 1}'
    assert from_http(request.headers, request.body).attributes == {
        "specversion": "1.0",
        "id": "4",
        "source": "/apis/v1/namespaces/town/pingsources/tick",
        "type": "dev.knative.sources.ping",
        "time": "2026-03-01T10:00:30Z",
        "datacontenttype": "application/json",
        "origin": "tøwn",
    }


@pytest.mark.parametrize(
    ("content_type", "data"), [("", None), ("", b"no content type"), ("image/png", bytes(range(256)))]
)
def test_data_goes_as_it_is(content_type: str, data: bytes | None) -> None:
    request = event_of(source(content_type=content_type, data=data), "4", START)

    assert request.body == (data or b"")
    assert dict(request.headers).get(b"content-type", b"") == content_type.encode()
    assert from_http(request.headers, request.body).data() == data


@pytest.mark.asyncio
async def test_an_event_with_an_id_of_its_own_each_time_it_is_due(
    pings: PingSources, subscribers: FakeSubscribers, clock: Clock
) -> None:
    pings.apply([source()])
    clock.allow(29)
    await until(lambda: clock.slept == [30])
    assert subscribers.events("sink") == []

    clock.allow(1 + 60 + 60)
    await until(lambda: pings.figures()[0][1].sent == 3)

    events = subscribers.events("sink")
    assert len({event.attributes["id"] for event in events}) == 3
    assert [event.attributes["time"][11:19] for event in events] == ["10:01:00", "10:02:00", "10:03:00"]
    ((_, figures),) = pings.figures()
    assert (figures.sent, figures.lost, figures.next) == (3, 0, datetime(2026, 3, 1, 10, 4, tzinfo=UTC))


@pytest.mark.asyncio
async def test_a_clock_that_is_set_anew_is_noticed_within_a_minute(
    pings: PingSources, subscribers: FakeSubscribers, clock: Clock
) -> None:
    """A laptop that slept through several moments sends one event, and goes on from there."""
    pings.apply([source(schedule="@daily")])
    await until(lambda: clock.slept == [60])

    clock.now += timedelta(days=3)
    clock.allow(60)

    await until(lambda: len(subscribers.events("sink")) == 1)
    await until(lambda: pings.figures()[0][1].next == datetime(2026, 3, 5, tzinfo=UTC))


@pytest.mark.asyncio
async def test_a_sink_that_fails_is_tried_five_times_more_and_then_the_event_is_lost(
    pings: PingSources, subscribers: FakeSubscribers, clock: Clock
) -> None:
    """Knative's adapter: ContextWithRetriesExponentialBackoff(50 ms, 5), then "Event is lost"."""
    subscribers.answers["sink"] = [ConnectionFailed("refused"), HttpResponse(503)]
    pings.apply([source(schedule="@hourly")])
    clock.allow(3600)

    await until(lambda: pings.figures()[0][1].lost == 1)

    assert len(subscribers.requests["sink"]) == 6
    assert len(set(subscribers.ids("sink"))) == 1
    assert [each for each in clock.slept if each < 2] == [0.1, 0.2, 0.4, 0.8, 1.6]


@pytest.mark.asyncio
async def test_a_refusal_that_no_repeat_will_change_is_final(
    pings: PingSources, subscribers: FakeSubscribers, clock: Clock
) -> None:
    subscribers.answers["sink"] = [HttpResponse(400)]
    pings.apply([source()])
    clock.allow(30)

    await until(lambda: pings.figures()[0][1].lost == 1)

    assert len(subscribers.requests["sink"]) == 1


@pytest.mark.asyncio
async def test_a_slow_sink_does_not_put_off_the_next_event(
    pings: PingSources, subscribers: FakeSubscribers, clock: Clock
) -> None:
    subscribers.holding["sink"] = asyncio.Event()
    pings.apply([source()])
    clock.allow(30 + 60)

    await until(lambda: len(subscribers.requests.get("sink", [])) == 2)


@pytest.mark.asyncio
async def test_a_reload_leaves_alone_what_has_not_changed(
    pings: PingSources, subscribers: FakeSubscribers, clock: Clock
) -> None:
    pings.apply([source(), source("gone", sink="gone"), source("other", sink="before")])
    await until(lambda: len(clock.slept) == 3)

    pings.apply([source(), source("other", sink="after"), source("new", sink="new")])
    await until(lambda: len(clock.slept) == 5)
    clock.allow(30)

    await until(lambda: set(subscribers.requests) == {"sink", "after", "new"})


@pytest.mark.asyncio
async def test_without_sources_nothing_sleeps(pings: PingSources, clock: Clock) -> None:
    pings.apply([])

    assert (clock.slept, len(asyncio.all_tasks())) == ([], 1)
