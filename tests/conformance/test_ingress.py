"""Taking events in: the Broker's address as Knative's data plane contract and CloudEvents' HTTP binding describe it.

Sections without a name are of CloudEvents' HTTP protocol binding 1.0.2; "spec" is CloudEvents' core specification,
"JSON" its JSON format, "data plane" Knative's data plane contract, OBSERVED and OBSERVED-KAFKA what v0.50 does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from .broker import BATCH, STRUCTURED, Broker, binary, event
from .subscriber import Subscriber

REQUIRED = ("specversion", "id", "source", "type")
ANY_BYTES = pytest.mark.known_defect(channel="its library takes what is no UTF-8")
A_NUMBER = pytest.mark.known_defect(channel="its library takes a number for data_base64, as no data")


def test_an_event_in_binary_mode_is_accepted(broker: Broker) -> None:
    """Data plane, Acknowledgement: "`202` Event accepted". OBSERVED, Broker ingress, row 1: 202 with an empty body."""
    answer = broker.post_binary(event(), b'{"message": "Hello World!"}')
    assert (answer.status, answer.body) == (202, b"")


@pytest.mark.parametrize(
    "content_type",
    [
        STRUCTURED,
        f"{STRUCTURED}; charset=utf-8",
        f"{STRUCTURED}; charset=UTF-8",
        pytest.param("Application/CloudEvents+JSON", id="in another case"),
    ],
)
def test_an_event_in_structured_mode_is_accepted(broker: Broker, content_type: str) -> None:
    """3: "If the value is prefixed with the CloudEvents media type `application/cloudevents` (matched
    case-insensitively) … the receiver uses structured mode." The rows are those of CloudEvents' conformance suite."""
    answer = broker.post_structured({**event(), "data": {"message": "Hello World!"}}, content_type)
    assert (answer.status, answer.body) == (202, b"")


@pytest.mark.parametrize("data", [None, {}, {"a": 1}, [], "text", 1.5, True])
def test_any_json_is_data(broker: Broker, data: Any) -> None:
    """JSON 3.1.1: "the `data` member JSON value is unrestricted"."""
    assert broker.post_structured({**event(), "data": data}).status == 202


def test_an_event_without_data_is_accepted_in_both_modes(broker: Broker) -> None:
    """Spec, Event Data: "CloudEvents MAY include domain-specific information"; it is OPTIONAL."""
    assert broker.post_binary(event()).status == 202
    assert broker.post_structured(event()).status == 202


def test_an_event_without_data_may_have_no_content_length(broker: Broker) -> None:
    """RFC 9110, 8.6: a request without a body needs no Content-Length."""
    assert broker.send("POST", binary(event()), None).status == 202


def test_names_of_headers_are_case_insensitive(broker: Broker) -> None:
    """3.1.3.1: "header names are case-insensitive"."""
    headers = [("CE-" + name.upper(), value) for name, value in event().items()]
    assert broker.post(headers).status == 202


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_required_attribute_that_is_missing_is_refused(broker: Broker, missing: str) -> None:
    """Spec, REQUIRED Attributes: "REQUIRED to be present in all CloudEvents"; data plane: "`400` Unparsable event"."""
    incomplete = {name: value for name, value in event().items() if name != missing}
    assert broker.post_binary(incomplete, b"{}").status == 400
    assert broker.post_structured({**incomplete, "data": {}}).status == 400


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_required_attribute_that_is_null_is_refused(broker: Broker, missing: str) -> None:
    """JSON 2.2: null "MUST be treated as the equivalent of unset or omitted"."""
    assert broker.post_structured({**event(), missing: None}).status == 400


@pytest.mark.parametrize("empty", ["id", "type"])
def test_an_empty_id_or_type_ends_in_a_clear_answer(broker: Broker, empty: str) -> None:
    """Spec: "MUST be a non-empty string"; OBSERVED-KAFKA, Receiver, row 3: the Kafka broker answers 202 to it."""
    status = broker.post_binary(event(**{empty: ""})).status
    assert status == 202 if broker.is_kafka else status in {202, 400}


