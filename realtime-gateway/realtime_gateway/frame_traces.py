"""The end of a trace: which frames told the browsers of the events that came in it."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from realtime_gateway.codecs import Message
from realtime_gateway.hub import Hub, Subscriber
from trackway.events import TYPES, Event, PositionRecorded
from trackway.telemetry.delivered import delivered, senders_of
from trackway.telemetry.tracing import Kind, Tracing

MOST_WAITING: Final = 256
"""Traces that may wait for their frames; of those before them nobody will hear."""

MOST_FRAMES: Final = 16
"""So many frames are recorded in a trace, however many browsers watch."""

_POSITION: Final = TYPES[PositionRecorded]


class _Waiting(Struct):
    """Events of one sender that the hub has: they are in the frames that go from before ``offset`` past it.
    ``vehicles`` are whose positions they are; where there is something else among them, which all are told, it is
    None."""

    traceparent: str
    offset: int
    vehicles: frozenset[str | None] | None
    left: int = MOST_FRAMES


class FrameTraces:
    """The spans of a hub: one for what it is given, one for each frame that tells of it."""

    def __init__(self, tracing: Tracing, hub: Hub) -> None:
        self._tracing = tracing
        self._hub = hub
        self._waiting: deque[_Waiting] = deque(maxlen=MOST_WAITING)

    def take(self, events: Sequence[Event], take: Callable[[Sequence[Event]], None]) -> None:
        """Have the hub take the events in, by ``take``."""
        before = self._hub.fleet.offset
        with delivered(self._tracing, events) as spans:
            take(events)
        offset = self._hub.fleet.offset
        if spans and offset > before:
            senders = senders_of(events)
            self._waiting.extend(
                _Waiting(traceparent, offset, _vehicles(senders[sender])) for sender, traceparent in spans.items()
            )

    def sent(self, subscriber: Subscriber, since: int, message: Message, began_ns: int) -> None:
        """A frame went to a browser whose frame before was that of ``since``; it was begun at ``began_ns``."""
        if since < 0:  # the first frame says how everything is, whatever happened
            return
        for waiting in reversed(self._waiting):
            if waiting.offset <= since:
                break
            if waiting.left and waiting.offset <= subscriber.since and _tells(subscriber, waiting):
                waiting.left -= 1
                self._record(subscriber, waiting, message, began_ns)

    def _record(self, subscriber: Subscriber, waiting: _Waiting, message: Message, began_ns: int) -> None:
        about = {
            "network.protocol.name": "websocket",
            "trackway.live.codec": subscriber.codec.subprotocol,
            "trackway.live.offset": subscriber.since,
            "trackway.live.size": len(message),
        }
        span = self._tracing.begin("frame", Kind.PRODUCER, waiting.traceparent, attributes=about, start_ns=began_ns)
        if span is not None:
            span.end()


def _vehicles(events: Sequence[Event]) -> frozenset[str | None] | None:
    if any(event.type != _POSITION for event in events):
        return None
    return frozenset(event.partitionkey for event in events)


def _tells(subscriber: Subscriber, waiting: _Waiting) -> bool:
    """Who watches a part of the map is told of the vehicles in it only."""
    return subscriber.seen is None or waiting.vehicles is None or not subscriber.seen.isdisjoint(waiting.vehicles)
