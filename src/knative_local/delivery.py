"""What an answer to a delivery means, and how long to wait before the next attempt: decisions without I/O.

As the Broker's class has it: each row of the tables here is a row of the tests.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from knative_local.attribute_rules import is_extension
from knative_local.broker_classes import BrokerClass
from knative_local.cloudevent import (
    CloudEvent,
    NotAnEvent,
    from_http,
    mode_of,
    to_batch,
    to_binary,
    to_structured,
)
from knative_local.http_types import ConnectionFailed, Headers, HttpRequest, HttpResponse, TimedOut, header
from knative_local.log.port import Failure, Record
from knative_local.model import Delivery, Trigger

HOPS: Final = "knativebrokerttl"
"""The attribute that counts down the replies that an event may still cause; only dead letter sinks see it."""
_RETRIED = frozenset({404, 408, 409, 429})
_SAYS_WHEN = frozenset({429, 503})
_EXTENSION_HEADER = b"kne-"
_HOPS_HEADER = b"ce-" + HOPS.encode()


@dataclass(frozen=True, slots=True)
class Taken:
    """The subscriber has it; `reply` goes into the broker."""

    reply: CloudEvent | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The subscriber has not taken it: `again` when another attempt may help, not before `retry_after_s`.

    `explained`: whether a dead letter of it says why.
    """

    failure: Failure
    again: bool
    extensions: tuple[tuple[str, str], ...] = ()
    retry_after_s: float | None = None
    explained: bool = True


def judge(outcome: HttpResponse | ConnectionFailed | TimedOut, broker_class: BrokerClass) -> Taken | Refused:
    """What came of one attempt.

    2xx is success; 404, 408, 409, 429, 5xx, no connection and no answer in time are retried; all else is final. What
    a 2xx whose body is no event means is the class's.
    """
    if isinstance(outcome, HttpResponse):
        return _judge_answer(outcome, broker_class)
    late = isinstance(outcome, TimedOut)
    reason, code = _reason("no answer in time" if late else "no connection", outcome), broker_class.no_answer_code
    if late and not broker_class.explains_timeouts:
        return Refused(Failure(reason), again=True, explained=False)
    words = f"dispatch error: {reason}".encode()[: broker_class.error_data_bytes]
    data = None if code is None else base64.b64encode(words).decode()
    return Refused(Failure(reason, code, data), again=True)


def wait_before(
    delivery: Delivery, attempt: int, broker_class: BrokerClass, retry_after_s: float | None = None
) -> float | None:
    """Seconds to wait before attempt number `attempt` (the first is 0), or None when it is not to be made.

    Linear: delay times n; exponential: delay times 2 to the n; with which n the class begins. No jitter, no cap. A
    `Retry-After` counts only up to `retryAfterMax`, and not at all without that.
    """
    if attempt > delivery.retry:
        return None
    if attempt == 0:
        return 0.0
    number = attempt - 1 + broker_class.first_wait_number
    wait = delivery.backoff_delay * (number if delivery.backoff_policy == "linear" else 2.0 ** min(number, 60))
    if retry_after_s is not None and delivery.retry_after_max:
        wait = max(wait, min(retry_after_s, delivery.retry_after_max))
    return wait


def request_for(
    records: Sequence[Record], trigger: Trigger, *, batch: bool, is_dead_letter: bool = False
) -> HttpRequest:
    """The delivery of events: a batch, or one in the mode of the Trigger's delivery (binary unless it says json)."""
    record = records[0]
    if batch:
        headers, body = to_batch([each.event for each in records])
    elif trigger.delivery.format == "json":
        headers, body = to_structured(_placed(record, trigger.broker_class))
    else:
        headers, body = to_binary(record.event)
        if trigger.broker_class.most_hops is not None and not is_dead_letter:
            headers = [pair for pair in headers if pair[0] != _HOPS_HEADER]
        if trigger.broker_class.adds_position:
            headers.append((b"ce-knativekafkapartition", b"%d" % record.partition))
            headers.append((b"ce-knativekafkaoffset", b"%d" % record.offset))
    headers += [(b"prefer", b"reply"), (b"kn-namespace", trigger.namespace.encode())]
    return HttpRequest("POST", "/", headers, body)


