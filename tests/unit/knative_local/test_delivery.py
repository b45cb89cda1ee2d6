"""What an answer means and how long to wait: the tables of OBSERVED-KAFKA.md, and of OBSERVED.md where it differs."""

import base64
import re
from dataclasses import replace

import pytest

from knative_local.broker_classes import CHANNEL, IN_MEMORY_CHANNEL, KAFKA, BrokerClass
from knative_local.cloudevent import from_json
from knative_local.delivery import HOPS, Refused, Taken, arrived, dead_letter, judge, reply_to, request_for, wait_before
from knative_local.http_types import ConnectionFailed, Headers, HttpResponse, TimedOut, header
from knative_local.log.port import Failure, Record
from knative_local.model import Delivery
from tests.unit.knative_local.eventing import event, trigger

STRUCTURED = [(b"content-type", b"application/cloudevents+json; charset=utf-8")]
BATCH = [(b"content-type", b"application/cloudevents-batch+json")]
TEXT = [(b"content-type", b"text/plain")]
BINARY = [(b"ce-specversion", b"1.0"), (b"ce-id", b"r"), (b"ce-source", b"/r"), (b"ce-type", b"replied")]


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 502, 503, 504, 599])
def test_retried(status: int) -> None:
    verdict = judge(HttpResponse(status), KAFKA)

    assert isinstance(verdict, Refused)
    assert verdict.again
    assert verdict.failure.code == status


@pytest.mark.parametrize("status", [300, 301, 303, 304, 400, 401, 403, 405, 413, 422, 499])
def test_at_once_to_the_dead_letters(status: int) -> None:
    verdict = judge(HttpResponse(status), KAFKA)

    assert isinstance(verdict, Refused)
    assert not verdict.again
    assert verdict.failure.code == status


@pytest.mark.parametrize("error", [ConnectionFailed("refused"), TimedOut("after 1 s")])
def test_no_answer_is_retried_and_has_no_code(error: ConnectionFailed | TimedOut) -> None:
    verdict = judge(error, KAFKA)

    assert isinstance(verdict, Refused)
    assert verdict.again
    assert verdict.failure.code is None
    assert verdict.failure.data is None
    assert str(error) in verdict.failure.reason


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [(204, [], b""), (200, [], b""), (202, [], b""), (201, TEXT, b""), (204, [(b"ce-id", b"only")], b"")],
)
def test_taken_without_a_reply(status: int, headers: Headers, body: bytes) -> None:
    assert judge(HttpResponse(status, headers, body), KAFKA) == Taken()


def test_an_event_that_comes_with_202_is_no_reply() -> None:
    """Knative's data plane contract: "Responses with a `202` response code MUST NOT be processed as reply events"."""
    assert judge(HttpResponse(202, [*BINARY, (b"content-type", b"application/json")], b"5"), KAFKA) == Taken()


def test_a_refusal_adds_extensions_and_changes_nothing_else() -> None:
    headers = [
        (b"kne-foo", b"bar"),
        (b"kne-id", b"other"),
        (b"kne-data", b"other"),
        (b"kne-", b"x"),
        (b"kne-a-b", b"x"),
    ]
    verdict = judge(HttpResponse(400, headers), KAFKA)

    assert isinstance(verdict, Refused)
    assert verdict.extensions == (("foo", "bar"),)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, STRUCTURED, event("r", "replied", 5).json),
        (200, [*BINARY, (b"content-type", b"application/json")], b"5"),
        (204, BINARY, b""),
    ],
)
def test_taken_with_a_reply(status: int, headers: Headers, body: bytes) -> None:
    verdict = judge(HttpResponse(status, headers, body), KAFKA)

    assert isinstance(verdict, Taken)
    assert verdict.reply is not None
    assert verdict.reply.attributes["type"] == "replied"
    assert verdict.reply.data() == (b"5" if body else None)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, TEXT, b"OK"),
        (202, [], b"accepted"),
        (200, BATCH, b"[]"),
        (200, BATCH, b"[" + event().json + b"]"),
        (200, STRUCTURED, b"{}"),
        (200, [(b"ce-id", b"only"), *TEXT], b"x"),
    ],
)
def test_a_body_that_is_no_event_fails_without_retry_and_without_code(
    status: int, headers: Headers, body: bytes
) -> None:
    verdict = judge(HttpResponse(status, headers, body), KAFKA)

    assert isinstance(verdict, Refused)
    assert not verdict.again
    assert verdict.failure.code is None
    assert verdict.failure.data is None


