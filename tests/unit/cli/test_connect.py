"""What `trackway connect` makes of what Kafka Connect says."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

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
        assert config["topics"] == "trackway.events"
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


def test_a_setting_is_a_name_and_a_value() -> None:
    assert parse_setting("connection.url=http://a?b=c") == ("connection.url", "http://a?b=c")
    with pytest.raises(typer.Exit):
        parse_setting("nonsense")
