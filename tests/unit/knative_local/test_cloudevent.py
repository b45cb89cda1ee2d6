"""CloudEvents on the wire: what is read, what is refused and in which words, what goes out again."""

import json

import pytest

from knative_local.cloudevent import NotAnEvent, from_batch, from_http, from_json, to_binary, to_structured
from knative_local.http_types import Headers, header

REQUIRED = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
BINARY = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/s"), (b"ce-type", b"t")]
JSON = [(b"content-type", b"application/json")]
STRUCTURED = [(b"content-type", b"application/cloudevents+json")]


def structured(**members: object) -> bytes:
    return json.dumps({**REQUIRED, **members}).encode()


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        # The rows of OBSERVED-KAFKA, Receiver, that are 400.
        (STRUCTURED, b"{", "no JSON object"),
        (STRUCTURED, b"[1]", "no JSON object"),
        (STRUCTURED, b'{"a":' * 3_000, "no JSON object"),
        (STRUCTURED, b'{"id": "\xff"}', "no JSON object"),
        (STRUCTURED, json.dumps({"specversion": "1.0", "source": "/s", "type": "t"}).encode(), "'id' is missing"),
        (STRUCTURED, structured(id=None), "'id' is missing"),
        (STRUCTURED, structured(id=7), "'id' is not a text"),
        (STRUCTURED, structured(time="yesterday"), "'time'"),
        (STRUCTURED, structured(time="2026-13-01T00:00:00Z"), "'time'"),
        (STRUCTURED, structured(time="2026-01-01 00:00:00Z"), "'time'"),
        (STRUCTURED, structured(time="2026-01-01T00:60:00Z"), "'time'"),
        (STRUCTURED, structured(datacontenttype="text/plain\r\nx: y"), "'datacontenttype'"),
        (STRUCTURED, structured(datacontenttype="text/€"), "'datacontenttype'"),
        (STRUCTURED, structured(datacontenttype="Application/CloudEvents+JSON"), "'datacontenttype'"),
        (STRUCTURED, structured(specversion="2.0"), "specversion '2.0'"),
        (STRUCTURED, structured(some_thing="x"), "'some_thing'"),
        (STRUCTURED, structured(someThing="x"), "'someThing'"),
        (STRUCTURED, structured(source="a b"), "'source'"),
        (STRUCTURED, structured(data=1, data_base64="AA=="), "exclude each other"),
        (STRUCTURED, structured(data_base64="?"), "not base64"),
        (STRUCTURED, structured(data_base64=5), "not a text"),
        (STRUCTURED, b'{"specversion":"1.0","id":"1","source":"/s","type":"t","x":1e999}', "'x' cannot be read"),
        ([(b"content-type", b"application/cloudevents-batch+json")], b"[]", "one event per request"),
        ([(b"content-type", b"application/cloudevents+xml")], b"<e/>", "structured mode"),
        (JSON, b"{}", "neither ce- headers"),
        ([], b"", "neither ce- headers"),
        (BINARY[:1] + BINARY[2:], b"", "'id' is missing"),
        ([*BINARY, (b"ce-id", b"2")], b"", "twice"),
        ([*BINARY, (b"ce-data", b"x")], b"", "'data'"),
        ([*BINARY, (b"ce-some_thing", b"x")], b"", "'some_thing'"),
        ([*BINARY, (b"ce-datacontenttype", b"x")], b"", "Content-Type"),
        ([*BINARY, (b"ce-x", b"%ff")], b"", "UTF-8"),
    ],
)
def test_refused(headers: Headers, body: bytes, words: str) -> None:
    with pytest.raises(NotAnEvent, match=words):
        from_http(headers, body)


def test_a_batch_names_the_event_that_is_bad() -> None:
    with pytest.raises(NotAnEvent, match="event 1 of the batch: attribute 'id' is missing"):
        from_batch(b"[" + structured() + b',{"specversion":"1.0","source":"/","type":"t"}]')
    with pytest.raises(NotAnEvent, match="no JSON array"):
        from_batch(b"{}")


