"""Random requests to the ingress as bytes, and what answers to them have to be."""

import httptools
from atheris import FuzzedDataProvider

from tests.fuzz.targets.wire import message

WORDS = [
    b"POST /town/Kafka HTTP/1.1\r\n", b"POST /town/MTChannelBasedBroker HTTP/1.1\r\n", b"POST /x HTTP/1.0\r\n",
    b"GET / HTTP/1.1\r\n", b"OPTIONS * HTTP/1.1\r\n", b"host: 127.0.0.1\r\n", b"host: evil.example\r\n",
    b"content-length: 2\r\n", b"content-length: 5\r\n", b"content-length: -1\r\n", b"transfer-encoding: chunked\r\n",
    b"expect: 100-continue\r\n", b"connection: close\r\n", b"connection: upgrade\r\nupgrade: websocket\r\n",
    b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\n", b"origin: http://evil.example\r\n", b"\r\n", b"{}",
    b"2\r\n{}\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n", b"0\r\n", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"content-type: application/cloudevents+json\r\n", b"x: " + b"y" * 70_000 + b"\r\n",
    b"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /s\r\nce-type: t\r\n",
]  # fmt: skip


def request(provider: FuzzedDataProvider) -> bytes:
    """A request, or what might begin or end like one."""
    if provider.ConsumeBool():
        return b"".join(provider.PickValueInList(WORDS) for _ in range(provider.ConsumeIntInRange(1, 12)))
    headers, body = message(provider)
    lines = [b"POST /town/Kafka HTTP/1.1", b"host: localhost", b"content-length: %d" % len(body)]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def statuses_of(written: bytes) -> list[int]:
    """The statuses of answers, all of which are whole and 2xx, 4xx or 100."""
    statuses = Statuses()
    if written:
        statuses.read(written)
    assert not statuses.open, written
    assert all(status == 100 or 200 <= status < 300 or 400 <= status < 500 for status in statuses.found), statuses.found
    return statuses.found


class Statuses:
    """The statuses of a line of answers."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self.open = False
        self._parser = httptools.HttpResponseParser(self)

    def read(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.open = True

    def on_headers_complete(self) -> None:
        self.found.append(self._parser.get_status_code())

    def on_message_complete(self) -> None:
        self.open = False
