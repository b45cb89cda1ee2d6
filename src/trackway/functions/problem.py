"""What went wrong, as the one who asked is told: problem JSON (RFC 9457), and the one table from errors to statuses."""

from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from trackway.events import InvalidEvent, describe
from trackway.functions.exchange import Answered
from trackway.storage.port import Conflict, StoreUnavailable

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
LARGEST_PROBLEM: Final = 767
"""Bytes. Knative's Go broker crashes on error bodies of 768 bytes and more."""


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem; ``field`` names the one field that is to blame, as ``stops[1].lat``."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None


class Refused(Exception):
    """A request that cannot be served as it is: ``status`` (4xx) and ``detail`` say why, ``field`` which field."""

    def __init__(
        self, status: int, detail: str, field: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers or {}


class SinkUnavailable(Exception):
    """The broker did not take the events within the sink's patience; try again."""


class SinkRefused(Exception):
    """The broker will never take the events as they are; ``status`` is what it answered."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status


class _Statuses(NamedTuple):
    """The status of an error for the broker (which retries 409, 429 and 5xx) and for somebody who asks over HTTP."""

    event: int
    http: int


# First match counts. A conflict is retried by the broker, but told to a person, who decides. Everything else is a bug:
# 500.
STATUSES: Final[tuple[tuple[type[Exception], _Statuses], ...]] = (
    (InvalidEvent, _Statuses(event=400, http=400)),
    (Conflict, _Statuses(event=503, http=409)),
    (StoreUnavailable, _Statuses(event=503, http=503)),
    (SinkUnavailable, _Statuses(event=503, http=503)),
    (SinkRefused, _Statuses(event=500, http=422)),
)


def problem_of(error: Exception, *, for_event: bool) -> Answered | None:
    """The answer that the table gives to ``error``; None when the error is a bug."""
    if isinstance(error, Refused):
        return problem(error.status, error.detail, error.field, error.headers)
    for kind, statuses in STATUSES:
        if isinstance(error, kind):
            status = statuses.event if for_event else statuses.http
            field = error.field if isinstance(error, InvalidEvent) else None
            return problem(status, str(error), field, {"retry-after": "1"} if status == 503 else None)
    return None


def problem(status: int, detail: str, field: str | None = None, headers: dict[str, str] | None = None) -> Answered:
    """A problem answer; what is too long for LARGEST_PROBLEM is cut, with an ellipsis."""
    record = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, field=field and field[:64])
    body = msgspec.json.encode(record)
    while len(body) > LARGEST_PROBLEM:
        # Escapes make the cut uncertain by a few bytes, so it may take another turn.
        detail = detail[: min(len(detail) - 1, len(detail) - (len(body) - LARGEST_PROBLEM) // 6 - 2)]
        body = msgspec.json.encode(msgspec.structs.replace(record, detail=f"{detail}…"))
    named = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Answered(status, [(b"content-type", PROBLEM_MEDIA_TYPE.encode()), *named], body)


def blame(error: msgspec.ValidationError) -> Refused:
    """msgspec's complaint about a body as a refusal that names the field by its whole path: ``stops[1].lat``."""
    sentence, field = describe(error)
    message = str(error)
    if message.startswith("Object missing required field `"):
        missing = message.split("`")[1]
        _, _, path = message.partition(" - at `$")
        path = path.rstrip("`").lstrip(".")
        field = f"{path}.{missing}" if path else missing
        sentence = f"{field}: required, but missing"
    return Refused(400, sentence, field)
