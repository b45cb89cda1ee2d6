"""HTTP/1.1 at the Broker's address: connections that last, pipelining, chunked bodies, Expect."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from .broker import STRUCTURED, Broker, binary, event


def test_a_connection_takes_one_event_after_the_other(broker: Broker) -> None:
    """RFC 9112, 9.3: "HTTP/1.1 defaults to the use of persistent connections"."""
    with broker.connect() as connection:
        for _ in range(20):
            connection.send(broker.address.request("POST", binary(event(), "application/json"), b"{}"))
            assert connection.receive().status == 202


def test_a_refused_event_does_not_end_the_connection_for_the_next(broker: Broker) -> None:
    """RFC 9112, 9.3: a refusal with a whole answer leaves the connection as it was, or says `Connection: close`."""
    with broker.connect() as connection:
        connection.send(broker.address.request("POST", [("Content-Type", STRUCTURED)], b"{}"))
        answer = connection.receive()
        assert answer.status == 400
        if answer.headers.get("connection", "").lower() != "close":
            connection.send(broker.address.request("POST", binary(event()), b""))
            assert connection.receive().status == 202


def test_pipelined_requests_are_answered_in_order(broker: Broker) -> None:
    """RFC 9112, 9.3.2: a server "MUST send the corresponding responses in the same order that the requests were
    received"."""
    good = broker.address.request("POST", binary(event(), "application/json"), b"{}")
    bad = broker.address.request("POST", [("Content-Type", STRUCTURED)], b"[]")
    unknown = broker.address.request("POST", binary(event()), b"", broker.address.target.rstrip("/") + "-not")
    wanted = {good: 202, bad: 400, unknown: 404}
    line = [good, bad, good, unknown, good, good, bad, unknown, unknown, good]
    with broker.connect() as connection:
        connection.send(b"".join(line))
        assert [connection.receive().status for _ in line] == [wanted[request] for request in line]


def test_a_request_may_come_byte_by_byte(broker: Broker) -> None:
    """RFC 9112, 2.2: what is read does not depend on how it is split."""
    with broker.connect() as connection:
        for byte in broker.address.request("POST", binary(event(), "application/json"), b'{"a": 1}'):
            connection.send(bytes([byte]))
        assert connection.receive().status == 202


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([b"all of it"], id="one"),
        pytest.param([b"1", b"23456", b"7"], id="several"),
        pytest.param([], id="none"),
    ],
)
def test_a_chunked_body_is_read(broker: Broker, chunks: list[bytes]) -> None:
    """RFC 9112, 7.1: "A recipient MUST be able to parse and decode the chunked transfer coding"."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    with broker.connect() as connection:
        head = [*binary(event(), "text/plain"), ("Transfer-Encoding", "chunked")]
        connection.send(broker.address.head("POST", head) + body)
        assert connection.receive().status == 202
        connection.send(broker.address.request("POST", binary(event()), b""))
        assert connection.receive().status == 202


def test_a_structured_event_in_chunks_with_extensions_and_trailers_is_read(broker: Broker) -> None:
    """RFC 9112, 7.1.1: "A recipient MUST ignore unrecognized chunk extensions", and 7.1.2 of trailers."""
    text = json.dumps({**event(), "data": {"a": 1}}).encode()
    chunks = b"%x;name=value\r\n%b\r\n%X\r\n%b\r\n0\r\n" % (10, text[:10], len(text) - 10, text[10:])
    with broker.connect() as connection:
        head = [("Content-Type", STRUCTURED), ("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")]
        connection.send(broker.address.head("POST", head) + chunks + b"X-Sum: 1\r\n\r\n")
        assert connection.receive().status == 202
        connection.send(broker.address.request("POST", binary(event()), b""))
        assert connection.receive().status == 202


def test_expect_100_continue_is_answered(broker: Broker) -> None:
    """RFC 9110, 10.1.1: a server that gets the expectation sends 100, or a final status."""
    with broker.connect() as connection:
        head = [*binary(event(), "application/json"), ("Content-Length", "2"), ("Expect", "100-continue")]
        connection.send(broker.address.head("POST", head))
        answer = connection.receive()
        if answer.status == 100:
            connection.send(b"{}")
            answer = connection.receive()
        assert answer.status == 202


def test_connection_close_is_honoured(broker: Broker) -> None:
    """RFC 9112, 9.6: after a request with `close` the server closes the connection once it has answered."""
    with broker.connect() as connection:
        connection.send(broker.address.request("POST", [*binary(event()), ("Connection", "close")], b""))
        assert connection.receive().status == 202
        with pytest.raises(ConnectionError):
            connection.receive()


@pytest.mark.parametrize(
    "junk",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"no HTTP at all\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
)  # fmt: skip
def test_junk_is_refused_and_disturbs_nobody(broker: Broker, junk: bytes) -> None:
    """RFC 9112, 2.2: what is no HTTP gets 400 and a closed connection; others do not notice."""
    with broker.connect() as bad, broker.connect() as good:
        bad.send(junk)
        good.send(broker.address.request("POST", binary(event()), b""))
        assert good.receive().status == 202
        with suppress(ConnectionError):  # closed without a word is an answer too
            assert 400 <= bad.receive().status < 600
