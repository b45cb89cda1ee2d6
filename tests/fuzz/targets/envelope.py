"""Events as Trackway's functions get them: refused with a sentence, or read, and written and read again the same."""

import msgspec
from atheris import FuzzedDataProvider

from tests.fuzz.targets.wire import message
from trackway import events
from trackway.events import BATCH_MEDIA_TYPE, NOT_JSON, Event, InvalidEvent, fact_of


def one(data: bytes) -> None:
    provider = FuzzedDataProvider(data)
    headers, body = message(provider)
    from_kafka = provider.ConsumeBool()
    try:
        if from_kafka:
            records = [(name.decode().replace("ce-", "ce_"), value) for name, value in headers]
            read = [events.from_kafka(records, body or None)]
        else:
            read = events.from_http({name.decode(): value.decode("latin-1") for name, value in headers}, body)
    except InvalidEvent as error:
        assert error.detail
        return
    for event in read:
        _comes_back(event)
        try:
            fact_of(event)
        except InvalidEvent as error:
            assert error.detail


def _comes_back(event: Event) -> None:
    headers, body = events.to_binary(event)
    assert not any(byte in value for _, value in headers for byte in (b"\r", b"\n", b"\0"))
    (again,) = events.from_http({name.decode(): value.decode("latin-1") for name, value in headers}, body)
    assert again == event
    if _may_stand_in_json(event):
        assert events.from_structured(events.to_structured(event)) == event
        assert events.from_http({"content-type": BATCH_MEDIA_TYPE}, events.to_batch([event])) == [event]


def _may_stand_in_json(event: Event) -> bool:
    """Data that are called JSON stand in the document as they are: whoever emits sees to it that they are JSON."""
    try:
        msgspec.json.decode(event.data)
    except NOT_JSON:
        return "json" not in event.datacontenttype.lower()
    return event.data == event.data.strip()
