"""Events as Kafka's records, in the binary mode of the CloudEvents Kafka binding, just as the Knative broker has them.

Source: OBSERVED of the Knative Kafka broker's receiver; header values are the attributes' texts, not percent-encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from knative_local.cloudevent import STRUCTURED, CloudEvent, NotAnEvent, from_parts

if TYPE_CHECKING:
    from confluent_kafka import Message

_PREFIX = "ce_"
_CONTENT_TYPE = "content-type"
# The order of the Knative broker; extensions follow.
_FIRST = ("specversion", "id", "source", "type")
_THEN = ("dataschema", "subject", "time")
_NO_EXTENSION = frozenset((*_FIRST, *_THEN, "datacontenttype"))
# How a NUL stands in JSON.
_NUL = b"\\u0000"

Header = tuple[str, str | bytes | None]


class KafkaRecord(NamedTuple):
    """What is written to a topic (texts in UTF-8): events with the same key lie in one partition, in order."""

    key: bytes | None
    headers: list[Header]
    value: bytes | None


def to_record(event: CloudEvent) -> KafkaRecord:
    """The record of an event, its key being the `partitionkey`. Raises NotAnEvent when `data_base64` is not base64."""
    attributes = event.attributes
    value, content_type = event.content()
    names, values = _layout(tuple(attributes))
    headers: list[Header] = list(zip(names, values(attributes), strict=True))
    if content_type is not None:
        headers.insert(len(_FIRST), (_CONTENT_TYPE, content_type))
    if _NUL in event.json:  # the client takes a text for one of C's, which ends at its first NUL
        headers = [(name, text.encode() if isinstance(text, str) else text) for name, text in headers]
    key = attributes.get("partitionkey")
    return KafkaRecord(key.encode() if key else None, headers, value)


@lru_cache(256)
def _layout(attributes: tuple[str, ...]) -> tuple[tuple[str, ...], Callable[[dict[str, str]], tuple[str, ...]]]:
    """The headers of an event with these attributes, its content type's left out, and what takes their values."""
    extensions = [name for name in attributes if name not in _NO_EXTENSION]
    names = (*_FIRST, *(name for name in _THEN if name in attributes), *extensions)
    return tuple(_PREFIX + name for name in names), itemgetter(*names)


def to_structured_record(event: CloudEvent) -> KafkaRecord:
    """The record of an event in structured mode, as Knative's KafkaSink writes it: all of it is in the value."""
    key = event.get("partitionkey")
    return KafkaRecord(key.encode() if key else None, [(_CONTENT_TYPE, STRUCTURED)], event.json)


def event_of(message: Message) -> CloudEvent:
    """The event in what a consumer has read. Raises NotAnEvent."""
    headers = message.headers() or []
    return from_record(headers.items() if isinstance(headers, dict) else headers, message.value())


def from_record(headers: Iterable[Header], value: bytes | None) -> CloudEvent:
    """The event in a record. Raises NotAnEvent: others may write to the topic, too."""
    attributes: dict[str, str] = {}
    content_type: str | None = None
    for name, raw in headers:
        text = _text(name, raw)
        if name == _CONTENT_TYPE:
            content_type = text
        elif name.startswith(_PREFIX):
            attributes[name[len(_PREFIX) :]] = text
    if content_type is not None:
        attributes["datacontenttype"] = content_type  # beside the data, as most write it
    return from_parts(attributes, value or b"")


def _text(name: str, raw: bytes | str | None) -> str:
    try:
        return raw.decode() if isinstance(raw, bytes) else raw or ""
    except UnicodeDecodeError:
        raise NotAnEvent(f"header '{name}' is not UTF-8") from None