@pytest.mark.parametrize(
    ("policy", "at"), [("exponential", [0, 0.4, 1.2, 2.8]), ("linear", [0, 0.2, 0.6, 1.2])], ids=str
)
def test_when_attempts_are_made(policy: str, at: list[float]) -> None:
    """OBSERVED-KAFKA, Delivery: "with 0.2 s, attempts at 0, 0.4, 1.2, 2.8 s. Linear at 0, 0.2, 0.6, 1.2 s"."""
    delivery = Delivery(retry=3, backoff_policy="linear" if policy == "linear" else "exponential", backoff_delay=0.2)
    waits = [wait_before(delivery, attempt, KAFKA) for attempt in range(5)]

    assert waits[4] is None
    passed = 0.0
    for wait, expected in zip(waits, at, strict=False):
        assert wait is not None
        passed += wait
        assert passed == pytest.approx(expected)


def test_no_retry_is_one_attempt() -> None:
    assert wait_before(Delivery(retry=0), 0, KAFKA) == 0
    assert wait_before(Delivery(retry=0), 1, KAFKA) is None


def test_error_data_are_the_first_1024_bytes_in_base64() -> None:
    verdict = judge(HttpResponse(500, [], b"x" * 1_023 + b"yz"), KAFKA)

    assert isinstance(verdict, Refused)
    assert base64.b64decode(verdict.failure.data or "") == b"x" * 1_023 + b"y"


def test_a_dead_letter_says_why() -> None:
    refused = judge(HttpResponse(422, [(b"kne-field", b"speed")], b"no"), KAFKA)
    assert isinstance(refused, Refused)

    letter = dead_letter(event("1", data={"a": 1}, tenant="acme"), "http://persist", refused, KAFKA)

    assert letter.attributes["knativeerrordest"] == "http://persist"
    assert letter.attributes["knativeerrorcode"] == "422"
    assert base64.b64decode(letter.attributes["knativeerrordata"]) == b"no"
    assert letter.attributes["field"] == "speed"
    assert letter.attributes["tenant"] == "acme"
    assert letter.data() == b'{"a":1}'


def test_a_dead_letter_without_an_answer_has_the_destination_only() -> None:
    letter = dead_letter(event(), "http://persist", Refused(Failure("no connection"), again=True), KAFKA)

    assert {name for name in letter.attributes if name.startswith("knative")} == {"knativeerrordest"}


def test_a_delivery_in_binary_mode() -> None:
    request = request_for([Record(7, 0, event("1", data=[1], tenant="acme"))], trigger(), batch=False)

    assert (request.method, request.body) == ("POST", b"[1]")
    for name, value in {
        b"prefer": b"reply",
        b"kn-namespace": b"town",
        b"ce-id": b"1",
        b"ce-tenant": b"acme",
        b"content-type": b"application/json",
        b"ce-knativekafkapartition": b"0",
        b"ce-knativekafkaoffset": b"7",
    }.items():
        assert header(request.headers, name) == value


def test_a_delivery_as_a_batch_even_of_one() -> None:
    first = event("1")
    request = request_for([Record(1, 0, first)], trigger(), batch=True)

    assert header(request.headers, b"content-type") == b"application/cloudevents-batch+json"
    assert request.body == b"[" + first.json + b"]"


def test_a_delivery_in_structured_mode() -> None:
    structured = replace(trigger(), delivery=Delivery(format="json"))
    request = request_for([Record(7, 0, event("1", data=[1]))], structured, batch=False)

    assert header(request.headers, b"content-type") == b"application/cloudevents+json"
    assert from_json(request.body).attributes["knativekafkaoffset"] == "7"
    assert from_json(request.body).data() == b"[1]"


def test_a_channel_brokers_deliveries_tell_no_position() -> None:
    of_channel = replace(trigger(), broker_class=CHANNEL)
    request = request_for([Record(7, 0, event("1"))], of_channel, batch=False)

    assert header(request.headers, b"ce-knativekafkaoffset") is None


@pytest.mark.parametrize(("policy", "at"), [("exponential", [0, 0.2, 0.6, 1.4]), ("linear", [0, 0, 0.2, 0.6])], ids=str)
def test_when_a_channel_broker_makes_attempts(policy: str, at: list[float]) -> None:
    """OBSERVED, What the subscriber answers: "The first retry comes at once", linear 0.2 s: 0.00, 0.24, 0.40 apart."""
    delivery = Delivery(retry=3, backoff_policy="linear" if policy == "linear" else "exponential", backoff_delay=0.2)
    passed = 0.0
    for attempt, expected in enumerate(at):
        wait = wait_before(delivery, attempt, CHANNEL)
        assert wait is not None
        passed += wait
        assert passed == pytest.approx(expected)


