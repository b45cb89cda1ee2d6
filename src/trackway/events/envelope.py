"""The wire: an event as an HTTP message, in binary, structured and batch mode.

CloudEvents 1.0, HTTP protocol binding. Attribute values are visible ASCII by our own rule
(docs/protocol.md), but what comes in percent-encoded is decoded, as the HTTP binding asks.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote

import msgspec
from msgspec import Meta, Raw, Struct

from trackway.events.event import (
    DEFAULT_TENANT,
    EARLIEST,
    LATEST,
    NOT_JSON,
    Event,
    InvalidEvent,
    check_moment,
    in_utc,
    utc_text,
)

STRUCTURED_MEDIA_TYPE = "application/cloudevents+json"
BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"

Headers = list[tuple[bytes, bytes]]

_CONTEXT = frozenset({"id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema"})
_OURS = frozenset({"tenant", "partitionkey", "traceparent"})
_EVENTS = "application/cloudevents"
"""How media types begin that tell the modes apart: in binary mode, data of such a type would be taken for the event."""
_EXTENSION_NAME = re.compile(r"[a-z0-9]{1,64}\Z")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


class _Document(Struct, frozen=True, kw_only=True):
    """The structured form's fixed members; others are extensions, which are read by a second pass."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    tenant: str = DEFAULT_TENANT
    partitionkey: str | None = None
    traceparent: str | None = None
    data: Raw | msgspec.UnsetType = msgspec.UNSET
    data_base64: str | None = None


_Named = Annotated[str, Meta(min_length=1)]


