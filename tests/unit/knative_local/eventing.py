"""What the tests of the eventing half share: events, Triggers, and subscribers that live in memory."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from knative_local.cloudevent import CloudEvent, from_batch, from_http, from_json, mode_of
from knative_local.dispatcher import Dispatcher
from knative_local.filters import EVERYTHING, Filter
from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.log.sqlite import SqliteEventLog
from knative_local.model import Delivery, Destination, Trigger
from knative_local.source import Source

BROKER = "town/default"
SOMEWHERE = Source("somewhere.yaml", 1)


def event(id: str = "1", type: str = "test.happened", data: object = None, **attributes: str) -> CloudEvent:
    """A CloudEvent with JSON data."""
    members: dict[str, Any] = {"specversion": "1.0", "id": id, "source": "/tests", "type": type, **attributes}
    if data is not None:
        members |= {"datacontenttype": "application/json", "data": data}
    return from_json(msgspec.json.encode(members))


def to(uri: str) -> Destination:
    """A destination that FakeSubscribers knows by its URI."""
    return Destination(uri=f"http://{uri}")


def trigger(
    name: str = "first",
    subscriber: str = "first",
    filter: Filter = EVERYTHING,
    retry: int = 0,
    dead_letter_sink: str | None = None,
    batch: int | None = None,
    linger: float = 0.0,
) -> Trigger:
    """A Trigger of the Broker town/default; waits between attempts are 0.2, 0.4, 0.6 s …"""
    sink = to(dead_letter_sink) if dead_letter_sink else None
    delivery = Delivery(retry=retry, backoff_policy="linear", backoff_delay=0.2, dead_letter_sink=sink)
    return Trigger(
        "town", name, "default", to(subscriber), delivery, SOMEWHERE, filter=filter, batch=batch, linger=linger
    )


Running = tuple[Dispatcher, SqliteEventLog]
Start = Callable[..., AbstractAsyncContextManager[Running]]
Answer = HttpResponse | Exception | Callable[[HttpRequest], "HttpResponse | Exception"]


@dataclass
class FakeSubscribers:
    """Subscribers by host: `answers` are used up in order, the last one stays; no answers at all is 204."""

    answers: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    requests: dict[str, list[HttpRequest]] = field(default_factory=dict[str, list[HttpRequest]])
    holding: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    timeouts: list[float] = field(default_factory=list[float])
    most_at_once: int = 0
    _at_once: int = 0

    async def send(
        self, destination: Destination, namespace: str, request: HttpRequest, timeout: float
    ) -> HttpResponse:
        host = (destination.uri or "").removeprefix("http://")
        self.requests.setdefault(host, []).append(request)
        self.timeouts.append(timeout)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if host in self.holding:
                await self.holding[host].wait()
            else:
                await asyncio.sleep(0)
        finally:
            self._at_once -= 1
        answer = self._next(host)
        outcome = answer(request) if callable(answer) else answer
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def url_of(self, destination: Destination, namespace: str) -> str:
        return f"{destination.uri}.{namespace}"

    def ids(self, host: str) -> list[str]:
        """The ids of what came, in order, repeats and all."""
        return [each.attributes["id"] for each in self.events(host)]

    def events(self, host: str) -> list[CloudEvent]:
        """What came, in order."""
        return [event for request in self.requests.get(host, []) for event in events_of(request)]

    def _next(self, host: str) -> Answer:
        answers = self.answers.get(host) or [HttpResponse(204)]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def events_of(request: HttpRequest) -> Sequence[CloudEvent]:
    """The events of a delivery, be it a batch or one."""
    if mode_of(request.headers) == "batch":
        return from_batch(request.body)
    return [from_http(request.headers, request.body)]


class FakeSleep:
    """Sleeps no time at all, and remembers how long it should have been; or, once told to hold, sleeps for ever."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.holds = False

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.holds:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what has to become true within five seconds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def backlog(dispatcher: Dispatcher) -> int:
    """How many events the Triggers are not through with."""
    return sum(figures.backlog for figures in dispatcher.trigger_figures())


def stored_cursor(folder: Path, trigger: str) -> int:
    """Up to where a Trigger is done, as the file of the log in `folder` says."""
    with closing(sqlite3.connect(folder / "log.db")) as database:
        ((done,),) = database.execute("SELECT done FROM cursors WHERE trigger = ?", (trigger,))
    return int(done)


async def done(dispatcher: Dispatcher) -> None:
    """Wait until the Triggers are through with everything."""
    await until(lambda: backlog(dispatcher) == 0)
