"""What an answer to a delivery means, and how long to wait before the next attempt: decisions without I/O.

The Kafka broker's way, as observed: each row of the tables here is a row of the tests.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from knative_local.cloudevent import CloudEvent, NotAnEvent, from_http, mode_of, to_batch, to_binary
from knative_local.http_types import ConnectionFailed, Headers, HttpRequest, HttpResponse, TimedOut
from knative_local.log.port import Failure
from knative_local.model import Delivery

ERROR_DATA_BYTES = 1_024
_RETRIED = frozenset({404, 408, 409, 429})
_EXTENSION_HEADER = b"kne-"


@dataclass(frozen=True, slots=True)
class Taken:
    """The subscriber has it; `reply` goes into the broker."""

    reply: CloudEvent | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The subscriber has not taken it: `again` when another attempt may help."""

    failure: Failure
    again: bool
    extensions: tuple[tuple[str, str], ...] = ()


def judge(outcome: HttpResponse | ConnectionFailed | TimedOut) -> Taken | Refused:
    """What came of one attempt.

    2xx is success; 404, 408, 409, 429, 5xx, no connection and no answer in time are retried; all else is final, and so
    is a 2xx whose body is no event: repeating it would repeat what the subscriber did.
    """
    if isinstance(outcome, HttpResponse):
        return _judge_answer(outcome)
    words = "no answer in time" if isinstance(outcome, TimedOut) else "no connection"
    return Refused(Failure(f"{words}: {outcome}" if str(outcome) else words), again=True)


def wait_before(delivery: Delivery, attempt: int) -> float | None:
    """Seconds to wait before attempt number `attempt` (the first is 0), or None when it is not to be made.

    Linear: delay times n; exponential: delay times 2 to the n, n from 1. No jitter, no cap.
    """
    if attempt > delivery.retry:
        return None
    if attempt == 0:
        return 0.0
    factor = attempt if delivery.backoff_policy == "linear" else 2.0 ** min(attempt, 60)
    return delivery.backoff_delay * factor


def request_for(events: Sequence[CloudEvent], namespace: str, batch: bool) -> HttpRequest:
    """The delivery of `events`: a batch, or one event in binary mode."""
    headers, body = to_batch(events) if batch else to_binary(events[0])
    headers += [(b"prefer", b"reply"), (b"kn-namespace", namespace.encode())]
    return HttpRequest("POST", "/", headers, body)


def dead_letter(event: CloudEvent, destination: str, refused: Refused) -> CloudEvent:
    """The event for the dead letter sink, with why it is there.

    `knativeerrordest` always; `knativeerrorcode` and `knativeerrordata` only where there was an HTTP answer.
    """
    extensions = dict(refused.extensions)
    extensions["knativeerrordest"] = destination
    if refused.failure.code is not None:
        extensions["knativeerrorcode"] = str(refused.failure.code)
    if refused.failure.data is not None:
        extensions["knativeerrordata"] = refused.failure.data
    return event.extended(extensions)


def _judge_answer(answer: HttpResponse) -> Taken | Refused:
    if 200 <= answer.status < 300:
        return _judge_reply(answer)
    data = base64.b64encode(answer.body[:ERROR_DATA_BYTES]).decode() if answer.body else None
    again = answer.status in _RETRIED or answer.status >= 500
    failure = Failure(f"answered {answer.status}", answer.status, data)
    return Refused(failure, again, _extensions(answer.headers))


def _judge_reply(answer: HttpResponse) -> Taken | Refused:
    if not answer.body and mode_of(answer.headers) != "binary":
        return Taken()
    try:
        return Taken(from_http(answer.headers, answer.body))
    except NotAnEvent as error:
        if not answer.body:
            return Taken()
        return Refused(Failure(f"answered {answer.status} with a body that is no event: {error}"), again=False)


def _extensions(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Response headers `Kne-Foo: bar` become the dead letter's extension `foo`."""
    return tuple(
        (name[len(_EXTENSION_HEADER) :].decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name.startswith(_EXTENSION_HEADER) and name[len(_EXTENSION_HEADER) :].isalnum()
    )
