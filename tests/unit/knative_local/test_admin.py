"""What people ask of the running log."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from knative_local.admin import Admin
from knative_local.dispatcher import Dispatcher
from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import BROKER, FakeSubscribers, event, trigger, until


class Asked:
    """A dispatcher with one Trigger, its log, and the questions."""

    def __init__(self, folder: Path) -> None:
        self.subscribers = FakeSubscribers()
        self.log = SqliteEventLog.open(folder / "log.db")
        self.dispatcher = Dispatcher([trigger()], self.log, self.subscribers)
        self.admin = Admin(self.log, self.dispatcher, [BROKER])

    async def ask(self, target: str, method: str = "GET") -> tuple[int, Any]:
        answer = await self.admin.answer(HttpRequest(method, target))
        assert answer is not None
        return answer.status, json.loads(answer.body)


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    asked = Asked(tmp_path)
    await asked.dispatcher.start()
    yield asked
    await asked.dispatcher.stop(1)
    asked.log.close()


async def test_the_newest_events_and_then_on_from_there(asked: Asked) -> None:
    await asked.log.append(BROKER, [event(str(n), data={"n": n}) for n in range(1, 6)])

    status, page = await asked.ask("/events?limit=2")

    assert status == 200
    assert [(each["offset"], each["event"]["id"], each["event"]["data"]) for each in page["events"]] == [
        (4, "4", {"n": 4}),
        (5, "5", {"n": 5}),
    ]
    assert page["next"] == 5
    assert (await asked.ask("/events?after=5"))[1] == {"broker": BROKER, "events": [], "next": 5}
    assert (await asked.ask(f"/events?broker={BROKER}&after=1&limit=1"))[1]["events"][0]["offset"] == 2


async def test_waiting_for_the_next_event(asked: Asked) -> None:
    waiting = asyncio.create_task(asked.ask("/events?after=0&wait=30"))
    await asyncio.sleep(0)
    await asked.log.append(BROKER, [event("1")])

    status, page = await waiting

    assert (status, page["next"]) == (200, 1)


async def test_a_stop_ends_the_waiting(asked: Asked) -> None:
    waiting = asyncio.create_task(asked.ask("/events?after=0&wait=30"))
    await asyncio.sleep(0)
    asked.admin.release_waiting()

    assert (await waiting)[1]["events"] == []


async def test_dead_letters_and_their_replay(asked: Asked) -> None:
    asked.subscribers.answers["first"] = [HttpResponse(400, [], b"no"), HttpResponse(204)]
    await asked.log.append(BROKER, [event("1", data=5)])
    await until(lambda: asked.log.dead_letter_total() == 1)

    _, listed = await asked.ask("/dead-letters?trigger=town/first")
    (letter,) = listed["dead_letters"]
    assert listed["total"] == 1
    assert (letter["trigger"], letter["code"], letter["data"], letter["attempts"]) == ("town/first", 400, "bm8=", 1)
    assert (letter["reason"], letter["event"]["data"], letter["delivered_to_sink"]) == ("answered 400", 5, False)
    assert (await asked.ask(f"/dead-letters/{letter['id']}"))[1] == letter

    status, _ = await asked.ask(f"/dead-letters/{letter['id']}/replay", "POST")

    assert status == 202
    await until(lambda: asked.log.dead_letter_total() == 0)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/events?broker=town/nobody", 404),
        ("GET", "/events?after=x", 400),
        ("GET", "/events?limit=-1", 400),
        ("POST", "/events", 405),
        ("GET", "/dead-letters/7", 404),
        ("GET", "/dead-letters/99999999999999999999", 404),
        ("POST", "/dead-letters/x/replay", 404),
        ("PUT", "/dead-letters/7", 405),
    ],
)
async def test_refusals(asked: Asked, method: str, target: str, status: int) -> None:
    answered, problem = await asked.ask(target, method)

    assert answered == status
    assert problem["detail"]


async def test_other_paths_are_somebody_elses(asked: Asked) -> None:
    assert await asked.admin.answer(HttpRequest("GET", "/status")) is None
