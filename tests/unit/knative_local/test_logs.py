"""What the runtime tells, and what it passes on of its processes' words."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knative_local.logs import about, configure
from knative_local.process_log import ProcessLog
from tests.unit.knative_local.eventing import event

TRACE = "0af7651916cd43dd8448eb211c80319c"
logger = logging.getLogger("knative_local.tested")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    logging.getLogger("knative_local").setLevel(logging.NOTSET)
    logging.captureWarnings(False)


def entries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_entry_names_the_event_and_says_nothing_of_its_data(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "warning")
    of = event("1", data={"lat": -34.9}, tenant="acme", traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    logger.info("not asked for")
    logger.warning("event %s is a dead letter", "1", extra=about(of))
    logger.warning("another", extra=about(event("2", traceparent="mine")))
    first, second = entries(capsys)
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "WARNING",
        "service": "knative-local",
        "logger": "knative_local.tested",
        "message": "event 1 is a dead letter",
        "event_id": "1",
        "event_type": "test.happened",
        "tenant": "acme",
        "trace_id": TRACE,
    }
    assert (second["event_id"], "trace_id" in second, "tenant" in second) == ("2", False, False)


def test_a_traceback_is_part_of_its_entry_and_libraries_are_heard_from_warnings_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("json", "debug")
    try:
        raise OSError("full")
    except OSError as error:
        logger.exception("cannot be stored")
        sys.excepthook(OSError, error, error.__traceback__)
    logger.debug("in detail")
    logging.getLogger("watchfiles.main").debug("changes")
    stored, uncaught, detail = entries(capsys)
    assert "OSError: full" in stored["exception"]
    assert "OSError: full" in uncaught["exception"]
    assert detail["message"] == "in detail"


def test_an_entry_of_a_process_is_passed_on_as_it_is_and_any_other_line_is_made_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    configure("json", "warning")
    log = ProcessLog("persist", tmp_path / "persist.log")
    log.write(2, b'{"level":"ERROR","message":"mine"}\nTraceback\n{half\n')
    log.close()
    own, line, half = entries(capsys)
    assert own == {"level": "ERROR", "message": "mine"}
    assert (line["service"], line["message"]) == ("persist", "Traceback")
    assert half["message"] == "{half"


def test_people_see_who_says_what(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    configure("text", "warning")
    log = ProcessLog("persist", tmp_path / "persist.log")
    log.write(2, b"oh no\n")
    log.close()
    assert capsys.readouterr().err == "persist | oh no\n"