class _Usual(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The structured form of nearly every event: JSON data, no extensions but ours and those that brokers add, and
    nothing wrong with it but perhaps its time. One pass reads and checks it."""

    specversion: Literal["1.0"]
    id: _Named
    source: _Named
    type: _Named
    subject: str | None = None
    time: Annotated[datetime, Meta(tz=True)] | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str | None = None
    tenant: str = DEFAULT_TENANT
    partitionkey: str | None = None
    traceparent: str | None = None
    data: Raw = Raw()
    knativearrivaltime: str | None = None
    knativebrokerttl: str | None = None


class _Wire(Struct, frozen=True, omit_defaults=True, gc=False):
    """The structured form of an event without other extensions and with data in JSON: what nearly every event is."""

    specversion: str
    id: str
    source: str
    type: str
    tenant: str
    datacontenttype: str
    subject: str | None = None
    time: datetime | None = None
    dataschema: str | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    data: Raw | None = None


_document = msgspec.json.Decoder(_Document)
_usual = msgspec.json.Decoder(_Usual)
_usuals = msgspec.json.Decoder(list[_Usual])
_documents = msgspec.json.Decoder(list[Raw])
_members = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode
_FIXED = _CONTEXT | _OURS | {"data", "data_base64"}


def from_http(headers: Mapping[str, str], body: bytes) -> list[Event]:
    """The events of an HTTP request, in whichever mode it came. Header names are lower case. Raises InvalidEvent."""
    content_type = headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == BATCH_MEDIA_TYPE:
        return _from_batch(body)
    if media_type == STRUCTURED_MEDIA_TYPE:
        return [from_structured(body)]
    return [_from_binary(headers, content_type, body)]


def from_structured(body: bytes | memoryview | Raw) -> Event:
    """The event of a structured JSON document. Raises InvalidEvent naming the member that is wrong."""
    try:
        usual = _usual.decode(body)
    except (msgspec.ValidationError, *NOT_JSON):
        return _from_structured(body)
    return _event_of_usual(usual)


def _from_structured(body: bytes | memoryview | Raw) -> Event:
    """Of a document with extensions, or of one that is wrong."""
    try:
        document = _document.decode(body)
        extensions = _extensions(body)
    except msgspec.ValidationError as error:
        raise InvalidEvent(f"structured event: {error}") from None
    except NOT_JSON as error:
        raise InvalidEvent(f"structured event is not JSON: {error}") from None
    return _event_of(document, extensions)


def _event_of(document: _Document, extensions: dict[str, str]) -> Event:
    if document.data_base64 is not None:
        data = _decode_base64(document.data_base64)
    elif document.data is msgspec.UNSET:
        data = b""
    else:
        data = bytes(document.data)
    return _checked(
        document.specversion,
        Event(
            id=document.id,
            source=document.source,
            type=document.type,
            data=data,
            subject=document.subject,
            time=document.time,
            datacontenttype=document.datacontenttype or "application/json",
            dataschema=document.dataschema,
            tenant=document.tenant,
            partitionkey=document.partitionkey,
            traceparent=document.traceparent,
            extensions=extensions,
        ),
    )


def _event_of_usual(usual: _Usual) -> Event:
    time = usual.time
    if time is not None and not EARLIEST <= time <= LATEST:
        check_moment("time", time)
    arrival, hops = usual.knativearrivaltime, usual.knativebrokerttl
    extensions = {} if arrival is None else {"knativearrivaltime": arrival}
    if hops is not None:
        extensions["knativebrokerttl"] = hops
    return Event(
        id=usual.id,
        source=usual.source,
        type=usual.type,
        data=bytes(usual.data),
        subject=usual.subject,
        time=time,
        dataschema=usual.dataschema,
        tenant=usual.tenant,
        partitionkey=usual.partitionkey,
        traceparent=usual.traceparent,
        extensions=extensions,
    )


def _extensions(body: bytes | memoryview | Raw) -> dict[str, str]:
    extensions: dict[str, str] = {}
    for name, raw in _members.decode(body).items():
        if name in _FIXED:
            continue
        _check_extension(name)
        value: Any = msgspec.json.decode(raw)
        if isinstance(value, bool):
            extensions[name] = "true" if value else "false"
        elif isinstance(value, str | int):
            extensions[name] = str(value)
        elif value is not None:
            raise InvalidEvent(f"extension {name} is neither a string, a boolean nor an integer", name)
    return extensions


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidEvent(f"data_base64 is not base64: {error}", "data_base64") from None


def _from_batch(body: bytes) -> list[Event]:
    try:
        usuals = _usuals.decode(body)
    except (msgspec.ValidationError, *NOT_JSON):
        return _from_mixed_batch(body)
    return [_event_of_usual(usual) for usual in usuals]


def _from_mixed_batch(body: bytes) -> list[Event]:
    """Of a batch in which an event has extensions, or is wrong."""
    try:
        items = _documents.decode(body)
    except NOT_JSON as error:
        raise InvalidEvent(f"batch is not a JSON array: {error}") from None
    return [from_structured(item) for item in items]


def _from_binary(headers: Mapping[str, str], content_type: str, body: bytes) -> Event:
    attributes = {name[3:]: _unescape(value) for name, value in headers.items() if name.startswith("ce-")}
    missing = [name for name in ("specversion", "id", "source", "type") if name not in attributes]
    if missing:
        raise InvalidEvent(f"not a CloudEvent: the header ce-{missing[0]} is missing", missing[0])
    return from_attributes(attributes, content_type, body)


def from_attributes(attributes: dict[str, str], content_type: str, body: bytes) -> Event:
    """The event of the binary mode's attributes and data; the four that must be there are. Raises InvalidEvent."""
    return _checked(
        attributes["specversion"],
        Event(
            id=attributes["id"],
            source=attributes["source"],
            type=attributes["type"],
            data=body,
            subject=attributes.get("subject"),
            time=_time(attributes.get("time")),
            datacontenttype=content_type or "application/json",
            dataschema=attributes.get("dataschema"),
            tenant=attributes.get("tenant", DEFAULT_TENANT),
            partitionkey=attributes.get("partitionkey"),
            traceparent=attributes.get("traceparent"),
            extensions=_named_extensions(attributes),
        ),
    )


def _named_extensions(attributes: dict[str, str]) -> dict[str, str]:
    extensions = {name: value for name, value in attributes.items() if name not in _CONTEXT and name not in _OURS}
    for name in extensions:
        _check_extension(name)
    return extensions


# The few names that there are come again with every event.
@lru_cache(1_000)
def _check_extension(name: str) -> None:
    if not _EXTENSION_NAME.match(name) or name in _FIXED:
        raise InvalidEvent(f"extension {name!r} is not made of a-z and 0-9 only, or is no name for one", name)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise InvalidEvent(f"time {text!r} is not RFC 3339", "time") from None


def _checked(specversion: str, event: Event) -> Event:
    if specversion != "1.0":
        raise InvalidEvent(f"specversion {specversion!r} is not served, only 1.0", "specversion")
    if not (event.id and event.source and event.type):
        name = next(name for name in ("id", "source", "type") if not getattr(event, name))
        raise InvalidEvent(f"{name} is empty", name)
    if event.datacontenttype != "application/json":
        _check_content_type(event.datacontenttype)
    time = event.time
    if time is not None:
        if time.tzinfo is None:
            raise InvalidEvent(f"time {time.isoformat()} has no UTC offset", "time")
        check_moment("time", time)
    return event


def _check_content_type(content_type: str) -> None:
    if not (content_type.isascii() and content_type.isprintable()):
        raise InvalidEvent(f"datacontenttype {content_type!r} is not made of visible ASCII", "datacontenttype")
    if content_type.strip().lower().startswith(_EVENTS):
        raise InvalidEvent(f"datacontenttype {content_type!r} is an event's own, not its data's", "datacontenttype")


def attributes_of(event: Event) -> dict[str, str]:
    """All context attributes but ``datacontenttype``, as text, without those that are absent."""
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "tenant": event.tenant,
    }
    if event.subject is not None:
        attributes["subject"] = event.subject
    if event.time is not None:
        attributes["time"] = utc_text(event.time)
    if event.dataschema is not None:
        attributes["dataschema"] = event.dataschema
    if event.partitionkey is not None:
        attributes["partitionkey"] = event.partitionkey
    if event.traceparent is not None:
        attributes["traceparent"] = event.traceparent
    attributes.update(event.extensions)
    return attributes


