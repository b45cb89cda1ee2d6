"""CloudEvents 1.0 on the wire: read from and written as binary, structured and batch HTTP, the JSON kept as it came.

Own code instead of the SDK, which costs some 20 µs more an event and encodes again what only passes through.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, unquote_to_bytes

import msgspec

from knative_local.attribute_rules import TEXT_ATTRIBUTES, NotAnEvent, are_good, check, check_values
from knative_local.event_shapes import Context, Shapes
from knative_local.http_types import Headers, header

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

# CloudEvents HTTP binding 3.1.3.2: everything printable but space, double quote and percent stands for itself.
_PLAIN = re.compile(r"[!#$&-~]*")
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_HEADER_SAFE = "!#$&'()*+,/:;<=>?@[\\]^`{|}"

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.decode
_skip = msgspec.json.Decoder(msgspec.Raw).decode
_encode = msgspec.json.encode
_shapes = Shapes()


class CloudEvent(msgspec.Struct, gc=False, eq=False):
    """An event: its context attributes as texts, and the whole of it as the JSON it came in (or was put into).

    Nothing of it refers back to it, so the garbage collector need not look at the thousands that wait.
    """

    json: bytes
    _context: Context | None = None  # what a known shape read; else there are attributes
    _attributes: dict[str, str] | None = None
    _data: msgspec.Raw | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """The context attributes; made when asked for, as most events only pass through."""
        found = self._attributes
        if found is None:
            assert self._context is not None  # noqa: S101 - there is one or the other
            found = self._attributes = self._context.attributes()
        return found

    def get(self, name: str) -> str | None:
        """An attribute, or None when the event has none of that name."""
        context = self._context
        return self.attributes.get(name) if context is None else context.get(name)

    @staticmethod
    def column(events: Sequence[CloudEvent], name: str) -> Sequence[str | None]:
        """An attribute of each of them, as `get` gives it; of events of one shape all at once."""
        contexts = [event._context for event in events]
        kind = type(contexts[0])
        if issubclass(kind, Context) and list(map(type, contexts)).count(kind) == len(contexts):
            shaped = cast("list[Context]", contexts)
            return kind.column(shaped, name) if name in kind.names else [None] * len(events)
        return [event.get(name) for event in events]

    @property
    def identity(self) -> tuple[str, str]:
        """`source` and `id`, which together tell events apart."""
        return self.attributes["source"], self.attributes["id"]

    def data(self) -> bytes | None:
        """The data's bytes as a binary mode message carries them, or None when the event has none."""
        return self.content()[0]

    def content(self) -> tuple[bytes | None, str | None]:
        """The data's bytes, and their media type where there is one: JSON's is implied, and none of bytes.

        Raises NotAnEvent when `data_base64` is not base64.
        """
        content_type = self.attributes.get("datacontenttype")
        raw = self._data if self._context is None else self._context.data()
        if raw is None:
            members = _decode_raw_members(self.json)
            encoded = members.get("data_base64")
            if encoded is not None and bytes(encoded) != b"null":
                return _from_base64(bytes(encoded)), content_type
            raw = members.get("data")
            if raw is None:
                return None, content_type
        found = bytes(raw)
        if content_type is None:
            return (None, None) if found == b"null" else (found, "application/json")
        if found[:1] == b'"' and not is_json(content_type):
            return msgspec.json.decode(found, type=str).encode(), content_type
        return found, content_type

    def extended(self, extensions: Mapping[str, str]) -> CloudEvent:
        """The same event with further (or other) attributes."""
        members: dict[str, Any] = dict(_decode_raw_members(self.json))
        members.update(extensions)
        return _event({**self.attributes, **extensions}, _encode(members))


def _event(attributes: dict[str, str], json: bytes, data: msgspec.Raw | None = None) -> CloudEvent:
    return CloudEvent(json, None, attributes, data)