@pytest.mark.parametrize("version", ["2.0", "1", "1.0.1", "one"])
def test_another_specversion_is_refused(broker: Broker, version: str) -> None:
    """Spec, specversion: "MUST use a value of `1.0`"; OBSERVED-KAFKA, Receiver, row 2: 400."""
    assert broker.post_binary(event(specversion=version)).status == 400
    assert broker.post_structured(event(specversion=version)).status == 400


@pytest.mark.parametrize("source", ["with a space", "<angle>", "back\\slash", "curly{}"])
@pytest.mark.known_defect(channel="encodes what a URI may not hold, and takes it")
def test_a_source_that_is_no_uri_reference_is_refused(broker: Broker, source: str) -> None:
    """Spec, source: "MUST be a non-empty URI-reference"; OBSERVED-KAFKA, Receiver, row 2: 400."""
    assert broker.post_binary(event(source=source)).status == 400
    assert broker.post_structured(event(source=source)).status == 400


@pytest.mark.parametrize(
    "source",
    ["https://github.com/cloudevents", "mailto:cncf-wg-serverless@lists.cncf.io", "1-555-123-4567",
     "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "/cloudevents/spec/pull/123", "/a?b=c&d#e", "//host/path",
     "/sensors/tn%2D1234567/alerts"],
)  # fmt: skip
def test_any_uri_reference_is_a_source(broker: Broker, source: str) -> None:
    """Spec, source: its examples, and references of the other kinds of RFC 3986, 4.1."""
    assert broker.post_binary(event(source=source)).status == 202
    assert broker.post_structured(event(source=source)).status == 202


@pytest.mark.parametrize(
    "time",
    ["2018-04-05T17:31:00Z", "2018-04-05T17:31:00.5Z", "2018-04-05T17:31:00.123456789Z", "2018-04-05T17:31:00+02:00",
     "2018-04-05T17:31:00-00:00", "2024-02-29T23:59:59Z"],
)  # fmt: skip
def test_any_rfc_3339_time_is_a_time(broker: Broker, time: str) -> None:
    """Spec, time: "MUST adhere to the format specified in RFC 3339"."""
    assert broker.post_binary(event(time=time)).status == 202
    assert broker.post_structured(event(time=time)).status == 202


@pytest.mark.known_defect(kafka="its library reads no leap second", channel="its library reads no leap second")
@pytest.mark.parametrize("time", ["2016-12-31T23:59:60Z", "1990-12-31T15:59:60-08:00", "1985-04-12t23:20:50.52z"])
def test_a_leap_second_and_small_letters_are_a_time(broker: Broker, time: str) -> None:
    """RFC 3339, 5.6 and 5.8: "T" and "Z" "may alternatively be lower case", and the second may be 60."""
    assert broker.post_structured(event(time=time)).status == 202


@pytest.mark.parametrize(
    "time",
    ["yesterday", "2018-04-05", "2018-04-05T17:31:00", "2018-13-05T17:31:00Z", "2018-02-30T17:31:00Z",
     "2018-04-05T24:31:00Z", "17:31:00Z", "1522949460", "2023-02-29T00:00:00Z"],
)  # fmt: skip
def test_what_is_no_rfc_3339_time_is_refused(broker: Broker, time: str) -> None:
    """Spec, time; OBSERVED-KAFKA, Receiver, row 2: "bad time" 400."""
    assert broker.post_binary(event(time=time)).status == 400
    assert broker.post_structured(event(time=time)).status == 400


