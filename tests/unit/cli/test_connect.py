"""What `trackway connect` makes of what Kafka Connect says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import typer

from tests.running import free_port
from trackway.cli.connect import Part, explanations, parse_setting, read, reason

TRACE = """org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask due to unrecoverable exception.
\tat org.apache.kafka.connect.runtime.WorkerSinkTask.deliverMessages(WorkerSinkTask.java:658)
Caused by: org.apache.kafka.connect.errors.ConnectException: Bulk request failed
\tat io.aiven.Bulk.call(Bulk.java:1)
Caused by: java.net.ConnectException: Connection refused
\t... 11 more
"""


@pytest.mark.parametrize(
    ("trace", "sentence"),
    [
        (TRACE, "ConnectException: Connection refused"),
        ("org.example.BadThing: it broke\n\tat x", "BadThing: it broke"),
        ("org.example.BadThing", "BadThing"),
        ("", ""),
    ],
)
def test_the_reason_is_the_sentence_at_the_root_of_the_trace(trace: str, sentence: str) -> None:
    assert reason(trace) == sentence


def test_only_what_failed_is_explained_and_no_bracket_is_taken_for_a_colour() -> None:
    parts = [Part("sink", None, "RUNNING", "w", ""), Part("sink", 1, "FAILED", "w", "no [/] there")]
    (line,) = explanations(parts)
    assert line == r"[red]✗[/] sink, task 1: no \[/] there"


def test_the_projects_connectors_are_read(pytestconfig: pytest.Config) -> None:
    files = sorted((pytestconfig.rootpath / "connect/connectors").glob("*.json"))
    assert [read(file).name for file in files] == [file.stem for file in files]
    assert len(files) == 3
    for file in files:
        config = read(file).config
        # MongoDB's reads what the Broker keeps, as the gateways do, whose snapshots go by how far it has come.
        of_the_broker = file.stem == "mongo-positions"
        assert config["topics"] == ("knative-broker-trackway-default" if of_the_broker else "trackway.events")
        assert config["errors.tolerance"] == "all"
        assert config["errors.deadletterqueue.topic.name"].startswith("trackway.events.dead.")
        address = config.get("connection.url") or config["connection.uri"]
        assert address.startswith("${env:TRACKWAY_"), "addresses may have passwords in them"


@pytest.mark.parametrize("text", ["", "[]", '{"name": "x"}', '{"name": "x", "config": {"tasks.max": 2}}', "\xff"])
def test_a_file_that_is_no_connector_is_a_usage_error(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "it.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(typer.Exit) as ended:
        read(file)
    assert ended.value.exit_code == 2
    assert "is no connector" in capsys.readouterr().err


class Connect(BaseHTTPRequestHandler):
    """A worker with one connector whose task has failed."""

    restarted: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        status = {
            "connector": {"state": "RUNNING", "worker_id": "w"},
            "tasks": [{"id": 0, "state": "FAILED", "worker_id": "w", "trace": TRACE}],
        }
        self._answer(status if self.path.endswith("/status") else ["sink"])

    def do_POST(self) -> None:
        self.restarted.append(self.path)
        self._answer({})

    def log_message(self, format: str, *args: object) -> None: ...

    def _answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def test_who_watches_waits_for_a_worker_that_is_away_and_starts_again_what_has_failed() -> None:
    port = free_port()
    line = [sys.executable, "-m", "trackway", "connect", "restart", "--watch", "1"]
    environment = os.environ | {"TRACKWAY_CONNECT": f"http://127.0.0.1:{port}", "NO_COLOR": "1"}
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "It is waited for." in process.stderr.readline()
        with HTTPServer(("127.0.0.1", port), Connect) as worker:
            while not Connect.restarted:
                worker.handle_request()
        process.kill()
    assert Connect.restarted == ["/connectors/sink/restart?includeTasks=true&onlyFailed=true"]


def test_a_setting_is_a_name_and_a_value() -> None:
    assert parse_setting("connection.url=http://a?b=c") == ("connection.url", "http://a?b=c")
    with pytest.raises(typer.Exit):
        parse_setting("nonsense")
