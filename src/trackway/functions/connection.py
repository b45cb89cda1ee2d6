"""One HTTP/1.1 connection: uvicorn's, with a short way for what comes with every event.

Hot routes and deliveries are answered from here, without a framework in between; everything else falls through to the
application, as if this were not. An answer leaves in one write, and so do the answers of requests that came together:
head and body written apart are two packets, and with delayed acknowledgements on the other side 40 ms a hop.
"""

import asyncio
import logging
from asyncio import TimerHandle
from collections.abc import Coroutine, Mapping
from os import dup
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from trackway.functions.exchange import Answered
from trackway.functions.foreign import foreign
from trackway.functions.heads import Headers, KnownHeads
from trackway.functions.host import Function, largest_body, long_head
from trackway.functions.joining import JoiningTransport
from trackway.functions.problem import problem
from trackway.functions.requests import HealthQuestion, OwnRequest, PassedOn, decoded
from trackway.functions.routes import HotRoute
from trackway.functions.turns import Turns

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application
    from uvicorn.config import Config
    from uvicorn.server import ServerState

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a request's target and headers."""

HEALTH: Final = (b"GET", b"/healthz")
"""Whether requests may be sent here."""

MOST_TURNS: Final = 1000
"""Requests that may wait for their answers on a connection before no more is read from it."""

MOST_WAITING: Final = 64 * 1024 * 1024
"""Bytes of the bodies of those that were read whole, likewise."""

