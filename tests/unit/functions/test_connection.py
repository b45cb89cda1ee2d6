"""A function's connection: what is answered from it, what falls through, how and in which order answers leave."""

from pathlib import Path

import pytest

from tests.unit.functions.fakes import started, trip
from tests.unit.functions.peer import COLD, HOT, SLOW, Peer, get
from trackway.events import Event, to_batch, to_binary
from trackway.functions import SinkUnavailable
from trackway.functions.connection import LARGEST_HEAD, MOST_TURNS
from trackway.functions.host import LARGEST_REQUEST
from trackway.metrics.names import FUNCTION_REQUESTS

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def peer(tmp_path: Path) -> Peer:
    return Peer(tmp_path)


async def test_a_hot_route_is_answered_when_the_broker_has_the_event_and_not_before(peer: Peer) -> None:
    peer.send(get("/hot?1"))
    await peer.settle()
    assert peer.heard == b""
    peer.sink.acknowledge("1")
    assert peer.transport.writes == [HOT]


async def test_a_hot_route_takes_a_trace_into_its_event(peer: Peer) -> None:
    peer.send(get("/hot?1", f"Traceparent: {TRACE}"), get("/hot?2"), get("/hot?3", "traceparent: mine"))
    assert [event.traceparent for event, _ in peer.sink.posted.values()] == [TRACE, None, None]


async def test_answers_leave_in_the_order_of_the_requests_in_one_write(peer: Peer) -> None:
    """RFC 9112, 9.3.2: a server MUST send the corresponding responses in the same order that the requests were
    received."""
    peer.send(*(get(f"/hot?{number}") for number in range(3)))
    peer.sink.acknowledge("2", "1")
    await peer.settle()
    assert peer.heard == b""
    peer.sink.acknowledge("0")
    await peer.settle()
    assert peer.transport.writes == [HOT * 3]


async def test_what_is_passed_on_keeps_its_place_and_what_is_behind_it_waits(peer: Peer) -> None:
    peer.send(get("/hot?1"), get("/cold"), get("/hot?2"), get("/cold"), get("/hot?3"))
    assert list(peer.sink.posted) == ["1"]
    peer.sink.acknowledge("1")
    await peer.hears(HOT)
    peer.module.gate.set()
    await peer.hears(HOT + COLD)
    assert list(peer.sink.posted) == ["1", "2"]
    peer.sink.acknowledge("2")
    await peer.hears(HOT + COLD + HOT + COLD)
    peer.sink.acknowledge("3")
    await peer.hears(HOT + COLD + HOT + COLD + HOT)
    assert not peer.transport.is_closed


@pytest.mark.parametrize(
    "request_",
    [
        get("/hot?odd"),
        get("/hot?bug"),
        get("/hot?1", "content-length: 2") + b"{}",
        get("/hot?1", "expect: 100-continue"),
    ],
    ids=["odd", "bug", "body", "expect"],
)
async def test_what_the_short_way_does_not_take_goes_the_long_way(peer: Peer, request_: bytes) -> None:
    peer.send(request_)
    await peer.hears(SLOW)
    assert peer.sink.posted == {}


@pytest.mark.parametrize("pieces", [1, 2, 3])
async def test_what_asks_again_with_the_same_headers_is_answered_the_same(peer: Peer, pieces: int) -> None:
    lines = "User-Agent: device", f"traceparent: {TRACE}"
    requests = [get(f"/hot?{number}", *lines) for number in range(12)]
    for at in range(0, 12, pieces):
        peer.send(*requests[at : at + pieces])
    assert [event.id for event, _ in peer.sink.posted.values()] == [str(number) for number in range(12)]
    assert {event.traceparent for event, _ in peer.sink.posted.values()} == {TRACE}
    peer.sink.acknowledge(*peer.sink.posted)
    await peer.hears(HOT * 12)


async def test_known_headers_are_known_only_when_they_are_there_whole(peer: Peer) -> None:
    request = get("/hot?1")
    for cut in range(len(request)):
        peer.send(request[:cut])
        peer.send(request[cut:])
        peer.sink.acknowledge("1")
        assert peer.heard == HOT * (cut + 1)


