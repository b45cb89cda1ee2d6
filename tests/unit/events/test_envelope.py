"""The wire: what is accepted in each mode, and what is refused with which words."""

import base64
import json
from datetime import UTC, datetime

import pytest

from trackway.events import (
    BATCH_MEDIA_TYPE,
    STRUCTURED_MEDIA_TYPE,
    Event,
    InvalidEvent,
    from_http,
    from_kafka,
    from_structured,
    to_binary,
    to_kafka,
    to_structured,
)

BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/phone", "ce-type": "com.example.seen"}
DOCUMENT = {"specversion": "1.0", "id": "1", "source": "/phone", "type": "com.example.seen"}


def structured(**members: object) -> Event:
    return from_structured(json.dumps({**DOCUMENT, **members}).encode())


def test_binary_mode_reads_attributes_extensions_and_body() -> None:
    headers = BINARY | {
        "ce-subject": "van-1",
        "ce-time": "2026-11-23T09:00:00-03:00",
        "ce-tenant": "acme",
        "ce-flavour": "x",
    }
    headers |= {"content-type": "application/json", "host": "localhost"}
    (event,) = from_http(headers, b'{"a": 1}')
    assert event.data == b'{"a": 1}'
    assert event.time is not None
    assert event.time.astimezone(UTC) == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert (event.tenant, event.subject, event.extensions) == ("acme", "van-1", {"flavour": "x"})


def test_header_values_are_percent_decoded() -> None:
    (event,) = from_http(BINARY | {"ce-subject": "S%C3%A3o%20Paulo"}, b"")
    assert event.subject == "São Paulo"
    headers, _ = to_binary(event)
    assert (b"ce-subject", b"S%C3%A3o%20Paulo") in headers


def test_structured_mode_keeps_the_data_as_they_stand() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a" : [1,  2]}}'
    (event,) = from_http({"content-type": "application/cloudevents+json; charset=utf-8"}, body)
    assert event.data == b'{"a" : [1,  2]}'


def test_structured_mode_reads_base64_and_other_kinds_of_extensions() -> None:
    event = structured(
        data_base64=base64.b64encode(b"\x00\x01").decode(), datacontenttype="image/png", urgent=True, count=3
    )
    assert (event.data, event.extensions) == (b"\x00\x01", {"urgent": "true", "count": "3"})
    assert json.loads(to_structured(event))["data_base64"] == "AAE="


def test_a_batch_is_several_events() -> None:
    body = json.dumps([DOCUMENT, {**DOCUMENT, "id": "2"}]).encode()
    assert [event.id for event in from_http({"content-type": BATCH_MEDIA_TYPE}, body)] == ["1", "2"]
    assert from_http({"content-type": BATCH_MEDIA_TYPE}, b"[]") == []


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_named(name: str) -> None:
    with pytest.raises(InvalidEvent, match=f"ce-{name}"):
        from_http({key: value for key, value in BINARY.items() if key != f"ce-{name}"}, b"")
    with pytest.raises(InvalidEvent, match=name):
        from_structured(json.dumps({key: value for key, value in DOCUMENT.items() if key != name}).encode())


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"specversion": "0.3"}, "specversion '0.3'"),
        ({"id": ""}, "id is empty"),
        ({"time": "noon"}, "time"),
        ({"time": "2026-11-23T12:00:00"}, "no UTC offset"),
        ({"time": "9999-12-31T23:59:59-12:00"}, "time"),
        ({"Flavour": "x"}, "'Flavour'"),
        ({"my_ext": "x"}, "'my_ext'"),
        ({"flavour": {"a": 1}}, "flavour"),
        ({"data_base64": "?"}, "data_base64"),
        ({"id": 7}, "id"),
        ({"datacontenttype": "text/plain\r\nx: y"}, "datacontenttype"),
        ({"datacontenttype": "text/€"}, "datacontenttype"),
        ({"datacontenttype": "application/cloudevents+json"}, "an event's own"),
    ],
)
def test_bad_members_are_named(members: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        structured(**members)
    assert words in error.value.detail


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"ce-under_score": "x"}, "'under_score'"),
        ({"ce-": "x"}, "''"),
        ({"ce-data": "x"}, "'data'"),
        ({"ce-subject": "%C0%A0"}, "UTF-8"),
    ],
)
def test_bad_headers_are_named(headers: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        from_http({**BINARY, **headers}, b"{}")
    assert words in error.value.detail


def test_a_quoted_header_is_unquoted_before_it_is_decoded() -> None:
    """HTTP binding 3.1.3.2."""
    (event,) = from_http({**BINARY, "ce-subject": r'"a \"b\" %25"'}, b"{}")
    assert event.subject == 'a "b" %'


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'"text"', pytest.param(b'{"data":' + b"[" * 5000, id="deep")]
)
def test_a_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        from_http({"content-type": STRUCTURED_MEDIA_TYPE}, body)


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"[{}]", b"[", b"null"])
def test_a_batch_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        from_http({"content-type": BATCH_MEDIA_TYPE}, body)


def test_kafka_binary_mode_is_the_brokers() -> None:
    event = structured(partitionkey="van-1", tenant="acme", data={"a": 1})
    key, headers, value = to_kafka(event)
    names = dict(headers)
    assert key == b"van-1"
    assert value is not None
    assert json.loads(value) == {"a": 1}
    assert names["ce_partitionkey"] == b"van-1"
    assert names["content-type"] == b"application/json"
    assert from_kafka(headers, value) == event


def test_kafka_event_without_data_has_no_value() -> None:
    _, headers, value = to_kafka(structured())
    assert value is None
    assert from_kafka(headers, value).data == b""


def test_kafka_structured_mode_and_a_record_that_is_no_event() -> None:
    event = structured(data={"a": 1})
    assert from_kafka([("content-type", STRUCTURED_MEDIA_TYPE.encode())], to_structured(event)) == event
    with pytest.raises(InvalidEvent, match="UTF-8"):
        from_kafka([("ce_id", b"\xff")], b"{}")
    with pytest.raises(InvalidEvent, match="ce_specversion"):
        from_kafka([], b"{}")
