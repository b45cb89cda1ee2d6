"""What the runtime tells: an entry a line on standard error, as text for people or as JSON for collectors.

Entries name events by their context, and say nothing of their data. What processes write is passed on: an entry of
theirs as it is, any other line as an entry of its own.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from logging import LogRecord
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from knative_local.cloudevent import CloudEvent

Format = Literal["text", "json"]
FORMATS: Final[tuple[Format, ...]] = ("text", "json")
Level = Literal["debug", "info", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("debug", "info", "warning", "error")
SERVICE: Final = "knative-local"

_CONTEXT: Final = {"event_id": "id", "event_type": "type", "tenant": "tenant"}


class JsonFormatter(logging.Formatter):
    """An entry as one line of JSON: `time` (RFC 3339, UTC), `level`, `service`, `logger`, `message`, of an event its
    `event_id`, `event_type`, `tenant` and `trace_id`, and with `exception` the whole traceback."""

    def format(self, record: LogRecord) -> str:
        event: CloudEvent | None = getattr(record, "event", None)
        exception = self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else None
        told = {"level": record.levelname, "service": SERVICE, "logger": record.name, "message": record.getMessage()}
        return _entry(record.created, {**told, **(_context(event) if event else {}), "exception": exception})


def about(event: CloudEvent) -> Mapping[str, CloudEvent]:
    """`extra` of an entry that belongs to an event."""
    return {"event": event}


def configure(format: Format, level: Level) -> None:
    """Tell what is of this level or above; libraries are heard from warnings on, since they may say what they carry."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter()
        if format == "json"
        else logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    own = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(logging.WARNING, own))
    logging.getLogger("knative_local").setLevel(own)
    if format == "json":
        logging.captureWarnings(True)
        sys.excepthook = _tell_uncaught


def is_json() -> bool:
    """Whether standard error is for a collector, so that nothing else may be written there, nor for people to
    standard output."""
    handlers = logging.getLogger().handlers
    return bool(handlers) and isinstance(handlers[0].formatter, JsonFormatter)


def passed_on(name: str, text: str) -> str:
    """A line that the process `name` wrote, as it is told here."""
    if not is_json():
        return f"{name} | {text}"
    if text.startswith("{") and text.endswith("}"):
        return text
    return _entry(datetime.now(UTC).timestamp(), {"service": name, "message": text})


def _context(event: CloudEvent) -> dict[str, str | None]:
    told = {name: event.get(attribute) for name, attribute in _CONTEXT.items()}
    parts = (event.get("traceparent") or "").split("-")
    return {**told, "trace_id": parts[1] if len(parts) >= 4 else None}


def _entry(created: float, told: Mapping[str, str | None]) -> str:
    time = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")
    texts = {name: text.encode("utf-8", "backslashreplace").decode() for name, text in told.items() if text is not None}
    return msgspec.json.encode({"time": time, **texts}).decode()


def _tell_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger(__name__).critical("the runtime ends by a bug", exc_info=(kind, error, trace))