async def test_known_headers_do_not_hide_what_comes_with_them(peer: Peer) -> None:
    peer.module.gate.set()
    peer.send(get("/hot?1"))
    for piece in [
        get("/hot?2"),
        get("/cold"),
        get("/hot?with space".replace(" ", "%20")) + get("/hot?3")[:20],
        get("/hot?3")[20:],
        get("/hot?4", method="POST"),
        get("/hot?5", "connection: close"),
        get("/hot?6"),
    ]:
        peer.send(piece)
        peer.sink.acknowledge(*peer.sink.posted.keys() - peer.sink.acknowledged)
        await peer.settle()
    assert list(peer.sink.posted) == ["1", "2", "with%20space", "3", "4", "5"]
    assert peer.heard.count(b"HTTP/1.1 200 OK") == 7
    assert peer.transport.is_closed


@pytest.mark.parametrize("line", ["connection: close", "content-length: 2", "transfer-encoding: chunked"])
async def test_headers_that_say_more_than_what_they_are_called_are_never_known(peer: Peer, line: str) -> None:
    for _ in range(3):
        peer.connect()
        peer.send(get("/hot?1", line))
        peer.sink.acknowledge(*peer.sink.posted)
        if line == "connection: close":
            assert peer.transport.is_closed
        else:
            assert peer.heard == b"", "the body is yet to come"


@pytest.mark.parametrize("target", ["/hot?a b", "/hot?\x01", "/hot?a#b", "hot?a"])
async def test_known_headers_do_not_make_a_target_of_what_is_none(peer: Peer, target: str) -> None:
    """As the parser judges it: refused, or passed on, and never the short way."""
    peer.send(get("/hot?1"))
    peer.sink.acknowledge("1")
    peer.send(get("/hot?2"), get(target))
    assert list(peer.sink.posted) == ["1", "2"]


async def test_a_request_in_pieces_is_the_same_request(peer: Peer) -> None:
    for at in get("/hot?long-query", "some: header"):
        peer.send(bytes([at]))
    peer.sink.acknowledge("long-query")
    assert peer.transport.writes == [HOT]


