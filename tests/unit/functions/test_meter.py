"""What a function counts of its requests, on each of the ways that a request may take."""

from collections import Counter
from pathlib import Path

import pytest

from tests.unit.functions.fakes import started, trip
from tests.unit.functions.peer import Peer, get
from trackway.events import BATCH_MEDIA_TYPE, to_batch, to_binary
from trackway.functions import SinkUnavailable
from trackway.functions.host import LARGEST_REQUEST
from trackway.functions.meter import ONE_IN, Meter
from trackway.metrics import Histogram
from trackway.metrics.names import FUNCTION_DURATION, FUNCTION_EVENTS, FUNCTION_REQUESTS


@pytest.fixture
async def peer(tmp_path: Path) -> Peer:
    return Peer(tmp_path)


def answers(of: Meter) -> dict[tuple[str, ...], float]:
    """By kind and status."""
    return {
        labels[1:]: value
        for metric, labels, value in of.readings("door")
        if metric is FUNCTION_REQUESTS and isinstance(value, int)
    }


def timed(of: Meter) -> dict[str, int]:
    """How many requests are in the histogram, by kind."""
    found: Counter[str] = Counter()
    for metric, (name, *labels), value in of.readings("door"):
        assert name == "door"
        if metric is FUNCTION_DURATION and isinstance(value, Histogram):
            found[labels[0]] += sum(value.counts)
            assert value.sum >= 0
    return dict(found)


def events(of: Meter) -> float:
    return next(
        value for metric, _, value in of.readings("door") if metric is FUNCTION_EVENTS and isinstance(value, int)
    )


def post(headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return b"POST / HTTP/1.1\r\n" + lines + b"content-length: %d\r\n\r\n" % len(body) + body


async def test_the_short_way_is_counted_when_it_is_answered(peer: Peer) -> None:
    meter = peer.function.meter
    peer.send(get("/hot?1"), get("/hot?2"))
    assert answers(meter) == {}
    peer.sink.acknowledge("1", "2")
    assert answers(meter) == {("request", "200"): 2}


async def test_one_in_sixteen_of_the_short_way_is_timed_for_all(peer: Peer) -> None:
    meter = peer.function.meter
    for number in range(2 * ONE_IN + 1):
        peer.send(get(f"/hot?{number}"))
        peer.sink.acknowledge(str(number))
    assert answers(meter) == {("request", "200"): 2 * ONE_IN + 1}
    assert timed(meter) == {"events": 0, "request": 2 * ONE_IN + 1}


async def test_a_broker_that_is_away_is_an_error_of_the_request(peer: Peer) -> None:
    peer.send(get("/hot?1"))
    peer.sink.posted["1"][1].failed(SinkUnavailable("away"))
    assert answers(peer.function.meter) == {("request", "503"): 1}


async def test_deliveries_are_counted_apart_with_their_events(peer: Peer) -> None:
    event = started(trip())
    peer.send(
        post(*to_binary(event)), post([(b"content-type", BATCH_MEDIA_TYPE.encode())], to_batch([event, event, event]))
    )
    await peer.settle()
    meter = peer.function.meter
    assert answers(meter) == {("events", "204"): 2}
    assert timed(meter) == {"events": 2, "request": 0}
    assert events(meter) == 4


async def test_what_the_framework_answers_is_counted_too(peer: Peer) -> None:
    peer.module.gate.set()
    peer.send(get("/cold"), get("/nowhere"))
    await peer.settle()
    meter = peer.function.meter
    assert answers(meter) == {("request", "200"): 1, ("request", "404"): 1}
    assert timed(meter) == {"events": 0, "request": 2}


async def test_what_is_refused_before_it_is_read_is_counted(peer: Peer) -> None:
    too_long = b"POST /hot HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (LARGEST_REQUEST + 1)
    peer.send(too_long)
    await peer.settle()
    assert answers(peer.function.meter) == {("request", "413"): 1}
    peer.connect()
    peer.send(b"\x00\x01 no HTTP\r\n\r\n")
    await peer.settle()
    assert answers(peer.function.meter) == {("request", "413"): 1, ("request", "400"): 1}