def to_binary(event: Event) -> tuple[Headers, bytes]:
    """Headers (lower-case names) and body of the binary mode."""
    headers = [(b"ce-" + name.encode(), _escape(value)) for name, value in attributes_of(event).items()]
    headers.append((b"content-type", event.datacontenttype.encode()))
    return headers, event.data


def to_structured(event: Event) -> bytes:
    """The structured JSON document; JSON data stand in it as they are, other data as base64."""
    if event.extensions or not _is_json(event.datacontenttype):
        return _to_structured(event)
    time = event.time
    return _encode(
        _Wire(
            "1.0",
            event.id,
            event.source,
            event.type,
            event.tenant,
            event.datacontenttype,
            event.subject,
            time if time is None or time.tzinfo is UTC else in_utc(time),
            event.dataschema,
            event.partitionkey,
            event.traceparent,
            Raw(event.data) if event.data else None,
        )
    )


def _to_structured(event: Event) -> bytes:
    document: dict[str, Any] = dict(attributes_of(event))
    document["datacontenttype"] = event.datacontenttype
    if event.data:
        if _is_json(event.datacontenttype):
            document["data"] = Raw(event.data)
        else:
            document["data_base64"] = base64.b64encode(event.data).decode()
    return _encode(document)


def to_batch(events: Iterable[Event]) -> bytes:
    """The JSON array of the batch mode (``application/cloudevents-batch+json``)."""
    return b"[" + b",".join(map(to_structured, events)) + b"]"


def _is_json(content_type: str) -> bool:
    if content_type == "application/json":
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in {"application/json", "text/json"} or media_type.endswith("+json")


def _escape(value: str) -> bytes:
    # HTTP binding 3.1.3.2: everything but visible ASCII, and the quote and the percent sign, is percent-encoded.
    return quote(value, safe="!#$&'()*+,-./:;<=>?@[\\]^_`{|}~").encode()


def _unescape(value: str) -> str:
    # HTTP binding 3.1.3.2: first what stands between quotes, then one round of percent-decoding.
    text = _QUOTED_PAIR.sub(r"\1", value[1:-1]) if len(value) > 1 and value[0] == value[-1] == '"' else value
    if "%" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidEvent(f"the header value {value!r} stands for no UTF-8") from None
