"""What a process tells: an entry a line on standard error, as text for people or as JSON for collectors.

Entries say which event, tenant and trace they belong to, and never what an event says: no places, no names, no secrets.
So libraries, which do not know that, are heard from warnings on, whatever the level.
"""

import logging
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from logging import LogRecord
from os import environ
from types import TracebackType
from typing import Final, Literal

import msgspec
from msgspec import Struct

from trackway.events import Event
from trackway.telemetry.trace_context import trace_of

FORMAT: Final = "TRACKWAY_LOG_FORMAT"
LEVEL: Final = "TRACKWAY_LOG_LEVEL"
Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]
FORMATS: Final[tuple[Format, ...]] = ("text", "json")
LEVELS: Final[tuple[Level, ...]] = ("debug", "info", "warning", "error")
OURS: Final = ("trackway", "realtime_gateway", "main")
"""Whose entries go by the level; functions-framework loads a function as the module ``main``."""


class UnusableLogging(ValueError):
    """A setting of the log that cannot be used; names the variable and what it may be."""


class About(Struct):
    """What is being worked on, as far as entries may tell: events, or somebody's request."""

    events: Sequence[Event] = ()
    traceparent: str | None = None


about: ContextVar[About | None] = ContextVar("about", default=None)
"""Set by whoever takes work in; every entry meanwhile belongs to it."""


class JsonFormatter(logging.Formatter):
    """An entry as one line of JSON: ``time`` (RFC 3339, UTC), ``level``, ``service``, ``logger``, ``message``; where
    there is an event, ``event_id``, ``event_type``, ``tenant``, ``trace_id``, and of a batch how many ``events``; with
    ``exception`` the whole traceback."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": _readable(record.getMessage()),
            **_belonging(record),
            "exception": _readable(_exception(self, record)),
        }
        return msgspec.json.encode({name: value for name, value in told.items() if value is not None}).decode()


class TextFormatter(logging.Formatter):
    """An entry as a line for people, with its traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: LogRecord) -> str:  # noqa: N802 - the name is logging's
        belonging = _belonging(record)
        tail = " ".join(f"{name}={_line(value)}" for name, value in belonging.items() if value is not None)
        line = super().formatMessage(record)
        return f"{line} [{tail}]" if tail else line


def of(*events: Event) -> Mapping[str, About]:
    """``extra`` of an entry about these events, of those that are being worked on."""
    return {"about": About(events)}


def configure(service: str, environment: Mapping[str, str] = environ) -> None:
    """Let everything that this process tells, libraries included, be entries of ``service``. Raises UnusableLogging."""
    is_json = _choice(environment, FORMAT, FORMATS, "text") == "json"
    level = logging.getLevelNamesMapping()[_choice(environment, LEVEL, LEVELS, "warning").upper()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if is_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, level))
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    if is_json:
        logging.captureWarnings(True)
        sys.excepthook = _tell_uncaught


def last_words(sentence: str) -> None:
    """Why the process cannot go on, in words for who started it."""
    handlers = logging.getLogger().handlers
    if handlers and isinstance(handlers[0].formatter, JsonFormatter):
        logging.getLogger("trackway").critical("%s", sentence)
    else:
        sys.stderr.write(f"{sentence}\n")


def _choice(environment: Mapping[str, str], variable: str, known: Sequence[str], usual: str) -> str:
    chosen = environment.get(variable, "").strip().lower() or usual
    if chosen not in known:
        raise UnusableLogging(f"{variable}={environment[variable]!r} is none of {', '.join(known)}")
    return chosen


def _tell_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("trackway").critical("the process ends by a bug", exc_info=(kind, error, trace))


def _belonging(record: LogRecord) -> dict[str, str | int | None]:
    known: About | None = getattr(record, "about", None) or about.get()
    if known is None:
        return {}
    events = known.events
    if not events:
        return {"trace_id": trace_of(known.traceparent)}
    tenants, traces = {event.tenant for event in events}, {event.traceparent for event in events}
    same: dict[str, str | int | None] = {
        "tenant": events[0].tenant if len(tenants) == 1 else None,
        "trace_id": trace_of(events[0].traceparent) if len(traces) == 1 else None,
    }
    return same | (
        {"event_id": events[0].id, "event_type": events[0].type} if len(events) == 1 else {"events": len(events)}
    )


def _exception(formatter: logging.Formatter, record: LogRecord) -> str | None:
    told = formatter.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else None
    stack = formatter.formatStack(record.stack_info) if record.stack_info else None
    return "\n".join(filter(None, (told, stack))) or None


def _readable(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def _line(value: object) -> str:
    """An id is somebody else's, and makes no line of its own."""
    return str(value).encode("unicode_escape").decode()