@pytest.mark.parametrize("name", ["a", "x1", "abcdefghij0123456789", "comexampleextension1"])
def test_extensions_of_any_good_name_are_accepted(broker: Broker, name: str) -> None:
    """Spec, Naming Conventions: "lower-case letters or digits", "at least one character", "SHOULD NOT exceed 20"."""
    assert broker.post_binary(event(**{name: "value"})).status == 202
    assert broker.post_structured(event(**{name: "value"})).status == 202


def test_an_extension_of_more_than_20_characters_is_accepted(broker: Broker) -> None:
    """Spec, Naming Conventions: longer names are a SHOULD NOT; OBSERVED-KAFKA, Receiver, row 3: 26 characters, 202."""
    assert broker.post_binary(event(abcdefghijklmnopqrstuvwxyz="value")).status == 202


@pytest.mark.parametrize(
    "name",
    [
        "under_score",
        pytest.param("camelCase", marks=pytest.mark.known_defect(channel="makes small letters of capitals")),
        "da-sh",
        "do.t",
        "ä",
        pytest.param("", marks=pytest.mark.known_defect(channel="drops it")),
        "with space",
    ],
)
def test_an_extension_of_a_bad_name_is_refused(broker: Broker, name: str) -> None:
    """Spec, Naming Conventions: "MUST consist of lower-case letters [a-z] or digits [0-9]"; OBSERVED-KAFKA: 400."""
    assert broker.post_structured({**event(), name: "value"}).status == 400


@pytest.mark.known_defect(channel="takes it for an extension")
def test_data_is_no_name_of_an_attribute(broker: Broker) -> None:
    """Spec, Naming Conventions: "MUST NOT use the name `data`"."""
    assert broker.post([*binary(event()), ("ce-data", "value")]).status == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"no JSON", b"{", b"[]", b"null", b"1", b'"text"', b"{}", b'{"specversion": "1.0"}',
     b'[{"specversion": "1.0"}]',
     pytest.param(json.dumps(event()).encode()[:-1], id="cut off"),
     pytest.param(json.dumps(event()).encode() + b"{}", id="two values"),
     pytest.param(b'{"specversion":"1.0","id":"1","source":"/a","type":"\xff"}', id="no UTF-8", marks=ANY_BYTES),
     pytest.param(b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":"\xc0\xa0"}', id="no UTF-8 in data",
                  marks=ANY_BYTES),
     pytest.param(b'{"specversion":"1.0","id":"1","source":"/a","type":"\\uDEAD"}', id="half a surrogate pair",
                  marks=ANY_BYTES),
     pytest.param(json.dumps(event()).encode("utf-16"), id="UTF-16")],
)  # fmt: skip
def test_a_body_that_is_no_event_is_refused(broker: Broker, body: bytes) -> None:
    """OBSERVED, Broker ingress, row 4: "body that is no event" 400; spec, Type System: "\\uDEAD" is invalid."""
    assert broker.post_structured(body).status == 400


@pytest.mark.parametrize(
    "members",
    [{"data_base64": "no base64!"}, {"data_base64": "YQ"}, pytest.param({"data_base64": 1}, marks=A_NUMBER),
     {"data_base64": "YQ==", "data": {}},
     {"id": 1}, {"type": ["t"]}, {"source": {}}, {"time": 1522949460}, {"subject": True}],
    ids=str,
)  # fmt: skip
def test_members_of_a_wrong_kind_are_refused(broker: Broker, members: dict[str, Any]) -> None:
    """JSON 2.2, Type System Mapping, and 3.1.1: "the presence of `data` and `data_base64` is mutually exclusive"."""
    assert broker.post_structured({**event(), **members}).status == 400


