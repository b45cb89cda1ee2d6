"""An event as a record in Kafka (CloudEvents 1.0, Kafka protocol binding)."""

from collections.abc import Iterable

from trackway.events.envelope import STRUCTURED_MEDIA_TYPE, attributes_of, from_attributes, from_structured
from trackway.events.event import Event, InvalidEvent


def to_kafka(event: Event) -> tuple[bytes | None, list[tuple[str, bytes]], bytes | None]:
    """(key, headers, value) of the record that the Knative Kafka broker writes: the key is ``partitionkey``,
    attributes are ``ce_`` headers, and there is no value where there are no data."""
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes_of(event).items()]
    headers.append(("content-type", event.datacontenttype.encode()))
    key = None if event.partitionkey is None else event.partitionkey.encode()
    return key, headers, event.data or None


def from_kafka(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> Event:
    """The event of a Kafka record, in binary mode or, as its content type says, structured. Raises InvalidEvent."""
    try:
        texts = {name: content.decode() for name, content in headers}
    except UnicodeDecodeError:
        raise InvalidEvent("a header of the record is not UTF-8") from None
    content_type = texts.get("content-type", "")
    if content_type.partition(";")[0] == STRUCTURED_MEDIA_TYPE:
        return from_structured(value or b"")
    attributes = {name[3:]: text for name, text in texts.items() if name.startswith("ce_")}
    missing = [name for name in ("specversion", "id", "source", "type") if name not in attributes]
    if missing:
        raise InvalidEvent(f"not a CloudEvent: the record header ce_{missing[0]} is missing", missing[0])
    return from_attributes(attributes, content_type, value or b"")
