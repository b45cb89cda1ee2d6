"""Subscribers that misbehave, each in its own way, on plain sockets."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

OK = b"HTTP/1.1 200 OK\r\n"
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
HUGE = 100 << 20


@dataclass(frozen=True, slots=True)
class Fault:
    """What a subscriber does with a connection; `lasting` ones go on until the gate is open."""

    behave: Callable[[socket.socket, threading.Event], None]
    lasting: bool


def hangs(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    gate.wait()


def never_reads(_: socket.socket, gate: threading.Event) -> None:
    gate.wait()


def answers_byte_by_byte(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(OK + b"Content-Length: 1000000\r\n\r\n")
    while not gate.wait(0.002):
        client.sendall(b"x")


def sends_interim_answers(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    while not gate.wait(0.002):
        client.sendall(b"HTTP/1.1 102 Processing\r\nX-So: far\r\n\r\n" * 20)


def sends_header_after_header(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(OK)
    while not gate.wait(0.002):
        client.sendall(b"".join(b"X-%d: %b\r\n" % (number, b"v" * 1_000) for number in range(64)))


def sends_one_endless_header(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(OK + b"X-Endless: ")
    while not gate.wait(0.002):
        client.sendall(b"v" * 0x10000)


def answers_100_mb(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(HUGE // 0x10000):
        client.sendall(CHUNK)
    client.sendall(b"0\r\n\r\n")


def refuses_with_100_mb(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n" % HUGE)
    for _ in range(HUGE // 0x10000):
        client.sendall(b"x" * 0x10000)


def resets_in_the_body(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(OK + b"Content-Length: 100\r\n\r\nhalf")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes_in_the_body(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(OK + b"Content-Length: 100\r\n\r\nhalf")


def closes_at_once(client: socket.socket, gate: threading.Event) -> None:
    """Says nothing."""


def answers_garbage(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(bytes(range(256)) * 4)


def answers_another_protocol(client: socket.socket, gate: threading.Event) -> None:
    client.sendall(b"220 mail.example.com ESMTP\r\n")
    _read_something(client)


def answers_before_it_is_asked(client: socket.socket, gate: threading.Event) -> None:
    client.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" * 3)
    _read_something(client)


def announces_too_little(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nmuch more than that")


def announces_nonsense(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(b"HTTP/1.1 500 No\r\nContent-Length: -7\r\n\r\nx")


def breaks_a_chunk(client: socket.socket, gate: threading.Event) -> None:
    _read_something(client)
    client.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nno size\r\n")


FAULTS = {
    each.__name__.replace("_", "-"): Fault(each, lasting)
    for lasting, behaviours in {
        True: (hangs, never_reads, answers_byte_by_byte, sends_interim_answers),
        False: (
            sends_header_after_header, sends_one_endless_header, answers_100_mb, refuses_with_100_mb,
            resets_in_the_body, closes_in_the_body, closes_at_once, answers_garbage, answers_another_protocol,
            answers_before_it_is_asked, announces_too_little, announces_nonsense, breaks_a_chunk,
        ),
    }.items()
    for each in behaviours
}  # fmt: skip


class FaultyServer:
    """Does to every connection what its fault says."""

    def __init__(self, fault: Fault) -> None:
        self.gate = threading.Event()
        self.connections = 0
        self._fault = fault
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let everything go and stop listening."""
        self.gate.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            self._fault.behave(client, self.gate)


def _read_something(client: socket.socket) -> None:
    client.recv(0x10000)
