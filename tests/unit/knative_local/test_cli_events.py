"""The commands about events and dead letters, against a real answerer on a socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from knative_local.admin import Admin
from knative_local.cli_events import dead_letters, events
from knative_local.dispatcher import Dispatcher
from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import BROKER, FakeSubscribers, event, trigger, until


class Runtime:
    """As much of a runtime as the commands see."""

    def __init__(self, folder: Path) -> None:
        self.subscribers = FakeSubscribers()
        self.log = SqliteEventLog.open(folder / "log.db")
        self.dispatcher = Dispatcher([trigger()], self.log, self.subscribers)
        self.admin = Admin(self.log, self.dispatcher, [BROKER])
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        answer = await self.admin.answer(HttpRequest(method, target.removeprefix("/_knative")))
        assert answer is not None
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n" % (answer.status, len(answer.body)))
        writer.write(b"Connection: close\r\n\r\n" + answer.body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def run(self, app: object, *words: str) -> Result:
        arguments = [*words, "--url", f"http://127.0.0.1:{self.port}"]
        return await asyncio.to_thread(CliRunner().invoke, app, arguments, env={"COLUMNS": "300", "NO_COLOR": "1"})


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    runtime = Runtime(tmp_path)
    await runtime.dispatcher.start()
    server = await asyncio.start_server(runtime.serve, "127.0.0.1", 0)
    runtime.port = server.sockets[0].getsockname()[1]
    yield runtime
    server.close()
    await server.wait_closed()
    await runtime.dispatcher.stop(1)
    runtime.log.close()


async def test_tail_shows_the_newest_events(runtime: Runtime) -> None:
    await runtime.log.append(BROKER, [event(str(n), "car.moved", {"n": n}, subject=f"car-{n}") for n in range(1, 6)])

    shown = await runtime.run(events, "tail", "--no-follow", "-n", "2")

    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert len(lines) == 2
    assert "car.moved car-5 5 " in lines[1]
    assert '{"n": 5}' in lines[1]


async def test_tail_for_programs_and_by_type(runtime: Runtime) -> None:
    await runtime.log.append(BROKER, [event("1", "car.moved"), event("2", "car.stopped")])

    shown = await runtime.run(events, "tail", "--no-follow", "--json", "--type", "car.st", "--broker", BROKER)

    assert [json.loads(line)["event"]["id"] for line in shown.output.splitlines()] == ["2"]


async def test_tail_lets_no_event_steer_the_terminal(runtime: Runtime) -> None:
    await runtime.log.append(BROKER, [event("1", subject="\x1b[2J[red]")])

    shown = await runtime.run(events, "tail", "--no-follow")

    assert "\x1b" not in shown.output
    assert "\N{REPLACEMENT CHARACTER}[2J[red]" in shown.output


async def test_dead_letters_are_listed_and_replayed(runtime: Runtime) -> None:
    runtime.subscribers.answers["first"] = [HttpResponse(400), HttpResponse(400), HttpResponse(204)]
    await runtime.log.append(BROKER, [event("1", "car.moved"), event("2", "car.moved")])
    await until(lambda: runtime.log.dead_letter_total() == 2)

    listed = await runtime.run(dead_letters, "list")
    assert "town/first" in listed.output
    assert "answered 400" in listed.output
    assert "2 of 2" in listed.output
    as_json = await runtime.run(dead_letters, "list", "--json", "--limit", "1")
    assert json.loads(as_json.output)["event"]["type"] == "car.moved"

    one = await runtime.run(dead_letters, "replay", str(json.loads(as_json.output)["id"]))
    assert one.exit_code == 0
    await until(lambda: runtime.log.dead_letter_total() == 1)
    assert (await runtime.run(dead_letters, "replay", "--all", "--trigger", "town/first")).exit_code == 0
    await until(lambda: runtime.log.dead_letter_total() == 0)
    assert "no dead letters" in (await runtime.run(dead_letters, "list")).output


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["replay", "77"], 1, "there is no dead letter 77"),
        (["replay"], 2, "give ids, or --all"),
        (["replay", "7", "--trigger", "a/b"], 2, "--trigger goes with --all"),
    ],
)
async def test_exit_codes(runtime: Runtime, words: list[str], status: int, says: str) -> None:
    ended = await runtime.run(dead_letters, *words)

    assert ended.exit_code == status
    assert says in ended.output


async def test_nobody_there_is_exit_code_3(runtime: Runtime) -> None:
    nobody = asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    server = await nobody
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    ended = await asyncio.to_thread(CliRunner().invoke, dead_letters, ["list", "--url", f"http://127.0.0.1:{port}"])

    assert ended.exit_code == 3
    assert "no runtime answers" in ended.output
