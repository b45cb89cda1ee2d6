"""knative_local as a person runs it: a small project of the standard library, real processes, real signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.local import Local
from tests.running import eventually, free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Local]:
    """A project that is not started."""
    local = Local(tmp_path)
    yield local
    if local.process is not None:
        local.stop()
    local.client.close()
    assert local.processes() == []


@pytest.fixture
def local(prepared: Local) -> Local:
    """A project that runs."""
    return prepared.start()


def test_a_service_starts_on_a_request_and_stops_when_idle(local: Local) -> None:
    assert local.service("first")["instances"] == 0
    answer = local.client.get("/first/menu?day=1").json()
    assert answer["path"] == "/first/menu?day=1"
    assert answer["host"] == "first.shop.svc.cluster.local"
    assert answer["sink"] == f"{local.url}/broker/shop/default"
    row = local.service("first")
    assert (row["instances"], len(row["cold_starts"])) == (1, 1)
    assert local.client.get("/first/again").json()["pid"] == answer["pid"]
    eventually(lambda: local.service("first")["instances"] == 0, what="back to zero")
    eventually(lambda: not psutil.pid_exists(answer["pid"]), what="the process is gone")
    assert local.client.get("/first/later").json()["pid"] != answer["pid"]


def test_an_event_goes_to_a_function_and_its_reply_to_the_next(local: Local) -> None:
    assert local.post("o-1", mode="reply", data={"dish": "feijoada"}) == 202
    loud = eventually(lambda: local.seen("second"), what="the reply's delivery")[0]
    assert (loud["id"], loud["source"], loud["type"]) == ("o-1-loud", "/first", "loud")
    assert json.loads(loud["data"]) == {"DISH": "FEIJOADA"}
    assert local.times("first", "o-1") == 1
    eventually(lambda: local.trigger("second")["backlog"] == 0, what="an empty backlog")


def test_what_fails_is_tried_again_and_then_kept_as_a_dead_letter(local: Local) -> None:
    assert local.post("flaky", mode="flaky") == 202
    eventually(lambda: local.times("first", "flaky") == 3, what="the third attempt")
    assert local.post("broken", mode="broken") == 202
    dead = eventually(lambda: local.seen("graveyard"), what="the dead letter")
    assert [event["id"] for event in dead] == ["broken"]
    assert dead[0]["knativeerrorcode"] == "500"
    assert dead[0]["knativeerrordest"] == "http://first.shop.svc.cluster.local"
    assert local.times("first", "broken") == 4
    assert local.post("refused", mode="refuse") == 202
    eventually(lambda: local.times("graveyard", "refused") == 1, what="the refused event's dead letter")
    assert local.times("first", "refused") == 1
    assert local.trigger("first")["dead_letters"] == 2
    assert local.client.get("/_knative/dead-letters").json()["total"] == 2


def test_a_function_killed_in_mid_request_gets_the_event_again(local: Local) -> None:
    assert local.post("slow", mode="hang-once") == 202
    (seen,) = eventually(lambda: local.seen("first"), what="the first delivery")
    os.kill(seen["pid"], signal.SIGKILL)
    again = eventually(lambda: local.seen("first")[1:], what="the second delivery")[0]
    assert again["id"] == "slow"
    assert again["pid"] != seen["pid"]
    assert local.seen("graveyard") == []


def test_a_caller_whose_instance_is_killed_gets_an_answer_by_another(local: Local) -> None:
    pid = local.client.get("/first").json()["pid"]
    os.kill(pid, signal.SIGKILL)
    assert local.client.get("/first").json()["pid"] != pid


def test_kill_9_of_the_runtime_loses_nothing_acknowledged_and_leaves_no_process(prepared: Local) -> None:
    prepared.start()
    acknowledged: list[str] = []
    stop = threading.Event()

    def send(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                if prepared.post(f"{worker}-{number}") == 202:
                    acknowledged.append(f"{worker}-{number}")
            except httpx.HTTPError:
                return

    with ThreadPoolExecutor(4) as pool:
        for worker in range(4):
            pool.submit(send, worker)
        eventually(lambda: len(acknowledged) > 200, what="some load")
        assert prepared.process is not None
        prepared.process.kill()
        prepared.process.wait()
        stop.set()
    assert prepared.process.stdout is not None
    prepared.process.stdout.close()
    eventually(lambda: not prepared.processes(), within=5, what="no orphan")
    prepared.start()
    missing = set(acknowledged)
    eventually(lambda: not (missing - {event["id"] for event in prepared.seen("first")}), what="all deliveries")


def test_ctrl_c_leaves_no_process_and_the_next_start_goes_on(prepared: Local) -> None:
    prepared.start()
    prepared.post("before")
    eventually(lambda: prepared.times("first", "before") == 1, what="the first delivery")
    assert prepared.stop(signal.SIGINT) == 0
    assert prepared.processes() == []
    prepared.start()
    prepared.post("after")
    eventually(lambda: prepared.times("first", "after") == 1, what="the second delivery")
    assert prepared.times("first", "before") == 1
    assert prepared.stop(signal.SIGTERM) == 0


def test_a_second_ctrl_c_ends_everything_at_once(local: Local) -> None:
    local.post("slow", mode="hang-once")
    eventually(lambda: local.seen("first"), what="a delivery that does not end")
    assert local.process is not None
    local.process.send_signal(signal.SIGINT)
    assert local.process.stdout is not None
    assert any("stopping" in line for line in local.process.stdout)
    assert local.stop(signal.SIGINT) == 130
    eventually(lambda: not local.processes(), within=5, what="no process left")


def test_a_websocket_is_passed_through_whole(local: Local) -> None:
    with connect(f"ws://127.0.0.1:{local.port}/echo", max_size=None) as websocket:
        for message in ("olá", "", b"\x00\xff" * 10, b"x" * 3_000_000):
            websocket.send(message)
            assert websocket.recv(timeout=10) == message
    with pytest.raises(Exception, match="403"):
        connect(f"ws://127.0.0.1:{local.port}/echo", origin="https://evil.example")  # pyright: ignore[reportArgumentType]
    with pytest.raises(Exception, match="404"):
        connect(f"ws://127.0.0.1:{local.port}/nowhere")


def test_a_websocket_ends_when_its_process_does_and_the_process_comes_back(local: Local) -> None:
    echo = next(process for process in local.processes() if "echo.py" in process.cmdline())
    with connect(f"ws://127.0.0.1:{local.port}/echo") as websocket:
        echo.kill()
        with pytest.raises(Exception, match="close"):
            websocket.recv(timeout=10)

    def comes_back() -> bool:
        try:
            with connect(f"ws://127.0.0.1:{local.port}/echo") as again:
                again.send("there?")
                return again.recv(timeout=10) == "there?"
        except WebSocketException:  # it was so fast that the runtime did not know yet
            return False

    eventually(comes_back, what="the process being back")
    (row,) = local.status()["deployments"]
    assert (row["running"], row["restarts"]) == (True, 1)


def test_a_stream_arrives_as_it_is_written(local: Local) -> None:
    with local.client.stream("GET", "/stream") as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"tick\n\n"
        (local.record / "enough").touch()
        assert set(b"".join(parts).split()) <= {b"tick"}


def test_a_service_that_cannot_start_says_why(local: Local) -> None:
    answer = local.client.get("/broken")
    assert answer.status_code == 503
    assert "no such table: orders" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    assert "no such table: orders" in local.service("broken")["problem"]


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({}, "/nowhere", 404),
        ({"host": "evil.example"}, "/first", 421),
        ({"origin": "https://evil.example"}, "/first", 403),
        ({}, "/_knative/nothing", 404),
        ({}, "/_knative/services/shop/nobody", 404),
    ],
)
def test_refusals_are_problem_json(local: Local, headers: dict[str, str], path: str, status: int) -> None:
    answer = local.client.post(path, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large_is_refused(local: Local, chunked: bool) -> None:
    body = b"x" * (9 * 1024 * 1024)
    content = iter([body[: len(body) // 2], body[len(body) // 2 :]]) if chunked else body
    assert local.client.post("/first", content=content).status_code == 413


def test_a_service_is_reached_by_its_name_without_any_route(local: Local) -> None:
    answer = local.client.get("/_knative/services/shop/second/by/name?x=1").json()
    assert (answer["name"], answer["path"]) == ("second", "/by/name?x=1")


def test_changing_a_triggers_filter_sends_the_events_elsewhere(prepared: Local) -> None:
    text = prepared.manifests.read_text()
    assert text.count("type: loud") == 1
    prepared.manifests.write_text(text.replace("type: loud", "type: order").replace("type: order", "type: none", 1))
    prepared.start()
    prepared.post("moved")
    eventually(lambda: prepared.times("second", "moved") == 1, what="the delivery to the second function")
    eventually(lambda: prepared.trigger("first")["backlog"] == 0, what="the first one being through")
    assert prepared.times("first", "moved") == 0


def test_a_taken_port_is_refused_before_anything_starts(prepared: Local) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", prepared.port))
        taken.listen()
        status, said = prepared.refusal()
    assert status == 1
    assert said.count("\n") == 1
    assert f"port {prepared.port}" in said
    assert not (prepared.folder / "state").exists()


def test_only_this_machines_own_addresses_are_served(prepared: Local) -> None:
    status, said = prepared.refusal("--host", "0.0.0.0")
    assert status == 2
    assert "127.0.0.1" in said


def test_a_typo_is_reported_with_file_and_line_before_anything_starts(prepared: Local) -> None:
    text = prepared.manifests.read_text().replace("  filter:\n", "  fliter:\n", 1)
    prepared.manifests.write_text(text)
    line = text[: text.index("fliter")].count("\n") + 1
    status, said = prepared.refusal()
    assert status == 1
    assert f"manifests.yaml:{line}:" in said
    assert "fliter" in said
    assert not (prepared.folder / "state").exists()


def change(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (change("host: echo\n", "host: ecco\n"), "ecco"),
        (change("second.shop.svc", "third.shop.svc"), "third"),
        (change("targetPort: 9000", "targetPort: 9001"), "9001"),
    ],
)
def test_names_that_nothing_answers_to_are_reported(prepared: Local, edit: Callable[[str], str], said: str) -> None:
    prepared.manifests.write_text(edit(prepared.manifests.read_text()))
    status, error = prepared.refusal()
    assert status == 1
    assert said in error
    assert "manifests.yaml:" in error


def test_one_state_folder_has_one_runtime(local: Local) -> None:
    status, said = local.refusal("--port", str(free_port()))
    assert status == 1
    assert said.count("\n") == 1
    assert "in use" in said
    assert local.client.get("/first").status_code == 200


def test_the_command_line_shows_what_runs(local: Local) -> None:
    local.client.get("/first")
    command = [sys.executable, "-m", "knative_local", "status", "--url", local.url]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"})
    assert "first" in shown.stdout
    assert "type = order" in shown.stdout
    as_json = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(as_json.stdout)["brokers"][0]["name"] == "default"
    nobody = [*command[:-1], f"http://127.0.0.1:{free_port()}"]
    assert subprocess.run(nobody, capture_output=True, check=False).returncode == 3


def test_up_is_the_same_by_the_command_line(prepared: Local) -> None:
    words = prepared.command()
    words[2:3] = ["knative_local", "up"]
    prepared.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert prepared.process.stdout is not None
    assert any("Ctrl-C" in line for line in prepared.process.stdout)
    assert prepared.client.get("/first").status_code == 200
    assert psutil.Process(prepared.process.pid).cmdline()[2] == "knative_local.runtime"