@pytest.mark.parametrize(
    ("broker_class", "verdict"),
    [(KAFKA, "final"), (CHANNEL, "retried"), (IN_MEMORY_CHANNEL, "taken")],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_a_body_that_is_no_event_means_is_the_classs(broker_class: BrokerClass, verdict: str) -> None:
    """OBSERVED-KAFKA, Replies: "failure, no retry"; OBSERVED: "200 with a body that is no event | 4" attempts."""
    found = judge(HttpResponse(200, TEXT, b"OK"), broker_class)

    assert verdict == ("taken" if isinstance(found, Taken) else "retried" if found.again else "final")


@pytest.mark.parametrize("outcome", [TimedOut("after 1 s"), HttpResponse(200, TEXT, b"OK")])
def test_a_channel_brokers_dead_letter_does_not_explain_these(outcome: HttpResponse | TimedOut) -> None:
    """OBSERVED, Dead letters: "none of the three | after a timeout, and after a 200 whose body is no event"."""
    refused = judge(outcome, CHANNEL)
    assert isinstance(refused, Refused)

    letter = dead_letter(event(), "http://persist", refused, CHANNEL)
    assert {name for name in letter.attributes if name.startswith("knative")} == {HOPS}


@pytest.mark.parametrize(("broker_class", "data"), [(KAFKA, None), (CHANNEL, "")], ids=lambda value: str(value)[:20])
def test_an_empty_refusals_data_are_left_out_or_empty(broker_class: BrokerClass, data: str | None) -> None:
    """OBSERVED-KAFKA, Delivery: "absent when empty"; the channel broker's dead letters have an empty one."""
    refused = judge(HttpResponse(400, [], b""), broker_class)
    assert isinstance(refused, Refused)

    letter = dead_letter(event(), "http://persist", refused, broker_class)
    assert letter.attributes.get("knativeerrordata") == data


def test_a_channel_broker_gives_a_refused_connection_a_code() -> None:
    """OBSERVED, Dead letters: "500 when the connection was refused", and the data say so."""
    refused = judge(ConnectionFailed("refused"), CHANNEL)
    assert isinstance(refused, Refused)
    letter = dead_letter(event(), "http://persist", refused, CHANNEL)

    assert letter.attributes["knativeerrorcode"] == "500"
    assert b"refused" in base64.b64decode(letter.attributes["knativeerrordata"])


@pytest.mark.parametrize(
    ("status", "said", "most", "wait"),
    [
        (429, b"3", None, 0.4),  # OBSERVED: "the header has no effect with the default features"
        (429, b"3", 0.0, 0.4),
        (429, b"3", 10.0, 3.0),
        (503, b"3", 2.0, 2.0),
        (503, b"0", 2.0, 0.4),
        (503, b"Thu, 01 Jan 1970 00:00:00 GMT", 2.0, 0.4),
        (503, b"Fri, 01 Jan 2100 00:00:00 GMT", 2.0, 2.0),
        (503, b"soon", 2.0, 0.4),
        (500, b"3", 10.0, 0.4),  # only 429 and 503 say when
    ],
)
def test_retry_after_counts_up_to_what_the_delivery_allows(
    status: int, said: bytes, most: float | None, wait: float
) -> None:
    refused = judge(HttpResponse(status, [(b"retry-after", said)]), KAFKA)
    assert isinstance(refused, Refused)

    delivery = Delivery(retry=1, retry_after_max=most)
    assert wait_before(delivery, 1, KAFKA, refused.retry_after_s) == pytest.approx(wait)


def test_a_channel_broker_ends_a_chain_of_replies() -> None:
    cause, hops = event("0"), 0
    while (reply := reply_to(cause, event("r"), CHANNEL)) is not None:
        cause, hops = reply, hops + 1
    assert hops == 254

    request = request_for([Record(1, 0, cause)], replace(trigger(), broker_class=CHANNEL), batch=False)
    assert header(request.headers, b"ce-" + HOPS.encode()) is None


def test_a_channel_brokers_dead_letter_goes_on_counting_replies() -> None:
    """So that a sink that posts it to the Broker again makes no endless loop."""
    refused, of_channel = Refused(Failure("no"), again=False), replace(trigger(), broker_class=CHANNEL)
    for cause, left in ((event("0"), b"255"), (event("1", **{HOPS: "7"}), b"7")):
        letter = dead_letter(cause, "http://persist", refused, CHANNEL)
        request = request_for([Record(1, 0, letter)], of_channel, batch=False, is_dead_letter=True)
        assert header(request.headers, b"ce-" + HOPS.encode()) == left


def test_a_kafka_brokers_chain_of_replies_has_no_end() -> None:
    """OBSERVED-KAFKA, Replies: "No hop limit and no guard against loops"."""
    assert reply_to(event("0", **{HOPS: "1"}), event("r"), KAFKA) is not None


def test_a_channel_broker_notes_the_arrival() -> None:
    """OBSERVED, Deliveries: "added attribute `ce-knativearrivaltime`, RFC 3339 with nanoseconds"."""
    noted = arrived(event(), CHANNEL).attributes["knativearrivaltime"]

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", noted)
    assert arrived(event(), KAFKA).json == event().json
