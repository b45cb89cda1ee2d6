"""A function as the process that runs: it serves HTTP, drains on SIGTERM, and refuses what cannot be meant."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.running import ROOT, eventually, free_port

pytestmark = pytest.mark.integration

SLOW = """
import asyncio
from pathlib import Path
from trackway.functions import on_events

@on_events
async def slow(events, deps):
    Path("begun").touch()
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    Path("draining").write_text(str(deps.draining))
    return ()
"""
EVENT = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/me",
    "ce-type": "dev.trackway.position.recorded.v1",
}
POSITION = '{"vehicle_id":"van-7","lat":%s,"lng":-56.16,"recorded_at":"2026-01-01T12:00:00Z"}'


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "trackway.functions", *arguments]


@contextmanager
def serving(name: str | None, cwd: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The function's process and port, once it listens."""
    port = free_port()
    process = subprocess.Popen(
        command(*([name] if name else [])),
        cwd=cwd,
        env={**os.environ, "PORT": str(port), **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: connects(port) or process.poll() is not None, what=f"{name} listening")
        yield process, port
    finally:
        process.kill()
        process.communicate()


def connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def post(port: int, body: str, headers: Mapping[str, str] = EVENT, path: str = "/") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, body, dict(headers))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_persist_stores_what_is_posted(tmp_path: Path) -> None:
    store = tmp_path / "trackway.db"
    with serving("persist", ROOT, TRACKWAY_STORE=f"sqlite:///{store}") as (process, port):
        assert post(port, POSITION % "-34.9") == (204, "")
        status, problem = post(port, POSITION % "-94.9")
        assert status == 400
        assert '"field":"lat"' in problem
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    with sqlite3.connect(store) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert any("position" in table for table in tables)
    database.close()


def test_the_only_function_that_there_is_needs_no_name(tmp_path: Path) -> None:
    """As in an image that was made for one."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "main.py").write_text(SLOW)
    (tmp_path / "go").touch()
    with serving(None, tmp_path, TRACKWAY_FUNCTIONS=".") as (_, port):
        assert post(port, "{}") == (204, "")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what a process has loaded is seen in /proc")
def test_the_client_of_mongodb_is_loaded_before_anybody_asks_and_only_where_it_is_the_store(tmp_path: Path) -> None:
    def has_loaded(process: subprocess.Popen[str]) -> bool:
        return "/bson/" in Path(f"/proc/{process.pid}/maps").read_text()

    with serving("persist", ROOT, TRACKWAY_STORE="mongodb://127.0.0.1:1/trackway") as (process, _):
        eventually(lambda: has_loaded(process), what="the client loaded")
    with serving("persist", ROOT, TRACKWAY_STORE=f"sqlite:///{tmp_path}/trackway.db") as (process, port):
        assert post(port, POSITION % "-34.9") == (204, "")
        assert not has_loaded(process)


def test_what_is_in_flight_ends_before_the_process_does(tmp_path: Path) -> None:
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "main.py").write_text(SLOW)
    answers: list[tuple[int, str]] = []
    with serving("slow", tmp_path, TRACKWAY_FUNCTIONS=".") as (process, port):
        caller = threading.Thread(target=lambda: answers.append(post(port, "{}")))
        caller.start()
        eventually((tmp_path / "begun").exists, what="the delivery's begin")
        process.send_signal(signal.SIGTERM)
        eventually(lambda: not connects(port), what="no new work")
        assert process.poll() is None
        (tmp_path / "go").touch()
        assert process.wait(10) == 0
        caller.join(10)
        assert answers == [(204, "")]
        assert (tmp_path / "draining").read_text() == "True"


def test_who_asks_as_soon_as_the_port_is_taken_is_told_when_it_is_ready_though_the_store_is_away() -> None:
    """The port takes connections before anybody answers; that is what the question is for."""
    away = "mongodb://127.0.0.1:1/trackway?serverSelectionTimeoutMS=50"
    with serving("persist", ROOT, TRACKWAY_STORE=away) as (_, port):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 204
        connection.close()
        assert post(port, POSITION % "-34.9")[0] == 503


def test_ingest_answers_once_the_broker_has_it(tmp_path: Path) -> None:
    taken: list[dict[str, str]] = []

    class Broker(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            taken.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    broker = ThreadingHTTPServer(("127.0.0.1", 0), Broker)
    thread = threading.Thread(target=broker.serve_forever)
    thread.start()
    try:
        sink = f"http://127.0.0.1:{broker.server_address[1]}/broker/trackway/default"
        with serving("ingest", ROOT, K_SINK=sink) as (_, port):
            headers = {"content-type": "application/json"}
            assert post(port, '{"id":"a","lat":1,"lng":2}', headers, "/v1/ingest") == (200, '{"accepted":1}')
            assert [event["ce-type"] for event in taken] == ["dev.trackway.position.recorded.v1"]
    finally:
        broker.shutdown()
        broker.server_close()
        thread.join()


def test_head_and_body_of_an_answer_arrive_together(tmp_path: Path) -> None:
    with serving("persist", ROOT, TRACKWAY_STORE="memory://") as (_, port), socket.socket() as raw:
        raw.connect(("127.0.0.1", port))
        for _ in range(20):
            raw.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            answer = raw.recv(65536)
            assert answer.startswith(b"HTTP/1.1 405 ")
            assert answer.endswith(b"}")
        for request, answer in [
            (b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n", b"HTTP/1.1 405 "),
            (b"GET / HTTP/1.0\r\nhost: x\r\n\r\n", b"HTTP/1.1 405 "),
        ]:
            raw.sendall(request)
            assert raw.recv(65536).startswith(answer)
        assert raw.recv(1) == b""


@pytest.mark.parametrize("arguments", [(), ("nobody",), ("--help",), ("../persist",), ("persist", "plan")])
def test_what_names_no_function_is_a_wrong_use(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "persist" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("environment", "word"),
    [({"TRACKWAY_HOST": "0.0.0.0"}, "loopback"), ({"PORT": "x"}, "PORT"), ({"K_SINK": "x"}, "K_SINK")],
)
def test_settings_that_cannot_be_used_are_told_in_a_sentence(environment: dict[str, str], word: str) -> None:
    done = subprocess.run(
        command("persist"), cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert word in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_main_that_defines_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "main.py").write_text("def odd(request):\n    return 'hello'\n")
    environment = {**os.environ, "TRACKWAY_FUNCTIONS": "."}
    done = subprocess.run(command("odd"), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "on_events" in done.stderr


def test_a_taken_port_is_told_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = {**os.environ, "PORT": str(taken.getsockname()[1])}
        done = subprocess.run(
            command("persist"), cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert "cannot listen on 127.0.0.1" in done.stderr
    assert len(done.stderr.splitlines()) == 1
