"""HTTP/1.1 byte by byte, so that a test says exactly what goes over the wire and sees exactly what comes back."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

Headers = Iterable[tuple[str, str | bytes]]


class Answer(NamedTuple):
    """One answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Address:
    """The parts of an `http://` URL that a request needs."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"'{url}' is no http:// URL (for https put a proxy in front that ends TLS)")
        self.url = url
        self.host, self.port = parts.hostname, parts.port or 80
        self.authority = parts.netloc.rpartition("@")[2]
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def request(self, method: str, headers: Headers, body: bytes | None, target: str | None = None) -> bytes:
        """A whole request with a Content-Length; None for a body and no Content-Length."""
        framing = [] if body is None else [("Content-Length", str(len(body)))]
        return self.head(method, [*headers, *framing], target) + (body or b"")

    def head(self, method: str, headers: Headers, target: str | None = None) -> bytes:
        """The head of a request, with its empty line."""
        lines = [f"{method} {target or self.target} HTTP/1.1".encode(), b"Host: " + self.authority.encode()]
        lines += [
            name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) for name, value in headers
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n"


class Connection:
    """One connection to `address`; every wait on it ends after `patience` seconds with an error."""

    def __init__(self, address: Address, patience: float) -> None:
        self._socket = socket.create_connection((address.host, address.port), timeout=patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Write `data`."""
        self._socket.sendall(data)

    def receive(self, *, to_head: bool = False) -> Answer:
        """The next answer, an interim one (1xx) too. Raises ConnectionError when there is none."""
        line = self._reader.readline()
        if not line:
            raise ConnectionResetError("the broker closed the connection instead of answering")
        version, _, rest = line.decode("latin-1").partition(" ")
        assert version in {"HTTP/1.1", "HTTP/1.0"}, f"this is no HTTP/1 answer: {line!r}"
        status = int(rest[:3])
        headers: dict[str, str] = {}
        while (line := self._reader.readline()) not in {b"\r\n", b"\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        bodiless = to_head or status < 200 or status in {204, 304}
        return Answer(status, headers, b"" if bodiless else self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts: list[bytes] = []
            while size := int(self._reader.readline().partition(b";")[0], 16):
                parts.append(self._reader.read(size))
                self._reader.readline()
            while self._reader.readline().strip():
                pass
            return b"".join(parts)
        length = headers.get("content-length")
        return self._reader.read() if length is None else self._reader.read(int(length))
