"""The broker under test, as a client sees it: one address, and what may be expected of its class."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from .wire import Address, Answer, Connection, Headers

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
KAFKA, CHANNEL = "kafka", "channel"


class Broker:
    """A broker of class `kind` at `url`."""

    def __init__(self, url: str, kind: str, namespace: str, patience: float) -> None:
        self.address = Address(url)
        self.kind = kind
        self.namespace = namespace
        self._patience = patience

    @property
    def is_kafka(self) -> bool:
        """Whether the Kafka broker's way is expected where the two classes differ."""
        return self.kind == KAFKA

    def connect(self) -> Connection:
        """A connection of one's own."""
        return Connection(self.address, self._patience)

    def send(self, method: str, headers: Headers, body: bytes | None = None, target: str | None = None) -> Answer:
        """The answer to one request on a connection of its own."""
        with self.connect() as connection:
            connection.send(self.address.request(method, [*headers, ("Connection", "close")], body, target))
            return connection.receive(to_head=method == "HEAD")

    def post(self, headers: Headers, body: bytes = b"") -> Answer:
        """The answer to a POST."""
        return self.send("POST", headers, body)

    def post_binary(
        self, event: Mapping[str, str], data: bytes = b"", content_type: str | None = "application/json"
    ) -> Answer:
        """The answer to an event in binary mode."""
        return self.post(binary(event, content_type if data else None), data)

    def post_structured(self, event: Mapping[str, Any] | bytes, content_type: str = STRUCTURED) -> Answer:
        """The answer to an event in structured mode, given as its members or as the bytes of the body."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return self.post([("Content-Type", content_type)], body)

    def accepts(self, event: Mapping[str, str], data: bytes = b"{}") -> str:
        """Post an event in binary mode, which has to be accepted; gives its id."""
        answer = self.post_binary(event, data)
        assert answer.status == 202, f"{event} was answered {answer.status} {answer.body!r}"
        return event["id"]


def event(type: str = "conformance.any", **more: str) -> dict[str, str]:
    """The attributes of a small valid event with an id of its own."""
    return {"specversion": "1.0", "id": uuid4().hex, "source": "/conformance/suite", "type": type, **more}


def binary(event: Mapping[str, str], content_type: str | None = None) -> list[tuple[str, str | bytes]]:
    """The headers of the binary mode, values encoded as CloudEvents' HTTP binding 3.1.3.2 says."""
    headers: list[tuple[str, str | bytes]] = [("ce-" + name, encoded(value)) for name, value in event.items()]
    return headers if content_type is None else [*headers, ("Content-Type", content_type)]


def encoded(value: str) -> str:
    """A header value: percent-encoded are space, double quote, percent and what is not printable ASCII."""
    return "".join(char if "!" <= char <= "~" and char not in '"%' else quote(char) for char in value)


def reply(event: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The headers by which a subscriber's answer carries an event with JSON data."""
    return (*((f"ce-{name}", encoded(value)) for name, value in event.items()), ("Content-Type", "application/json"))


def from_base64(text: str) -> bytes:
    """The bytes that `text` stands for."""
    return base64.b64decode(text, validate=True)
