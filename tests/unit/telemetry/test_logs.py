"""What a process of Trackway tells: an entry a line, which names the event that it belongs to."""

import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.functions.fakes import World, deliver, started, trip
from trackway.events import Event
from trackway.functions import Deps, on_events
from trackway.telemetry import logs
from trackway.telemetry.logs import About, Level, UnusableLogging, about, configure, last_words, of

TRACE = "0af7651916cd43dd8448eb211c80319c"
EVENT = replace(started(trip()), traceparent=f"00-{TRACE}-b7ad6b7169203331-01", tenant="acme")
Told = Callable[[], list[dict[str, Any]]]

_log = logging.getLogger("trackway.tested")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    for name in logs.OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """What was told since, as JSON: each line is an entry, and nothing is on standard output."""

    def read() -> list[dict[str, Any]]:
        out, err = capsys.readouterr()
        assert out == ""
        return [json.loads(line) for line in err.splitlines()]

    return read


def as_json(level: Level = "debug") -> None:
    configure("persist", {logs.FORMAT: "json", logs.LEVEL: level})


def test_an_entry_is_a_line_of_json_with_its_traceback_inside(told: Told) -> None:
    as_json()
    try:
        raise KeyError("no\nsuch")
    except KeyError:
        _log.exception("a bug\nin two lines, \udcff")
    (entry,) = told()
    assert entry.pop("time").endswith("+00:00")
    assert entry.pop("exception").startswith("Traceback (most recent call last):\n")
    assert entry == {
        "level": "ERROR",
        "service": "persist",
        "logger": "trackway.tested",
        "message": "a bug\nin two lines, \\udcff",
    }


async def test_an_entry_of_a_delivery_names_event_tenant_and_trace(told: Told) -> None:
    as_json()

    @on_events
    async def handler(events: Any, deps: Deps) -> list[Event]:
        _log.warning("at work")
        raise ZeroDivisionError

    handler.function.deps = World().deps()
    await deliver(handler.function, EVENT)
    _log.warning("idle")
    *at_work, idle = [entry for entry in told() if entry["level"] != "DEBUG"]
    assert [entry["message"] for entry in at_work] == ["at work", "bug while answering POST of events"]
    for entry in at_work:
        assert entry["event_id"] == "trip-1:started"
        assert entry["event_type"] == "dev.trackway.trip.started.v1"
        assert (entry["tenant"], entry["trace_id"]) == ("acme", TRACE)
    assert "event_id" not in idle


@pytest.mark.parametrize(
    ("events", "belonging"),
    [
        ([EVENT, EVENT], {"events": 2, "tenant": "acme", "trace_id": TRACE}),
        ([EVENT, replace(EVENT, traceparent=None)], {"events": 2, "tenant": "acme"}),
        ([EVENT, replace(EVENT, tenant="other")], {"events": 2, "trace_id": TRACE}),
    ],
)
def test_an_entry_of_a_batch_says_what_all_its_events_have_in_common(
    told: Told, events: list[Event], belonging: dict[str, object]
) -> None:
    as_json()
    token = about.set(About(events))
    _log.warning("at work")
    _log.warning("of one", extra=of(EVENT))
    about.reset(token)
    entry, of_one = told()
    assert {name: entry[name] for name in ("events", "tenant", "trace_id", "event_id") if name in entry} == belonging
    assert (of_one["event_id"], "events" in of_one) == (EVENT.id, False)


def test_a_request_s_entry_names_its_trace(told: Told) -> None:
    as_json()
    token = about.set(About(traceparent=EVENT.traceparent))
    _log.warning("asked")
    about.reset(token)
    assert told()[0]["trace_id"] == TRACE


@pytest.mark.parametrize("level", logs.LEVELS)
def test_libraries_are_heard_from_warnings_on_and_we_by_the_level(told: Told, level: Level) -> None:
    as_json(level)
    for each in ("debug", "info", "warning", "error"):
        number = logging.getLevelNamesMapping()[each.upper()]
        for name in ("trackway.tested", "realtime_gateway", "main", "uvicorn.error", "pymongo.command", "httpx"):
            logging.getLogger(name).log(number, "said")
    entries = told()
    heard = {
        name: {entry["level"].lower() for entry in entries if entry["logger"] == name} for name in ("main", "httpx")
    }
    assert heard["main"] == set(logs.LEVELS[logs.LEVELS.index(level) :])
    assert heard["httpx"] == heard["main"] & {"warning", "error"}


def test_warnings_bugs_and_last_words_are_entries_too(told: Told) -> None:
    as_json("error")
    last_words("TRACKWAY_HOST='x' is not an IP address")
    try:
        raise ValueError("unforeseen")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    as_json("warning")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    words, bug, warning = told()
    assert words["message"] == "TRACKWAY_HOST='x' is not an IP address"
    assert "ValueError: unforeseen" in bug["exception"]
    assert (warning["logger"], "DeprecationWarning: old" in warning["message"]) == ("py.warnings", True)


def test_people_get_text_and_a_line_that_an_id_cannot_break(capsys: pytest.CaptureFixture[str]) -> None:
    configure("persist", {})
    last_words("PORT='x' is not a port number")
    _log.info("not asked for")
    _log.warning("at work", extra=of(replace(EVENT, id="1\n2099 ERROR forged")))
    words, line = capsys.readouterr().err.splitlines()
    assert words == "PORT='x' is not a port number"
    assert " WARNING trackway.tested: at work [" in line
    assert f"trace_id={TRACE}" in line
    assert "event_id=1\\n2099 ERROR forged" in line


@pytest.mark.parametrize(("variable", "value"), [(logs.FORMAT, "yaml"), (logs.LEVEL, "loud")])
def test_a_setting_that_cannot_be_meant_is_named(variable: str, value: str) -> None:
    with pytest.raises(UnusableLogging, match=f"{variable}='{value}' is none of"):
        configure("persist", {variable: value})