def dead_letter(event: CloudEvent, destination: str, refused: Refused, broker_class: BrokerClass) -> CloudEvent:
    """The event for the dead letter sink, with why it is there.

    `knativeerrordest`, and `knativeerrorcode` and `knativeerrordata` where there was an HTTP answer, or as the class
    has it. What counts replies goes with it, so that a sink that posts it again makes no endless loop.
    """
    extensions = dict(refused.extensions) if broker_class.extensions_from_answers else {}
    if refused.explained:
        extensions["knativeerrordest"] = destination
        if refused.failure.code is not None:
            extensions["knativeerrorcode"] = str(refused.failure.code)
        if refused.failure.data is not None:
            extensions["knativeerrordata"] = refused.failure.data
    if broker_class.most_hops is not None:
        extensions.setdefault(HOPS, event.attributes.get(HOPS, str(broker_class.most_hops)))
    return event.extended(extensions) if extensions else event


def arrived(event: CloudEvent, broker_class: BrokerClass) -> CloudEvent:
    """The event as a Broker of this class keeps it."""
    if not broker_class.adds_arrival_time:
        return event
    second, nanosecond = divmod(time.time_ns(), 1_000_000_000)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    return event.extended({"knativearrivaltime": f"{moment}.{nanosecond:09d}Z"})


def reply_to(cause: CloudEvent, reply: CloudEvent, broker_class: BrokerClass) -> CloudEvent | None:
    """The reply as the Broker keeps it; None when it is one too many in a chain of replies."""
    if broker_class.most_hops is not None:
        left = cause.attributes.get(HOPS, "")
        hops = int(left) if left.isascii() and left.isdigit() else broker_class.most_hops
        if hops <= 1:
            return None
        reply = reply.extended({HOPS: str(hops - 1)})
    return arrived(reply, broker_class)


def _placed(record: Record, broker_class: BrokerClass) -> CloudEvent:
    if not broker_class.adds_position:
        return record.event
    return record.event.extended(
        {"knativekafkapartition": str(record.partition), "knativekafkaoffset": str(record.offset)}
    )


def _reason(words: str, error: Exception) -> str:
    return f"{words}: {error}" if str(error) else words


def _judge_answer(answer: HttpResponse, broker_class: BrokerClass) -> Taken | Refused:
    if 200 <= answer.status < 300:
        return _judge_reply(answer, broker_class)
    body = answer.body[: broker_class.error_data_bytes]
    data = base64.b64encode(body).decode() if body or broker_class.tells_empty_answers else None
    failure = Failure(f"answered {answer.status}", answer.status, data)
    return Refused(
        failure,
        again=answer.status in _RETRIED or answer.status >= 500,
        extensions=_extensions(answer.headers),
        retry_after_s=_retry_after(answer) if answer.status in _SAYS_WHEN else None,
    )


def _judge_reply(answer: HttpResponse, broker_class: BrokerClass) -> Taken | Refused:
    if not answer.body and mode_of(answer.headers) != "binary":
        return Taken()
    try:
        reply = from_http(answer.headers, answer.body)
        return Taken() if answer.status == 202 else Taken(reply)
    except NotAnEvent as error:
        if not answer.body or broker_class.bad_reply == "passed over":
            return Taken()
        return Refused(
            Failure(f"answered {answer.status} with a body that is no event: {error}"),
            again=broker_class.bad_reply == "retried",
            explained=broker_class.explains_bad_replies,
        )


def _retry_after(answer: HttpResponse) -> float | None:
    """Seconds, as a number or up to a date (RFC 9110, 10.2.3)."""
    said = (header(answer.headers, b"retry-after") or b"").decode("latin-1").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def _extensions(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Response headers `Kne-Foo: bar` become the dead letter's extension `foo`; they cannot change the event itself."""
    named = ((name[len(_EXTENSION_HEADER) :], value) for name, value in headers if name.startswith(_EXTENSION_HEADER))
    texts = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in named)
    return tuple((name, value) for name, value in texts if is_extension(name))