_NOTED: Final = frozenset(
    {b"connection", b"content-length", b"expect", b"traceparent", b"transfer-encoding", b"upgrade"}
)
_CLOSE: Final = b"\r\nconnection: close\r\n"
_log = logging.getLogger(__name__)


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 connection for one function. The parser's callbacks are the ``on_`` methods."""

    function: ClassVar[Function]
    hot: ClassVar[Mapping[tuple[bytes, bytes], HotRoute]]
    known: ClassVar[KnownHeads]
    is_guarded: ClassVar[bool] = False
    """Whether pages of other sites are kept out here, because nobody in front does it."""

    parser: httptools.HttpRequestParser

    def __init__(
        self,
        config: "Config",
        server_state: "ServerState",
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""
        self.headers = []
        self._turns = Turns()
        self._receiving: OwnRequest | None = None
        self._drops = False  # what is being received will not be answered, since the connection is about to end
        self._is_last = False  # no request is taken any more
        self._is_broken = False  # what comes cannot be read any more
        self._is_between = True  # requests: none has begun
        self._candidate: bytes | None = None
        self._in_head = False
        self._head_size = 0  # bytes of chunks that came while a head was under way
        self._has_long_head = False
        self._noted: dict[bytes, bytes] = {}
        self._is_scheduled = False
        self._waiting = 0
        self._heard = 0.0
        self._timer: TimerHandle | None = None

    # Life -------------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] - as uvicorn narrows it
        self._joining = JoiningTransport(transport)
        super().connection_made(cast(asyncio.Transport, self._joining))
        self._heard = self.loop.time()
        self._timer = self.loop.call_later(self.timeout_keep_alive, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_last = self._drops = True
        self._receiving = None
        if self._timer is not None:
            self._timer.cancel()
        for turn in self._turns.clear():
            if isinstance(turn, PassedOn):
                turn.cycle.disconnected = True
                turn.cycle.message_event.set()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops: what has come is answered, and with the last answer the connection ends."""
        if self._turns.last is None:
            self.transport.close()
        else:
            self._end_with_last()

    @property
    def open_requests(self) -> int:
        """How many requests have come and are not answered."""
        return len(self._turns.waiting)

    def release(self) -> int | None:
        """Part with a connection on which nothing is under way: a descriptor of it, for somebody else to go on with.
        None if something is."""
        transport = self.transport
        if len(self._turns.waiting) or not self._is_between or self._is_last or transport.is_closing():
            return None
        if transport.get_write_buffer_size():
            return None
        descriptor = dup(transport.get_extra_info("socket").fileno())
        transport.abort()
        return descriptor

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()  # who does not read answers gets no more of them

    def resume_writing(self) -> None:
        super().resume_writing()
        self._resume_reading()

    def _look(self) -> None:
        """Close a connection that nothing was heard from for too long while nothing was owed to it. One timer that
        looks now and then, since setting one for each request would cost as much as a short answer."""
        idle = 0.0 if len(self._turns.waiting) else self.loop.time() - self._heard
        if idle >= self.timeout_keep_alive:
            self.timeout_keep_alive_handler()
        else:
            self._timer = self.loop.call_later(self.timeout_keep_alive - idle, self._look)

    # What comes in ----------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._heard = self.loop.time()
        if self._is_broken:
            return
        if self._is_between:
            data = self._read_known(data)
        if data:
            self._parse(data)
        if len(self._turns.waiting) > MOST_TURNS or self._waiting > MOST_WAITING:
            self.flow.pause_reading()

    def _parse(self, data: bytes) -> None:
        if self._in_head:
            self._head_size += len(data)
        self._has_long_head = self._head_size + len(data) > LARGEST_HEAD
        try:
            self._feed(data)
        except httptools.HttpParserCallbackError:
            _log.exception("bug while reading a request")
            self._refuse_rest(problem(500, "an error on our side; the function's log has it"))
        except httptools.HttpParserError:
            self._refuse_rest(problem(400, "the request is not HTTP/1.1 as RFC 9112 has it"))
        else:
            if self._in_head and self._head_size > LARGEST_HEAD:
                self._refuse_rest(long_head(LARGEST_HEAD))

    def _read_known(self, data: bytes) -> bytes:
        """Take the requests for hot routes whose headers are known; gives the rest, which begins with one of another
        kind, or with a part of one."""
        at = 0
        while not self._is_last:
            head = self.known.find(data, at)
            if head is None:
                break
            target, headers, end = head
            path, _, query = target.partition(b"?")
            hot = self.hot.get((b"GET", path))
            if hot is None:
                break
            at = end
            self._turns.take(OwnRequest(self.function, self, b"GET", path, query, headers, hot))
            if at == len(data):
                return b""
        self._candidate = self.known.candidate(data, at)
        return data[at:] if at else data

    def _feed(self, data: bytes) -> None:
        rest: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                # Whoever offers to upgrade is answered as if it had not (RFC 9110, 7.8), and goes on.
                rest = memoryview(rest)[upgrade.args[0] :]
                if not rest:
                    return
            else:
                return

    def on_message_begin(self) -> None:
        self._is_between = False
        self.url = b""
        self.headers = []
        self._in_head = True
        self._head_size = 0
        if self._noted:
            self._noted = {}

    def on_url(self, url: bytes) -> None:
        self.url = self.url + url if self.url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _NOTED:
            self._noted[name] = value
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        # Of its own list: what else is told, after the body, are trailers, which are no headers.
        headers, self.headers = self.headers, []
        candidate, self._candidate = self._candidate, None
        self._in_head = False
        self._drops = self._is_last
        if self._is_last:
            self._receiving = None
        elif self.is_guarded and (refusal := foreign(headers)):
            self._refuse_rest(refusal)
        elif self._has_long_head and _size(self.url, headers) > LARGEST_HEAD:
            self._refuse_rest(long_head(LARGEST_HEAD))
        else:
            self._receiving = self._own(headers)
            if self._receiving is None:
                self._pass_on(headers)
                return
            self._turns.add(self._receiving)
            if candidate is not None and self._receiving.is_hot and not self._noted:
                self.known.learn(candidate, headers)

    def on_body(self, body: bytes) -> None:
        if self._receiving is not None:
            self._receiving.take(body)
        elif not self._drops:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_between = True
        request = self._receiving
        if request is None:
            if not self._drops:
                super().on_message_complete()
            return
        self._receiving = None
        if not self.parser.should_keep_alive():
            self._end_with_last()
        self._waiting += request.size
        self._turns.read(request)

    def _own(self, headers: Headers) -> OwnRequest | None:
        """The request, if it is answered from here."""
        url, noted = self.url, self._noted
        method = self.parser.get_method()
        path, _, query = url.partition(b"?")
        hot = self.hot.get((method, path))
        is_delivery = hot is None and method == b"POST" and self.function.is_delivery("POST", decoded(headers))
        asks_health = hot is None and (method, path) == HEALTH
        if hot is None and not (is_delivery or asks_health):
            return None
        if b"#" in url or not url.startswith(b"/") or (noted and not self._is_plain(noted)):
            return None
        most, trace = largest_body(delivery=is_delivery), noted.get(b"traceparent")
        kind = HealthQuestion if asks_health else OwnRequest
        request = kind(self.function, self, method, path, query, headers, hot, most, trace)
        if b"content-length" in noted:
            request.expect(int(noted[b"content-length"]))
        return request

    def _is_plain(self, noted: Mapping[bytes, bytes]) -> bool:
        """Neither who wants to know whether to go on, nor who may want to be told that the connection is kept."""
        return b"expect" not in noted and (b"connection" not in noted or self.parser.get_http_version() == "1.1")

    def _pass_on(self, headers: Headers) -> None:
        """Let uvicorn make of it what it makes of every request."""
        url, noted = self.url, self._noted
        super().on_message_begin()
        self.url, self.headers[:] = url, headers
        self.expect_100_continue = noted.get(b"expect", b"").lower() == b"100-continue"
        self.cycle = cast(RequestResponseCycle, None)  # there is none before this one: whose turn it is is known here
        super().on_headers_complete()
        self.headers = []  # of what comes after the body, which the application is not to take for headers
        self._is_last = not self.cycle.keep_alive

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._turns.add(PassedOn(cycle, lambda: super(Connection, self)._start_asgi_task(cycle, app)))

    def _refuse_rest(self, answered: Answered) -> None:
        """Answer what cannot be read, after what came before it, and end the connection."""
        last, request = self._turns.last, self._receiving
        self._is_last = self._drops = self._is_broken = True
        self._receiving = None
        if request is None and not (isinstance(last, PassedOn) and last.cycle.more_body):
            request = OwnRequest(self.function, self, b"", b"", b"", [])
            self._turns.add(request)
        if request is None or (request.answer is not None and request is not last):
            self.transport.close()  # its answer is on its way, whole or in part: the end of the connection says enough
            return
        request.closes = True
        if request.answer is None:
            request.refuse(answered)

    def _end_with_last(self) -> None:
        self._is_last = True
        last = self._turns.last
        if isinstance(last, PassedOn):
            last.cycle.keep_alive = False
        elif last is not None:
            last.closes = True

    # What goes out ----------------------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it in a task that the server waits for before it ends."""
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def settled(self) -> None:
        """An answer is there. Where several wait they are written together, at the end of this turn of the loop."""
        waiting = self._turns.waiting
        if len(waiting) == 1:
            turn = waiting[0]
            if turn.answer is None or turn.closes or turn.size or self.flow.read_paused:
                self._write_due()
                return
            waiting.popleft()  # of nearly every request: what is due of it, without the rest
            self.server_state.total_requests += 1
            self._heard = self.loop.time()
            self._joining.transport.write(turn.answer)
        elif not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._write_due)

    def on_response_complete(self) -> None:
        """The application has answered what was passed on to it."""
        self._joining.release()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._heard = self.loop.time()
        self._turns.ended()
        self._write_due()

    def _write_due(self) -> None:
        self._is_scheduled = False
        due = self._turns.due()
        if due:
            self.server_state.total_requests += len(due)
            self._heard = self.loop.time()
            answers: list[bytes] = []
            for turn in due:
                self._waiting -= turn.size
                answers.append(turn.answer or b"")
            if due[-1].closes:
                answers[-1] = answers[-1].replace(b"\r\n", _CLOSE, 1)
                self.transport.write(b"".join(answers))
                self.transport.close()
                return
            self._joining.transport.write(answers[0] if len(answers) == 1 else b"".join(answers))
        if len(self._turns.waiting):
            self._turns.begin_next()
        if self.flow.read_paused:
            self._resume_reading()

    def _resume_reading(self) -> None:
        if (
            not self.flow.write_paused
            and len(self._turns.waiting) <= MOST_TURNS // 2
            and self._waiting <= MOST_WAITING // 2
        ):
            self.flow.resume_reading()


def connection_for(function: Function) -> type[Connection]:
    """The class of the connections that ``function`` is asked over."""
    return type(
        "FunctionConnection", (Connection,), {"function": function, "hot": function.routes.hot, "known": KnownHeads()}
    )


def _size(url: bytes, headers: Headers) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)
