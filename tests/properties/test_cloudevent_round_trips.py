"""Whatever an event carries, it is the same event after any way through binary, structured and batch mode."""

import json
import string

from hypothesis import given
from hypothesis import strategies as st

from knative_local.cloudevent import (
    CloudEvent,
    NotAnEvent,
    from_batch,
    from_http,
    from_json,
    to_batch,
    to_binary,
    to_structured,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def structured_events(draw: st.DrawFn) -> bytes:
    members: dict[str, object] = {
        name: value
        for name, value in draw(st.dictionaries(NAMES, TEXTS, max_size=4)).items()
        if name not in ("data", "time", "dataschema", "datacontenttype", "source", "specversion")
    }
    members |= {"specversion": "1.0", "id": draw(TEXTS), "type": draw(TEXTS), "source": "/a?b=%20"}
    if draw(st.booleans()):
        members |= {"datacontenttype": "application/json", "data": draw(JSON_VALUES)}
    return json.dumps(members, ensure_ascii=draw(st.booleans())).encode()


@given(structured_events())
def test_structured_to_binary_and_back(raw: bytes) -> None:
    event = from_json(raw)

    again = from_http(*to_binary(event))

    without = {} if "data" in json.loads(raw) else {"datacontenttype": ""}
    assert again.attributes | without == event.attributes | without
    assert _data(again) == _data(event)
    assert from_http(*to_structured(again)).attributes == again.attributes


@given(
    st.binary(min_size=1, max_size=60),
    st.sampled_from(["application/json", "text/plain", "application/vnd.x+json", ""]),
)
def test_a_binary_body_keeps_its_meaning(body: bytes, content_type: str) -> None:
    headers = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/"), (b"ce-type", b"t")]
    if content_type:
        headers.append((b"content-type", content_type.encode()))

    event = from_json(from_http(headers, body).json)

    # Only white space around a JSON value may go.
    assert event.data() in ({body, body.strip()} if "json" in content_type else {body})


@given(st.lists(structured_events(), max_size=4))
def test_batches(raws: list[bytes]) -> None:
    events = [from_json(raw) for raw in raws]

    again = from_batch(to_batch(events)[1])

    assert [(event.attributes, event.json) for event in again] == [(event.attributes, event.json) for event in events]


@given(st.binary(max_size=80) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused_and_nothing_breaks(body: bytes) -> None:
    for parse in (from_json, from_batch):
        try:
            parse(body)
        except NotAnEvent:
            continue
        assert json.loads(body) == []


def _data(event: CloudEvent) -> object:
    data = event.data()
    return None if data is None else json.loads(data)
