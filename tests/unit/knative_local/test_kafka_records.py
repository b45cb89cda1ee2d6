"""Events as records of Kafka, as OBSERVED-KAFKA.md, Receiver, has them, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knative_local.cloudevent import CloudEvent, NotAnEvent, from_json, from_parts
from knative_local.log.kafka_records import from_record, to_record

FULL = from_json(
    b'{"subject":"s","time":"2026-01-01T00:00:00Z","tenant":"caf\xc3\xa9 50%","partitionkey":"van-1",'
    b'"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/json","dataschema":"/schema",'
    b'"data":{"x": 1}}'
)


def test_the_headers_stand_in_the_order_of_the_knative_broker_as_plain_texts() -> None:
    """Record, binary mode: key = partitionkey (kept as a header too); headers ce_specversion, ce_id, ce_source,
    ce_type, content-type, ce_dataschema, ce_subject, ce_time, then extensions; value = data. Not percent-encoded."""
    record = to_record(FULL)

    assert record.key == b"van-1"
    assert record.value == b'{"x": 1}'
    assert record.headers == [
        ("ce_specversion", "1.0"),
        ("ce_id", "1"),
        ("ce_source", "/s"),
        ("ce_type", "t"),
        ("content-type", "application/json"),
        ("ce_dataschema", "/schema"),
        ("ce_subject", "s"),
        ("ce_time", "2026-01-01T00:00:00Z"),
        ("ce_tenant", "café 50%"),
        ("ce_partitionkey", "van-1"),
    ]


def test_an_event_without_data_has_no_value_and_one_without_key_none() -> None:
    """value = data, null when there is none; key = partitionkey, else none."""
    record = to_record(from_json(b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}'))

    assert (record.key, record.value) == (None, None)
    assert "content-type" not in dict(record.headers)


def same(one: CloudEvent, other: CloudEvent) -> bool:
    return one.attributes == other.attributes and one.content() == other.content()


def test_what_is_written_is_read_again() -> None:
    record = to_record(FULL)

    assert same(from_record(record.headers, record.value), FULL)


@given(
    extensions=st.dictionaries(st.sampled_from(["tenant", "traceparent", "x1"]), st.text(min_size=1, max_size=30)),
    body=st.binary(max_size=50),
    content_type=st.sampled_from(["application/json", "text/plain", "application/octet-stream"]),
)
def test_any_event_comes_back_as_it_was(extensions: dict[str, str], body: bytes, content_type: str) -> None:
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "datacontenttype": content_type}
    try:
        event = from_parts(attributes | extensions, body)
    except NotAnEvent:
        return  # not one that gets into a log
    record = to_record(event)

    assert same(from_record(record.headers, record.value), event)


@pytest.mark.parametrize("headers", [[], [("ce_id", "1")], [("ce_id", b"\xff")], [("other", None)]])
def test_a_record_of_others_that_is_no_event_is_told(headers: list[tuple[str, bytes | None]]) -> None:
    with pytest.raises(NotAnEvent):
        from_record(headers, b"{}")
