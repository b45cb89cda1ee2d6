"""Random messages that may carry an event: headers and a body, near to what events look like."""

import json

from atheris import FuzzedDataProvider

NAMES = ["specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "partitionkey", "x"]
GOOD = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
TEXTS = [
    "1.0", "", "/s", "a b", "%41", "%C0%A0", '"q\\"q"', "é", "\x00", "a\r\nce-evil: 1", "2026-01-01T00:00:00Z",
    "2016-12-31T23:59:60+01:00", "application/json", "text/plain", "image/png", "TEXT/JSON; a=b", "AAEC", "😀",
    "\udead", "application/cloudevents+json", " Application/CloudEvents-batch+json",
]  # fmt: skip
VALUES = [
    b"", b"null", b"true", b"0", b"-1", b"-0", b"1.5", b"1" * 400, b"1e999", b"01", b"NaN", b"[]", b"{}",
    b'[1,{"a":"b"}]', b'"\\ud83d\\ude00"', b'"\\ude00"', b'"\\u0000"', b'"a\nb"', b"[" * 5_000 + b"]" * 5_000,
    b'{"a":{"a":1},"a":2}', b'"AAEC"', b'"?"',
]  # fmt: skip
CONTENT_TYPES = [
    b"application/cloudevents+json", b"Application/CloudEvents+JSON; charset=utf-8", b"application/json",
    b"application/cloudevents-batch+json", b"application/cloudevents+xml", b"text/plain", b"image/png", b"\xff",
]  # fmt: skip
Headers = list[tuple[bytes, bytes]]


def message(provider: FuzzedDataProvider) -> tuple[Headers, bytes]:
    """Lower case header names, and a body."""
    kind = provider.ConsumeIntInRange(0, 3)
    if kind == 0:
        return [(b"content-type", CONTENT_TYPES[0])], structured(provider)
    if kind == 1:
        return [(b"content-type", CONTENT_TYPES[3])], b"[" + structured(provider) + b"]"
    headers = [] if kind == 2 else [(f"ce-{name}".encode(), value.encode()) for name, value in GOOD.items()]
    for _ in range(provider.ConsumeIntInRange(0, 4)):
        name = provider.PickValueInList(NAMES) if provider.ConsumeBool() else provider.ConsumeUnicodeNoSurrogates(4)
        headers.append((f"ce-{name}".lower().encode(), _header(provider)))
    if provider.ConsumeBool():
        headers.append((b"content-type", provider.PickValueInList(CONTENT_TYPES)))
    return headers, provider.ConsumeBytes(64) if provider.ConsumeBool() else structured(provider)


def structured(provider: FuzzedDataProvider) -> bytes:
    """A JSON event, or what was one."""
    members = [(name, json.dumps(value).encode()) for name, value in GOOD.items()] if provider.ConsumeBool() else []
    for _ in range(provider.ConsumeIntInRange(0, 4)):
        name = provider.PickValueInList([*NAMES, "data", "data_base64"])
        raw = provider.PickValueInList(VALUES)
        if provider.ConsumeBool():
            value = json.dumps(provider.PickValueInList(TEXTS), ensure_ascii=provider.ConsumeBool())
            raw = value.encode("utf-8", "surrogatepass")
        members.append((name, raw))
    text = b"{" + b",".join(b'"' + name.encode() + b'":' + raw for name, raw in members) + b"}"
    if provider.ConsumeBool():
        return text
    at = provider.ConsumeIntInRange(0, len(text))
    return text[:at] + provider.ConsumeBytes(4) + text[at + provider.ConsumeIntInRange(0, 4) :]


def _header(provider: FuzzedDataProvider) -> bytes:
    if provider.ConsumeBool():
        return provider.PickValueInList(TEXTS).encode("utf-8", "surrogatepass").replace(b"\r\n", b"")
    return provider.ConsumeBytes(8).replace(b"\n", b"").replace(b"\r", b"")
