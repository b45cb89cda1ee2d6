"""What an answer means and how long to wait: the tables of OBSERVED-KAFKA.md, Delivery and Replies."""

import base64

import pytest

from knative_local.delivery import Refused, Taken, dead_letter, judge, request_for, wait_before
from knative_local.http_types import ConnectionFailed, Headers, HttpResponse, TimedOut, header
from knative_local.log.port import Failure
from knative_local.model import Delivery
from tests.unit.knative_local.eventing import event

STRUCTURED = [(b"content-type", b"application/cloudevents+json; charset=utf-8")]
BATCH = [(b"content-type", b"application/cloudevents-batch+json")]
TEXT = [(b"content-type", b"text/plain")]
BINARY = [(b"ce-specversion", b"1.0"), (b"ce-id", b"r"), (b"ce-source", b"/r"), (b"ce-type", b"replied")]


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 502, 503, 504, 599])
def test_retried(status: int) -> None:
    verdict = judge(HttpResponse(status))

    assert isinstance(verdict, Refused)
    assert verdict.again
    assert verdict.failure.code == status


@pytest.mark.parametrize("status", [300, 301, 303, 304, 400, 401, 403, 405, 413, 422, 499])
def test_at_once_to_the_dead_letters(status: int) -> None:
    verdict = judge(HttpResponse(status))

    assert isinstance(verdict, Refused)
    assert not verdict.again
    assert verdict.failure.code == status


@pytest.mark.parametrize("error", [ConnectionFailed("refused"), TimedOut("after 1 s")])
def test_no_answer_is_retried_and_has_no_code(error: ConnectionFailed | TimedOut) -> None:
    verdict = judge(error)

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
    assert judge(HttpResponse(status, headers, body)) == Taken()


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, STRUCTURED, event("r", "replied", 5).json),
        (200, [*BINARY, (b"content-type", b"application/json")], b"5"),
        (202, BINARY, b""),
        (204, BINARY, b""),
    ],
)
def test_taken_with_a_reply(status: int, headers: Headers, body: bytes) -> None:
    verdict = judge(HttpResponse(status, headers, body))

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
    verdict = judge(HttpResponse(status, headers, body))

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
    waits = [wait_before(delivery, attempt) for attempt in range(5)]

    assert waits[4] is None
    passed = 0.0
    for wait, expected in zip(waits, at, strict=False):
        assert wait is not None
        passed += wait
        assert passed == pytest.approx(expected)


def test_no_retry_is_one_attempt() -> None:
    assert wait_before(Delivery(retry=0), 0) == 0
    assert wait_before(Delivery(retry=0), 1) is None


def test_error_data_are_the_first_1024_bytes_in_base64() -> None:
    verdict = judge(HttpResponse(500, [], b"x" * 1_023 + b"yz"))

    assert isinstance(verdict, Refused)
    assert base64.b64decode(verdict.failure.data or "") == b"x" * 1_023 + b"y"


def test_a_dead_letter_says_why() -> None:
    refused = judge(HttpResponse(422, [(b"kne-field", b"speed")], b"no"))
    assert isinstance(refused, Refused)

    letter = dead_letter(event("1", data={"a": 1}, tenant="acme"), "http://persist", refused)

    assert letter.attributes["knativeerrordest"] == "http://persist"
    assert letter.attributes["knativeerrorcode"] == "422"
    assert base64.b64decode(letter.attributes["knativeerrordata"]) == b"no"
    assert letter.attributes["field"] == "speed"
    assert letter.attributes["tenant"] == "acme"
    assert letter.data() == b'{"a":1}'


def test_a_dead_letter_without_an_answer_has_the_destination_only() -> None:
    letter = dead_letter(event(), "http://persist", Refused(Failure("no connection"), again=True))

    assert {name for name in letter.attributes if name.startswith("knative")} == {"knativeerrordest"}


def test_a_delivery_in_binary_mode() -> None:
    request = request_for([event("1", data=[1], tenant="acme")], "town", batch=False)

    assert (request.method, request.body) == ("POST", b"[1]")
    for name, value in {
        b"prefer": b"reply",
        b"kn-namespace": b"town",
        b"ce-id": b"1",
        b"ce-tenant": b"acme",
        b"content-type": b"application/json",
    }.items():
        assert header(request.headers, name) == value


def test_a_delivery_as_a_batch_even_of_one() -> None:
    first = event("1")
    request = request_for([first], "town", batch=True)

    assert header(request.headers, b"content-type") == b"application/cloudevents-batch+json"
    assert request.body == b"[" + first.json + b"]"
