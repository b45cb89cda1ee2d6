"""Events as they come: refused with a sentence, or taken, and then they can be told on in every mode unchanged."""

import json

from atheris import FuzzedDataProvider

from knative_local import cloudevent
from knative_local.addresses import TcpAddress
from knative_local.cloudevent import CloudEvent, NotAnEvent, from_batch, from_http, from_json, mode_of
from knative_local.http1_request import encode_request
from knative_local.http_types import HttpRequest
from tests.fuzz.targets.wire import message

ADDRESS = TcpAddress("127.0.0.1", 80)


def one(data: bytes) -> None:
    headers, body = message(FuzzedDataProvider(data))
    try:
        events = from_batch(body) if mode_of(headers) == "batch" else [from_http(headers, body)]
    except NotAnEvent as error:
        assert str(error)
        return
    for event in events:
        can_be_told_on(event)
        is_read_alike_by_whoever_reads(event)
        can_be_told_on(event.extended({"knativeerrordest": "http://a b/é"}))


def can_be_told_on(event: CloudEvent) -> None:
    """As one request in each mode, from which the same event is read."""
    for headers, body in (cloudevent.to_binary(event), cloudevent.to_structured(event)):
        sent = encode_request(HttpRequest("POST", "/", headers, body), ADDRESS)
        head, _, rest = sent.partition(b"\r\n\r\n")
        assert rest == body
        assert len(head.split(b"\r\n")) == len(headers) + 3  # the request line, host and content-length
        assert len({name for name, _ in headers}) == len(headers)
        again = from_http(headers, body)
        assert again.content() == event.content() or (not body and again.data() is None)
        assert _told(again) == _told(event)
    assert isinstance(json.loads(event.json), dict)
    (only,) = from_batch(cloudevent.to_batch([event])[1])
    assert (only.attributes, only.content()) == (event.attributes, event.content())


def is_read_alike_by_whoever_reads(event: CloudEvent) -> None:
    """By the decoder that earlier events of this shape have left, and by the one for any shape."""
    slow = cloudevent._from_new_shape(event.json)  # pyright: ignore[reportPrivateUsage] - the reference
    for _ in range(3):
        fast = from_json(event.json)
        assert (fast.attributes, fast.content()) == (slow.attributes, slow.content())


def _told(event: CloudEvent) -> dict[str, str]:
    """The attributes but for the type of data, which only stands where there are data, and is implied for JSON."""
    return {name: value for name, value in event.attributes.items() if name != "datacontenttype"}