def is_json(content_type: str) -> bool:
    """Whether data of this media type stands in the JSON format as it is."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.endswith(("/json", "+json"))


def from_json(raw: bytes) -> CloudEvent:
    """An event from one JSON object (structured mode's body). Raises NotAnEvent."""
    context = _shapes.read(raw)
    if context is None:
        return _from_new_shape(raw)
    if not raw.isascii():
        _check_utf8(raw)
    check_values(context)
    return CloudEvent(raw, context)


def from_batch(body: bytes) -> list[CloudEvent]:
    """The events of a JSON batch, in order; may be none. Raises NotAnEvent naming the first bad one."""
    try:
        raws = _decode_batch(body)
    except _UNREADABLE as error:
        raise NotAnEvent(f"the body is no JSON array: {error}") from None
    jsons = list(map(bytes, raws))
    contexts = _shapes.read_batch(body) if _is_utf8(body) else None
    if contexts and are_good(contexts):
        return list(map(CloudEvent, jsons, contexts))
    events: list[CloudEvent] = []
    for json in jsons:
        try:
            events.append(from_json(json))
        except NotAnEvent as error:
            raise NotAnEvent(f"event {len(events)} of the batch: {error}") from None
    return events


def mode_of(headers: Headers) -> str | None:
    """`binary`, `structured`, `batch` or `unknown` (a format other than JSON); None: these headers carry no event."""
    mode = _mode_of_type(header(headers, b"content-type") or b"")
    if mode is None:
        for name, _ in headers:
            if name[:3] == b"ce-":
                return "binary"
    return mode


@lru_cache(100)
def _mode_of_type(content_type: bytes) -> str | None:
    media_type = content_type.partition(b";")[0].strip().lower()
    if not media_type.startswith(b"application/cloudevents"):
        return None
    return {STRUCTURED.encode(): "structured", BATCH.encode(): "batch"}.get(media_type, "unknown")


def from_http(headers: Headers, body: bytes) -> CloudEvent:
    """The one event of a binary or structured message. Raises NotAnEvent, also for a batch."""
    mode = mode_of(headers)
    if mode == "structured":
        return from_json(body)
    if mode == "binary":
        return _from_binary(headers, body)
    if mode == "batch":
        raise NotAnEvent("batches are not taken here; post one event per request")
    if mode == "unknown":
        raise NotAnEvent(f"only {STRUCTURED} is read in structured mode")
    raise NotAnEvent(f"neither ce- headers (binary mode) nor Content-Type {STRUCTURED} (structured mode)")


def to_binary(event: CloudEvent) -> tuple[Headers, bytes]:
    """Headers (`ce-*`, and `content-type` when there are data) and body of the binary mode."""
    body, content_type = event.content()
    headers: Headers = []
    if body is not None and content_type is not None:
        headers.append((b"content-type", content_type.encode("latin-1")))
    for name, value in event.attributes.items():
        if name != "datacontenttype":
            headers.append((b"ce-" + name.encode(), _encode_header(value)))
    return headers, body or b""


def to_structured(event: CloudEvent) -> tuple[Headers, bytes]:
    """Headers and body of the structured mode: the JSON as it came."""
    return [(b"content-type", STRUCTURED.encode())], event.json


def to_batch(events: Sequence[CloudEvent]) -> tuple[Headers, bytes]:
    """Headers and body of a JSON batch: the JSON of each as it came."""
    return [(b"content-type", BATCH.encode())], join_json([event.json for event in events])


def join_json(raws: Iterable[bytes]) -> bytes:
    """A JSON array of values that are JSON already."""
    return b"".join((b"[", b",".join(raws), b"]"))


def _from_new_shape(raw: bytes) -> CloudEvent:
    """As `from_json`, whatever members there are, and of whatever types."""
    try:
        members = _decode_raw_members(raw)
        _check_utf8(raw)
    except _UNREADABLE as error:
        raise NotAnEvent(f"the body is no JSON object: {error}") from None
    data = members.pop("data", None)
    encoded = members.pop("data_base64", None)
    if encoded is not None and bytes(encoded) != b"null":
        if data is not None and bytes(data) != b"null":
            raise NotAnEvent("'data' and 'data_base64' exclude each other")
        if bytes(encoded)[:1] != b'"':
            raise NotAnEvent("'data_base64' is not a text")
        _from_base64(bytes(encoded))
    attributes: dict[str, str] = {}
    only_texts = encoded is None
    for name, member in members.items():
        value = _text(name, member)
        only_texts = only_texts and bytes(member)[:1] == b'"'
        if value is not None:
            attributes[name] = value
    check(attributes)
    if only_texts:
        _shapes.learn(attributes, has_data=data is not None)
    return _event(attributes, raw, None if encoded is not None else data)


def _is_utf8(raw: bytes) -> bool:
    if raw.isascii():
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_utf8(raw: bytes) -> None:
    # What only passes through is not decoded, so nobody else would notice.
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise NotAnEvent(f"the body is no JSON object, as it is not UTF-8: {error}") from None


def _from_binary(headers: Headers, body: bytes) -> CloudEvent:
    attributes: dict[str, str] = {}
    for header_name, raw in headers:
        if header_name == b"content-type":
            attributes["datacontenttype"] = raw.decode("latin-1").strip()
            continue
        name = _attribute_of(header_name)
        if name is None:
            continue
        if name in attributes:
            raise NotAnEvent(f"header 'ce-{name}' stands there twice")
        try:
            attributes[name] = (_unescaped(raw) if b"%" in raw or b'"' in raw else raw).decode()
        except UnicodeDecodeError:
            raise NotAnEvent(f"header 'ce-{name}' is not UTF-8") from None
    return from_parts(attributes, body)


def from_parts(attributes: dict[str, str], body: bytes) -> CloudEvent:
    """An event from what the binary mode carries apart: attributes, and the data's bytes. Raises NotAnEvent."""
    check(attributes)
    json = _encode(attributes)
    if body:
        if is_json(attributes.get("datacontenttype", "")) and is_json_text(body):
            json = json[:-1] + b',"data":' + body.strip() + b"}"
        else:
            json = json[:-1] + b',"data_base64":"' + base64.b64encode(body) + b'"}'
    return _event(attributes, json)


@lru_cache(1_000)
def _attribute_of(header_name: bytes) -> str | None:
    """The attribute that a header carries, or None. Raises NotAnEvent for the one that has a header of its own."""
    if not header_name.startswith(b"ce-"):
        return None
    if header_name == b"ce-datacontenttype":
        raise NotAnEvent("header 'ce-datacontenttype': in binary mode this is the Content-Type")
    return header_name[3:].decode("latin-1")


def _unescaped(raw: bytes) -> bytes:
    """A header's value without quotes around it and percent encoding (CloudEvents HTTP binding 3.1.3.2, decoding)."""
    if len(raw) > 1 and raw[:1] == raw[-1:] == b'"':
        raw = _QUOTED_PAIR.sub(rb"\1", raw[1:-1])
    return unquote_to_bytes(raw)


def _text(name: str, member: msgspec.Raw) -> str | None:
    """The text of an attribute, or None for null; of objects and arrays their JSON, as the Kafka broker does."""
    try:
        value = _decode(member)
        if value is None or type(value) is str:
            return value
        text = _encode(value).decode()
    except _UNREADABLE as error:
        raise NotAnEvent(f"attribute '{name}' cannot be read: {error}") from None
    if name in TEXT_ATTRIBUTES:
        raise NotAnEvent(f"attribute '{name}' is not a text")
    return text


def is_json_text(body: bytes) -> bool:
    """Whether this is JSON, in UTF-8."""
    try:
        _skip(body)
        body.decode()
    except _UNREADABLE:
        return False
    return True


def _from_base64(raw: bytes) -> bytes:
    try:
        return base64.b64decode(msgspec.json.decode(raw, type=str), validate=True)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise NotAnEvent("'data_base64' is not base64") from None


def _encode_header(value: str) -> bytes:
    if _PLAIN.fullmatch(value):
        return value.encode()
    return quote(value, safe=_HEADER_SAFE + "~-._").encode()
