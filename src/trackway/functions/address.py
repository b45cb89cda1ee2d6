"""Where the broker is: its public address (``K_SINK``), or the Unix socket of a laptop's runtime, which takes
batches."""

from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct


class UnusableAddress(ValueError):
    """An address that no sink can be made of; says what is served."""


class SinkAddress(Struct, frozen=True):
    """Where events are posted to: a Unix socket's path, or host and port; ``target`` is the request's path."""

    target: str
    host: str = "localhost"
    port: int = 80
    socket: str | None = None

    @property
    def takes_batches(self) -> bool:
        """Only the local runtime's own socket does; brokers answer 400 to a batch, as Knative's do."""
        return self.socket is not None

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 80 else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"unix:{self.socket}:{self.target}" if self.socket else f"http://{self.authority}{self.target}"


_UNIX: Final = "unix:"


def parse_address(text: str) -> SinkAddress:
    """The address in ``http://host[:port]/path`` or ``unix:/path/to/socket:/path``. Raises UnusableAddress."""
    if text.startswith(_UNIX):
        socket, colon, target = text.removeprefix(_UNIX).rpartition(":")
        if not (socket and colon and target.startswith("/")):
            raise UnusableAddress(f"sink {text!r} is not of the form unix:/path/to/socket:/namespace/broker")
        return SinkAddress(target=target, socket=socket)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UnusableAddress(f"sink {text!r} is not an address: {error}") from None
    if parts.scheme != "http" or not parts.hostname:
        raise UnusableAddress(f"sink {text!r} is not served; use http://host[:port]/path (TLS is the mesh's work)")
    return SinkAddress(target=parts.path or "/", host=parts.hostname, port=port or 80)
