"""The live socket on a real server: watching, coming back, and what ends it."""

import asyncio
import socket as sockets
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from realtime_gateway.codecs import CODECS, JSON, MESSAGE_PACK, Codec
from realtime_gateway.protocol import Notice, Reset, Resume, Update, Watch
from tests.unit.gateway.facts import NOON, finished, position, progressed, started
from tests.unit.gateway.serving import Fragile, Serving, hear, say, serving


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """How the other side closes, after whatever it still says."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.subprotocol)
async def test_a_watcher_sees_everything_then_what_changes(codec: Codec) -> None:
    async with serving() as here, here.socket(codec) as socket:
        assert socket.subprotocol == codec.subprotocol
        await here.feed(started(), position(second=1))
        await say(socket, Watch(), codec)
        reset = await hear(socket, codec)
        assert isinstance(reset, Reset)
        assert [v.vehicle_id for v in reset.vehicles] == ["van-1"]
        await here.feed(position(second=2), progressed(fraction=0.25))
        update = await hear(socket, codec)
        assert isinstance(update, Update)
        assert update.offset > reset.offset
        assert [t.fraction for t in update.trips] == [0.25]
        await here.feed(finished())
        assert [t.status for t in (await hear_update(socket, codec)).trips] == ["finished"]


async def hear_update(socket: ClientConnection, codec: Codec = JSON) -> Update:
    frame = await hear(socket, codec)
    assert isinstance(frame, Update)
    return frame


async def test_many_changes_of_one_moment_are_one_frame() -> None:
    async with serving() as here, here.socket() as socket:
        await say(socket, Watch())
        await hear(socket)
        for second in range(50):
            await here.feed(position(second=second), position("van-2", second=second))
        update = await hear_update(socket)
        assert sorted(v.vehicle_id for v in update.vehicles) == ["van-1", "van-2"]
        assert update.offset == here.gateway.view.hub.fleet.offset


async def test_a_later_watch_is_answered_at_once() -> None:
    async with serving() as here, here.socket() as socket:
        await here.feed(position("in"), position("out", lat=10))
        await say(socket, Watch(box=(-35.0, -57.0, -34.0, -56.0)))
        await hear(socket)
        await say(socket, Watch(box=(9.0, -57.0, 11.0, -56.0)))
        assert [v.vehicle_id for v in (await hear_update(socket)).vehicles] == ["out"]


async def test_who_comes_back_gets_an_update_and_after_a_restart_a_reset() -> None:
    async with serving() as here:
        await here.feed(position(), position("van-2"))
        async with here.socket() as socket:
            await say(socket, Watch())
            reset = await hear(socket)
        assert isinstance(reset, Reset)
        resume = Resume(epoch=reset.epoch, offset=reset.offset)
        await here.feed(position("van-2", second=1))
        async with here.socket() as socket:
            await say(socket, Watch(resume=resume))
            assert [v.vehicle_id for v in (await hear_update(socket)).vehicles] == ["van-2"]
    async with serving() as again, again.socket() as socket:
        await say(socket, Watch(resume=resume))
        assert isinstance(await hear(socket), Reset)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{", "not a watch: "),
        ('{"kind":"watch","box":[0,0,0,181]}', "box[3]"),
        ('{"kind":"reset"}', "kind"),
    ],
)
async def test_a_message_that_is_no_watch_closes_with_4400_and_the_field(message: str, reason: str) -> None:
    async with serving() as here, here.socket() as socket:
        await socket.send(message)
        code, why = await closed(socket)
        assert code == 4400
        assert why.startswith(reason)


async def test_a_later_message_that_is_no_watch_closes_too() -> None:
    async with serving() as here, here.socket() as socket:
        await say(socket, Watch())
        await hear(socket)
        await socket.send('{"kind":"watch","zoom":"near"}')
        assert await closed(socket) == (4400, "zoom: Expected `float | null`, got `str`")


async def test_a_message_over_64_kib_closes_with_1009() -> None:
    async with serving() as here, here.socket() as socket:
        await socket.send("x" * (64 * 1024 + 1))
        assert (await closed(socket))[0] == 1009


async def test_who_says_nothing_is_closed_with_4408() -> None:
    async with serving() as here:
        here.gateway.sockets.patience = 0.05
        async with here.socket() as socket:
            assert (await closed(socket))[0] == 4408


async def test_one_socket_too_many_is_closed_with_1013() -> None:
    async with serving(max_sockets=1) as here, here.socket() as first:
        await say(first, Watch())
        await hear(first)
        async with here.socket() as second:
            assert await closed(second) == (1013, "too many sockets")
        await first.close()
        async with here.socket() as third:
            await say(third, Watch())
            assert isinstance(await hear(third), Reset)


async def test_a_gateway_that_stops_says_1001() -> None:
    async with serving() as here, here.socket() as socket, here.socket() as silent:
        await say(socket, Watch())
        await hear(socket)
        here.server.should_exit = True
        assert (await closed(socket))[0] == 1001
        assert (await closed(silent))[0] == 1001


async def test_sockets_of_a_gateway_that_stops_are_closed_one_after_the_other_and_go_on_until_then() -> None:
    """So that the other gateways are not asked by all of them in the same moment."""
    asked: list[float] = []
    moments: list[asyncio.Event] = []

    async def pause(seconds: float) -> None:
        asked.append(seconds)
        moments.append(asyncio.Event())
        await moments[-1].wait()

    async with serving(drain_seconds=8) as here, AsyncExitStack() as stack:
        here.gateway.sockets.pause = pause
        sockets = [await stack.enter_async_context(here.socket()) for _ in range(4)]
        for socket in sockets:
            await say(socket, Watch())
            await hear(socket)
        here.server.should_exit = True
        async with asyncio.timeout(5):
            while len(moments) < len(sockets):
                await asyncio.sleep(0)
        assert all(0 <= seconds <= 8 for seconds in asked)
        assert len(set(asked)) == len(asked)
        await here.feed(position())
        for socket in sockets:
            await hear_update(socket)
        for told, moment in enumerate(moments, start=1):
            moment.set()
            async with asyncio.timeout(5):
                while not (codes := [socket.close_code for socket in sockets if socket.close_code is not None])[
                    told - 1 :
                ]:
                    await asyncio.sleep(0)
            assert codes == [1001] * told


async def test_a_page_of_another_host_is_refused_and_one_that_is_allowed_is_not() -> None:
    async with serving(origins=["https://friend.example"]) as here:
        with pytest.raises(InvalidStatus) as refused:
            await here.socket(origin="https://evil.example").__aenter__()
        assert refused.value.response.status_code == 403
        for origin in ("https://friend.example", f"http://127.0.0.1:{here.port}"):
            async with here.socket(origin=origin) as socket:
                await say(socket, Watch())
                assert isinstance(await hear(socket), Reset)


async def test_a_client_that_does_not_read_costs_one_message_and_is_dropped() -> None:
    async with serving() as here:
        here.gateway.sockets.patience = 0.3
        async with slow_socket(here), here.socket(MESSAGE_PACK) as reader:
            await say(reader, Watch(), MESSAGE_PACK)
            await hear(reader, MESSAGE_PACK)
            fleet = [f"van-{number:04}-{'x' * 40}" for number in range(2000)]
            second = 0
            while len(here.gateway.view.hub.subscribers) > 1:
                second += 1
                await here.feed(*(position(vehicle, second=second) for vehicle in fleet))
                newest = (await hear_update(reader, MESSAGE_PACK)).vehicles
                assert {v.recorded_ms for v in newest} == {1000 * (NOON.timestamp() + second)}
            await hear_until_alone(here)


class slow_socket:  # noqa: N801 - used as the function of a with statement
    """A client that says a watch and never reads; its receive buffer is small, so that little hides in the kernel."""

    def __init__(self, here: Serving) -> None:
        self.here = here

    async def __aenter__(self) -> sockets.socket:
        self.raw = raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, ("127.0.0.1", self.here.port))
        upgrade = (
            f"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1:{self.here.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await loop.sock_sendall(raw, upgrade.encode())
        await loop.sock_recv(raw, 4096)
        watch = b'{"kind":"watch"}'
        await loop.sock_sendall(raw, bytes([0x81, 0x80 | len(watch), 0, 0, 0, 0]) + watch)
        while not self.here.gateway.view.hub.subscribers:
            await asyncio.sleep(0)
        return raw

    async def __aexit__(self, *_: Any) -> None:
        self.raw.close()


async def hear_until_alone(here: Serving) -> None:
    """The slow client's connection is cut, and what waited for it is gone with it: only the reader's is left."""
    async with asyncio.timeout(5):
        while len(here.server.server_state.connections) > 1:
            await asyncio.sleep(0.01)  # the transport tells nobody


async def test_a_store_that_is_away_is_told_once_and_live_goes_on() -> None:
    store = Fragile()
    async with serving(store) as here, here.socket() as socket:
        await here.feed(started(), position(second=1))
        await say(socket, Watch())
        await hear(socket)
        store.is_away = True
        for _ in range(2):
            await here.gateway.view.tend()
        notice = await hear(socket)
        assert isinstance(notice, Notice)
        assert notice.code == "store-away"
        await here.feed(position(second=2))
        await hear_update(socket)