@pytest.mark.known_defect(channel="the event in the data goes to the dead letters in its place")
def test_an_event_never_arrives_as_the_event_in_its_data(broker: Broker, subscriber: Subscriber) -> None:
    """3: a Content-Type of `application/cloudevents` says structured mode; in binary mode data of that type would be
    taken for the event, so such an event is refused, or delivered so that it is still itself."""
    inner, outer = event(type="conformance.twins"), event()
    members = {**outer, "datacontenttype": STRUCTURED, "data": inner}
    status = broker.post_structured(members).status
    assert status in {202, 400}
    if status == 202:
        (delivery,) = subscriber.until(
            lambda: subscriber.deliveries("/everything", outer["id"]) or subscriber.deliveries("/dead", inner["id"]),
            f"event {outer['id']}, or what was in its data",
        )
        assert delivery.attributes["id"] == outer["id"]
        assert not delivery.headers.get("content-type", "").startswith(STRUCTURED)


def test_a_request_that_carries_no_event_is_refused(broker: Broker) -> None:
    """OBSERVED-KAFKA, Receiver, row 2: "no event" 400."""
    assert broker.post([("Content-Type", "application/json")], b'{"a": 1}').status == 400
    assert broker.post([], b"").status == 400


def test_a_format_that_is_not_known_is_refused(broker: Broker) -> None:
    """3: an event format that the receiver cannot handle, without attributes in headers, leaves no event."""
    assert broker.post([("Content-Type", "application/cloudevents+avro")], b"\x00\x01").status == 400


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_batch_is_refused(broker: Broker, count: int) -> None:
    """3: batched mode "MUST NOT be used unless solicited"; OBSERVED, Broker ingress, row 5: 400."""
    body = json.dumps([event() for _ in range(count)]).encode()
    assert broker.post([("Content-Type", BATCH)], body).status == 400


@pytest.mark.parametrize("value", ["%C0%A0", "%FF", "%E2%82", "a%80b"])
@pytest.mark.known_defect(kafka="header values are not decoded", channel="header values are not decoded")
def test_percent_encoding_that_is_no_utf_8_is_refused(broker: Broker, value: str) -> None:
    """3.1.3.2: "encoded byte sequences which are invalid in UTF-8 MUST be rejected. (For example, "%C0%A0" …)"."""
    assert broker.post([*binary(event()), ("ce-subject", value)]).status == 400


def test_another_broker_is_not_found(broker: Broker) -> None:
    """OBSERVED, Broker ingress, row 6: 404."""
    there = broker.address.target.rstrip("/")
    answer = broker.send("POST", binary(event()), b"", f"{there}-that-does-not-exist")
    assert answer.status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_only_post_delivers(broker: Broker, method: str) -> None:
    """Data plane, HTTP Verbs: "using the HTTP POST verb"; OBSERVED: 405, with Allow from the channel broker."""
    answer = broker.send(method, binary(event()), b"" if method in {"PUT", "PATCH"} else None)
    assert answer.status == 405
    if not broker.is_kafka:
        assert "POST" in answer.headers["allow"]


def test_options_tells_of_post_or_is_refused(broker: Broker) -> None:
    """Data plane, HTTP Verbs: "if implemented, the recipient MUST indicate support for the POST verb using the `Allow`
    header"; OBSERVED: 200 from the channel broker; OBSERVED-KAFKA: 405."""
    answer = broker.send("OPTIONS", [])
    if broker.is_kafka and answer.status == 405:
        return
    assert answer.status == 200
    assert "POST" in answer.headers["allow"]


def test_an_event_of_64_kib_is_accepted(broker: Broker) -> None:
    """Spec, Size Limits: "Intermediaries MUST forward events of a size of 64 KiB or less"."""
    assert broker.post_binary(event(), b'"' + b"x" * (64 << 10) + b'"').status == 202


def test_an_event_that_is_too_large_gets_a_status_and_the_next_one_is_taken(broker: Broker) -> None:
    """OBSERVED-KAFKA, Receiver: 503 for 1 MiB and more; HTTP's own word is 413."""
    answer = broker.post_binary(event(), b'"' + b"x" * (2 << 20) + b'"')
    assert answer.status in ({413, 503} if broker.is_kafka else {202, 413, 503})
    assert broker.post_binary(event(), b"{}").status == 202