def test_taken_though_odd_as_the_kafka_broker_does() -> None:
    """OBSERVED-KAFKA, Receiver: empty id or type, extension of 26 characters, extension that is an object or null."""
    event = from_json(
        structured(id="", type="", a="x", abcdefghijklmnopqrstuvwxyz="y", o={"b": 1}, n=None, i=5, y=True)
    )

    assert event.attributes["o"] == '{"b":1}'
    assert event.attributes["i"] == "5"
    assert event.attributes["y"] == "true"
    assert event.attributes["abcdefghijklmnopqrstuvwxyz"] == "y"
    assert "n" not in event.attributes


@pytest.mark.parametrize(
    "time",
    ["2026-08-01T12:00:00Z", "2026-08-01t12:00:00z", "2026-08-01T12:00:00.123456789Z", "2026-08-01T12:00:00-03:00",
     "2016-12-31T23:59:60Z"],
)  # fmt: skip
def test_times_that_are_taken(time: str) -> None:
    assert from_json(structured(time=time)).attributes["time"] == time


def test_json_that_came_is_what_goes_on() -> None:
    body = b'{ "specversion":"1.0", "id":"1", "source":"/s", "type":"t", "data": {"x": 1.50} }'

    headers, out = to_structured(from_http(STRUCTURED, body))

    assert out == body
    assert header(headers, b"content-type") == b"application/cloudevents+json"


def test_from_structured_to_binary_the_data_keep_their_bytes() -> None:
    event = from_json(b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data": {"x": 1.50, "y":"\\u00e9"} }')

    headers, body = to_binary(event)

    assert body == b'{"x": 1.50, "y":"\\u00e9"}'
    assert header(headers, b"content-type") == b"application/json"


def test_text_data_of_a_structured_event_become_that_text() -> None:
    headers, body = to_binary(from_json(structured(datacontenttype="text/plain", data='say "é"')))

    assert body == 'say "é"'.encode()
    assert header(headers, b"content-type") == b"text/plain"


def test_base64_data_become_bytes() -> None:
    _, body = to_binary(from_json(structured(datacontenttype="image/png", data_base64="AAEC")))

    assert body == b"\x00\x01\x02"


def test_bytes_of_no_type_stay_without_one() -> None:
    """JSON format 3.2: "no content type is inferred", "there is no `content-type` header present"."""
    for event in (from_json(structured(data_base64="eyAieHl6IjogMTIzIH0=")), from_http(BINARY, b'{ "xyz": 123 }')):
        headers, body = to_binary(event)

        assert body == b'{ "xyz": 123 }'
        assert header(headers, b"content-type") is None


def test_no_data_no_content_type() -> None:
    """OBSERVED-KAFKA, Delivery: an event without data has no content-type."""
    headers, body = to_binary(from_http([*BINARY, *JSON], b""))

    assert body == b""
    assert header(headers, b"content-type") is None


def test_a_body_that_is_not_the_json_it_claims_keeps_its_bytes() -> None:
    event = from_http([*BINARY, *JSON], b"{broken")

    assert json.loads(event.json)["data_base64"]
    assert to_binary(event)[1] == b"{broken"


def test_headers_are_percent_encoded_where_they_have_to_be() -> None:
    event = from_json(structured(subject='São "Paulo" 100%'))

    headers, _ = to_binary(event)

    assert header(headers, b"ce-subject") == b"S%C3%A3o%20%22Paulo%22%20100%25"
    assert from_http(headers, b"").attributes["subject"] == 'São "Paulo" 100%'


def test_extensions_are_added_to_the_json_too() -> None:
    event = from_json(structured(a="old", data=[1])).extended({"a": "new", "b": "more"})

    assert json.loads(event.json) == {**REQUIRED, "a": "new", "b": "more", "data": [1]}
    assert event.attributes["b"] == "more"
