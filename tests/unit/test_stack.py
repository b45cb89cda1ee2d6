"""`make run STACK=full` leads to the program that starts all servers; what it starts is tested server by server."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT
from tools import stack


def test_make_starts_the_program_and_the_program_starts() -> None:
    told = subprocess.run(
        ["make", "-n", "-o", "setup-dev", "run", "STACK=full", "DEMO=5"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "tools/stack.py --port 8080 --demo 5" in told.stdout
    helped = subprocess.run(
        [sys.executable, "tools/stack.py", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert helped.returncode == 0, helped.stderr
    assert "STACK=full" in helped.stdout


@pytest.mark.parametrize("sinks", [[], ["opensearch-events", "elasticsearch-events"]])
def test_positions_go_to_mongodb_and_to_elasticsearch_where_there_is_a_sink_and_else_one_line_says_what_to_install(
    sinks: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[tuple[str, ...]] = []
    monkeypatch.setattr(stack, "trackway", lambda _, *words: said.append(words))
    monkeypatch.setattr(stack.connect, "elasticsearch_sinks", lambda: sinks)
    stack.carry_on({})
    setup, (connect, apply, *files) = said
    assert setup == ("search", "setup")
    assert (connect, apply) == ("connect", "apply")
    assert [Path(file).stem for file in files] == ["mongo-positions", *sinks[:1]]
    assert all(Path(file).is_file() for file in files)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (0 if sinks else 1)
    assert sinks or ("CONNECT_PLUGIN_PATH" in lines[0] and "kafka-connect-elasticsearch" in lines[0])


def test_a_port_that_is_taken_is_said_before_any_server_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "tools/stack.py", "--port", str(port)],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, f"port {port} is in use" in done.stdout) == (1, True)
    assert "Kafka" not in done.stdout
