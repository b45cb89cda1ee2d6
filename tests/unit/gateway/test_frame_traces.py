"""The end of a trace at the gateway: a span for each frame that tells a browser of what came in the trace."""

from collections.abc import AsyncIterator
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from realtime_gateway.codecs import JSON, Message
from realtime_gateway.frame_traces import MOST_FRAMES
from realtime_gateway.live_view import LiveView, Session
from realtime_gateway.protocol import Box, Watch
from tests.unit.gateway.facts import at, position, started
from tests.unit.gateway.serving import TENANT, Clock, fact_event
from tests.unit.tracing import FakeSpan, FakeTracing
from trackway.events import Event
from trackway.storage.memory import InMemoryStore

NORTH: Box = (-30, -60, -20, -50)


def sender(number: int, flags: str = "01") -> str:
    return f"00-{number:032x}-{number:016x}-{flags}"


def sent(fact: Struct, by: str | None) -> Event:
    return replace(fact_event(fact, f"event-{by}"), traceparent=by)


class Watching:
    """A browser: what it is sent, frame by frame."""

    def __init__(self, view: LiveView, watch: Watch) -> None:
        self.session: Session = view.join(JSON, watch)
        self._messages: AsyncIterator[Message] = self.session.messages()

    async def frame(self) -> str:
        """The next message; that before it has arrived."""
        return cast(str, await anext(self._messages))


class Gateway:
    """A live view with a tracing that keeps what it is told."""

    def __init__(self) -> None:
        self.tracing = FakeTracing("realtime-gateway")
        self.view = LiveView(InMemoryStore(), TENANT, now=Clock(at(700)), tracing=self.tracing)

    async def watching(self, box: Box | None = None) -> Watching:
        """A browser that has had its first frame."""
        browser = Watching(self.view, Watch(box=box))
        await browser.frame()
        return browser

    @property
    def frames(self) -> list[FakeSpan]:
        return [span for span in self.tracing.spans if span.name == "frame"]


async def test_the_frame_that_tells_of_an_event_ends_its_trace() -> None:
    gateway = Gateway()
    browser = await gateway.watching()
    gateway.view.receive([sent(position(second=650), sender(7))])
    await browser.frame()
    assert gateway.frames == [], "it is not sent yet"
    gateway.view.receive([sent(position(second=651), None)])
    await browser.frame()
    taken, frame = gateway.tracing.spans
    assert (taken.name, taken.parent, taken.ended) == ("process realtime-gateway", sender(7), 1)
    assert (frame.name, frame.parent, frame.ended) == ("frame", taken.traceparent, 1)
    assert frame.attributes["trackway.live.codec"] == "trackway.v1.json"
    assert "van-1" not in repr(frame)


async def test_each_browser_gets_the_trace_once_and_the_first_picture_ends_none() -> None:
    gateway = Gateway()
    browsers = [await gateway.watching() for _ in range(2)]
    gateway.view.receive([sent(position(second=650), sender(7))])
    late = Watching(gateway.view, Watch())
    for second in (651, 652):
        for browser in (*browsers, late):
            await browser.frame()
        gateway.view.receive([sent(position(second=second), sender(8, "00"))])
    for browser in (*browsers, late):
        await browser.frame()
    assert len(gateway.frames) == 2


async def test_who_watches_elsewhere_is_told_nothing_of_a_vehicle_but_of_a_trip() -> None:
    gateway = Gateway()
    browser = await gateway.watching(NORTH)
    gateway.view.receive([sent(position(second=650), sender(7)), sent(position("van-2", 650, -25, -55), sender(8))])
    await browser.frame()
    gateway.view.receive([sent(started("trip-3", "van-3"), sender(9))])
    await browser.frame()
    gateway.view.receive([sent(position("van-2", 651, -25, -55), None)])
    await browser.frame()
    assert [(frame.parent or "")[3:35] for frame in gateway.frames] == [sender(8)[3:35], sender(9)[3:35]]


async def test_of_very_many_browsers_some_are_recorded() -> None:
    gateway = Gateway()
    browsers = [await gateway.watching() for _ in range(MOST_FRAMES + 5)]
    for second in (650, 651):
        gateway.view.receive([sent(position(second=second), sender(7) if second == 650 else None)])
        for browser in browsers:
            await browser.frame()
    assert len(gateway.frames) == MOST_FRAMES


async def test_what_changes_nothing_waits_for_no_frame() -> None:
    gateway = Gateway()
    browser = await gateway.watching()
    gateway.view.receive([sent(position(second=650), None)])
    await browser.frame()
    gateway.view.receive([sent(position(second=640), sender(7))])
    gateway.view.receive([sent(position(second=651), None)])
    await browser.frame()
    gateway.view.receive([sent(position(second=652), None)])
    await browser.frame()
    assert [span.name for span in gateway.tracing.spans] == ["process realtime-gateway"]