async def test_what_the_broker_does_not_take_is_told_by_the_same_table(peer: Peer) -> None:
    peer.send(get("/hot?1"), get("/hot?2"))
    peer.sink.posted["1"][1].failed(SinkUnavailable("the broker is away"))
    peer.sink.acknowledge("2")
    await peer.hears(HOT)
    assert peer.heard.startswith(b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n")
    assert b"retry-after: 1\r\n" in peer.heard
    assert b"the broker is away" in peer.heard


@pytest.mark.parametrize("request_", [get("/hot?1", "connection: close"), get("/hot?1", version="1.0")])
async def test_a_connection_ends_after_the_request_that_says_so(peer: Peer, request_: bytes) -> None:
    peer.module.gate.set()
    peer.send(request_, get("/hot?2"))
    await peer.settle()
    if "1" in peer.sink.posted:
        peer.sink.acknowledge("1")
    await peer.hears(b"connection: close\r\n")
    assert peer.transport.is_closed
    assert "2" not in peer.sink.posted
    assert peer.heard.count(b"HTTP/1.1 ") == 1


async def test_a_batch_is_delivered_straight_to_the_handler(peer: Peer) -> None:
    events = [started(trip(f"trip-{number}")) for number in range(1)]
    body = to_batch(events)
    peer.send(
        get("/", "content-type: application/cloudevents-batch+json", f"content-length: {len(body)}", method="POST")
        + body
    )
    await peer.hears(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert peer.module.handled == events


async def test_a_delivery_comes_in_chunks_and_its_trailers_are_no_headers(peer: Peer) -> None:
    event = started(trip())
    headers, data = to_binary(event)
    lines = [f"{name.decode()}: {value.decode()}" for name, value in headers]
    chunks = [b"%x\r\n%b\r\n" % (len(data[at : at + 7]), data[at : at + 7]) for at in range(0, len(data), 7)]
    for piece in [
        get("/", *lines, "transfer-encoding: chunked", "trailer: ce-id", method="POST"),
        *chunks,
        b"0\r\nce-id: other\r\n\r\n",
    ]:
        peer.send(piece)
    await peer.hears(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert peer.module.handled == [event]


async def test_a_reply_is_in_the_answer(peer: Peer) -> None:
    event = Event(id="1", source="/s", type="t", subject="echo", data=b'{"a":1}')
    headers, data = to_binary(event)
    lines = [f"{name.decode()}: {value.decode()}" for name, value in headers]
    peer.send(get("/", *lines, "prefer: reply", f"content-length: {len(data)}", method="POST") + data)
    await peer.hears(b'\r\n\r\n{"a":1}')
    assert b"ce-id: 1\r\n" in peer.heard


async def test_an_attribute_cannot_break_out_of_its_header(peer: Peer) -> None:
    body = (
        b'{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"echo",'
        b'"datacontenttype":"text/plain\\r\\nset-cookie: a=b","data":"x"}'
    )
    head = get(
        "/",
        "content-type: application/cloudevents+json",
        "prefer: reply",
        f"content-length: {len(body)}",
        method="POST",
    )
    peer.send(head + body)
    await peer.hears(b"HTTP/1.1 400 ")
    assert b"\r\nset-cookie" not in peer.heard


async def test_a_body_that_is_too_large_is_refused_before_it_is_read_and_the_connection_goes_on(peer: Peer) -> None:
    peer.send(get("/hot?1", f"content-length: {LARGEST_REQUEST + 1}", method="POST"))
    await peer.hears(b"HTTP/1.1 413 ")
    for _ in range(LARGEST_REQUEST // 65536):
        peer.send(b"x" * 65536)
    peer.send(b"x", get("/hot?2"))
    peer.sink.acknowledge("2")
    await peer.hears(HOT)


async def test_a_chunked_body_that_grows_too_large_is_refused(peer: Peer) -> None:
    peer.send(get("/hot?1", "transfer-encoding: chunked", method="POST"))
    for _ in range(LARGEST_REQUEST // 65536):
        peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    assert peer.heard == b""
    peer.send(b"1\r\nx\r\n")
    await peer.hears(b"HTTP/1.1 413 ")
    peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n0\r\n\r\n", get("/hot?2"))
    peer.sink.acknowledge("2")
    await peer.hears(HOT)


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02", b"GET /hot HTTP/1.1\r\nno colon\r\n\r\n", get("/hot", "content-length: x")]
)
async def test_what_is_not_http_is_told_after_what_came_before_and_ends_the_connection(
    peer: Peer, garbage: bytes
) -> None:
    peer.send(get("/hot?1"), garbage)
    peer.send(get("/hot?2"))
    peer.sink.acknowledge("1")
    await peer.hears(b"application/problem+json")
    assert peer.heard.startswith(HOT + b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n")
    assert peer.transport.is_closed
    assert "2" not in peer.sink.posted


async def test_a_delivery_that_breaks_off_in_its_body_is_refused(peer: Peer) -> None:
    peer.send(get("/", "content-type: application/cloudevents+json", "transfer-encoding: chunked", method="POST"))
    peer.send(b"no size\r\n")
    await peer.hears(b"HTTP/1.1 400 ")
    assert peer.transport.is_closed


@pytest.mark.parametrize("is_behind", [False, True])
async def test_a_refused_body_that_breaks_off_ends_the_connection(peer: Peer, is_behind: bool) -> None:
    if is_behind:
        peer.send(get("/hot?1"))
    peer.send(get("/hot?2", "transfer-encoding: chunked", method="POST"))
    for _ in range(LARGEST_REQUEST // 65536 + 1):
        peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    peer.send(b"no size\r\n")
    peer.sink.acknowledge(*peer.sink.posted)
    await peer.settle()
    assert peer.heard.count(b"HTTP/1.1 ") == 1 + is_behind
    assert b"HTTP/1.1 413 " in peer.heard
    assert peer.transport.is_closed


@pytest.mark.parametrize("size", [1024, 65536])
async def test_a_head_without_end_is_refused(peer: Peer, size: int) -> None:
    peer.send(b"GET /hot?1 HTTP/1.1\r\nhost: x\r\nlong: ")
    for _ in range(LARGEST_HEAD // size + 1):
        assert not peer.transport.is_closed
        peer.send(b"x" * size)
    await peer.hears(b"HTTP/1.1 431 ")
    assert peer.transport.is_closed


async def test_a_head_that_is_too_long_is_refused_also_in_one_piece(peer: Peer) -> None:
    peer.send(get("/hot?1", "long: " + "x" * LARGEST_HEAD), get("/hot?2"))
    await peer.hears(b"HTTP/1.1 431 ")
    assert peer.transport.is_closed
    assert peer.sink.posted == {}


async def test_many_requests_in_one_piece_are_not_a_long_head(peer: Peer) -> None:
    count = LARGEST_HEAD // len(get("/hot?1000")) + 10
    peer.send(*(get(f"/hot?{number}") for number in range(count)), b"GET /hot?last HTTP/1.1\r\n")
    peer.send(b"host: x\r\n\r\n")
    assert len(peer.sink.posted) == count + 1


async def test_who_does_not_wait_for_answers_is_not_read_without_end(peer: Peer) -> None:
    ids = [str(number) for number in range(MOST_TURNS + 1)]
    peer.send(*(get(f"/hot?{each}") for each in ids))
    assert not peer.transport.is_reading
    peer.sink.acknowledge(*ids)
    await peer.hears(HOT * len(ids))
    assert peer.transport.is_reading


async def test_who_does_not_read_answers_is_not_read_either(peer: Peer) -> None:
    peer.connection.pause_writing()
    assert not peer.transport.is_reading
    peer.connection.resume_writing()
    assert peer.transport.is_reading


async def test_an_offered_upgrade_is_passed_over(peer: Peer) -> None:
    """RFC 9110, 7.8: a server MAY ignore a received Upgrade header field."""
    peer.send(get("/hot?1", "connection: upgrade", "upgrade: h2c"), get("/hot?2"))
    peer.sink.acknowledge("1", "2")
    await peer.hears(HOT + HOT)


async def test_a_stop_lets_what_is_under_way_end_and_takes_nothing_more(peer: Peer) -> None:
    peer.send(get("/hot?1"), get("/hot?2"))
    peer.connection.shutdown()
    peer.send(get("/hot?3"))
    peer.sink.acknowledge("1", "2")
    await peer.hears(b"connection: close\r\n")
    assert peer.heard == HOT + HOT.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
    assert peer.transport.is_closed
    assert "3" not in peer.sink.posted


async def test_a_stop_lets_what_was_passed_on_end(peer: Peer) -> None:
    peer.send(get("/hot?1"), get("/cold"))
    peer.connection.shutdown()
    peer.sink.acknowledge("1")
    peer.module.gate.set()
    await peer.hears(b'"cold"')
    assert b"connection: close\r\n" in peer.heard
    assert peer.transport.is_closed


async def test_who_asks_whether_requests_may_come_is_told_at_once_and_not_counted(peer: Peer) -> None:
    """As kubelets, queue-proxies and knative-local ask."""
    ready = b"HTTP/1.1 204 No Content\r\n\r\n"
    peer.send(get("/healthz", "User-Agent: kube-probe/1.35"), get("/healthz"))
    await peer.hears(ready * 2)
    assert [row for row in peer.function.meter.readings("door") if row[0] is FUNCTION_REQUESTS] == []
    peer.send(get("/hot?1"), get("/healthz"))
    peer.sink.acknowledge("1")
    await peer.hears(HOT + ready)


async def test_who_asks_while_the_process_drains_is_told_that_it_ends(peer: Peer) -> None:
    peer.function.deps.draining = True
    peer.send(get("/healthz", "Connection: close"))
    await peer.hears(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert peer.transport.is_closed


async def test_health_is_asked_by_get_and_of_nothing_else(peer: Peer) -> None:
    peer.send(get("/healthz", "Content-Length: 0", method="PUT"))
    await peer.hears(b"HTTP/1.1 404")


async def test_a_stop_closes_what_is_idle(peer: Peer) -> None:
    peer.connection.shutdown()
    assert peer.transport.is_closed


async def test_an_idle_connection_is_closed_after_a_minute_but_not_while_an_answer_is_owed(peer: Peer) -> None:
    peer.loop.move(59)
    peer.send(get("/hot?1"))
    peer.loop.move(59)
    peer.loop.move(600)
    assert not peer.transport.is_closed
    peer.sink.acknowledge("1")
    peer.loop.move(59)
    assert not peer.transport.is_closed
    peer.loop.move(60)
    assert peer.transport.is_closed


async def test_an_acknowledgement_after_the_peer_has_gone_is_nobodys(peer: Peer) -> None:
    peer.send(get("/hot?1"), get("/hot?2"), get("/cold"))
    peer.connection.connection_lost(ConnectionResetError())
    peer.sink.acknowledge("1", "2")
    await peer.settle()
    assert peer.heard == b""
    assert not peer.state.connections
