"""Whatever an event holds, it comes out of each mode as it went in."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from trackway.events import (
    BATCH_MEDIA_TYPE,
    Event,
    InvalidEvent,
    from_http,
    from_kafka,
    from_structured,
    to_batch,
    to_binary,
    to_kafka,
    to_structured,
)
from trackway.events.envelope import attributes_of

text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda t: t.strip() == t
)
extensions = st.dictionaries(st.from_regex(r"x[a-z0-9]{1,8}", fullmatch=True), text, max_size=3)
events = st.builds(
    Event,
    id=text,
    source=text,
    type=text,
    data=st.one_of(
        st.just(b""),
        st.recursive(st.integers() | st.text(), lambda c: st.lists(c, max_size=3)).map(
            lambda value: json.dumps(value).encode()
        ),
    ),
    subject=st.none() | text,
    time=st.none()
    | st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)),
    tenant=text,
    partitionkey=st.none() | text,
    traceparent=st.none() | text,
    extensions=extensions,
)


@given(events)
def test_binary(event: Event) -> None:
    headers, body = to_binary(event)
    assert from_http({name.decode(): value.decode("ascii") for name, value in headers}, body) == [event]


@given(events)
def test_structured(event: Event) -> None:
    assert from_structured(to_structured(event)) == event


@given(events)
def test_a_structured_document_has_each_attribute_once_by_its_name(event: Event) -> None:
    data = {"data": json.loads(event.data)} if event.data else {}
    expected = {**attributes_of(event), "datacontenttype": "application/json", **data}
    pairs = json.loads(to_structured(event), object_pairs_hook=list)
    assert sorted(pairs, key=lambda pair: pair[0]) == sorted(expected.items(), key=lambda pair: pair[0])


@given(st.lists(events, max_size=4))
def test_batch(batch: list[Event]) -> None:
    assert from_http({"content-type": BATCH_MEDIA_TYPE}, to_batch(batch)) == batch


@given(events)
def test_kafka(event: Event) -> None:
    _, headers, value = to_kafka(event)
    assert from_kafka(headers, value) == event


@given(st.binary(max_size=200), st.sampled_from(["", "application/cloudevents+json", BATCH_MEDIA_TYPE]))
def test_garbage_is_refused_and_nothing_worse(body: bytes, content_type: str) -> None:
    try:
        from_http({"content-type": content_type}, body)
    except InvalidEvent as error:
        assert error.detail
