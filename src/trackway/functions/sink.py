"""Emitting: events go to the broker, and are told to be there only when the broker has them.

What is emitted in one turn of the event loop travels together; there is no timer, since a busy loop gathers by itself.
The local runtime's socket takes a batch in one post; a broker takes single events, over several connections.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Final, Protocol

from trackway.events import BATCH_MEDIA_TYPE, Event, to_binary, to_structured
from trackway.functions.address import SinkAddress
from trackway.functions.client import Client
from trackway.functions.problem import SinkRefused, SinkUnavailable
from trackway.functions.sink_token import TokenFile
from trackway.metrics import Histogram, Readings
from trackway.metrics.names import DURATIONS, FUNCTION_EMITTED, FUNCTION_SINK_DURATION, FUNCTION_SINK_WAITING
from trackway.telemetry.trace_context import valid

PATIENCE: Final = 5.0
"""Seconds that an unreachable or busy broker is tried for, before the one who asked is told so."""

FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 1.0
RETRIED: Final = frozenset({404, 408, 409, 429})
BATCH_CONNECTIONS: Final = 1
"""One post at a time: what is emitted meanwhile goes together with the next, and shares its commit."""

SINGLE_CONNECTIONS: Final = 32
LARGEST_BATCH: Final = 1000
LARGEST_POST: Final = 4 * 1024 * 1024
"""Bytes of a batch, unless a single event is larger."""


class Emission(Protocol):
    """Somebody whose event is under way, to be told what became of it."""

    @property
    def is_over(self) -> bool:
        """Nobody waits for it any more, so that it need not be posted."""
        ...

    def arrived(self) -> None:
        """The broker has the event."""
        ...

    def failed(self, error: Exception) -> None:
        """The broker does not have it, and why."""
        ...


class Sink(Protocol):
    """Where a function's events go."""

    async def emit(self, events: Sequence[Event]) -> None:
        """Return when the broker has all of them. Raises SinkUnavailable (try again; some may have arrived, which is
        harmless, since a repeat has the same id) or SinkRefused."""
        ...

    def post(self, event: Event, emission: Emission) -> None:
        """``emit`` for a single event without a task that waits: ``emission`` is told instead. Never raises."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class NoSink:
    """Stands where no broker was named: whoever emits is told what to set."""

    async def emit(self, events: Sequence[Event]) -> None:
        if events:
            raise self._unset()

    def post(self, event: Event, emission: Emission) -> None:
        del event
        emission.failed(self._unset())

    @staticmethod
    def _unset() -> SinkUnavailable:
        return SinkUnavailable("no broker to emit to: K_SINK is not set (in the manifests, a SinkBinding sets it)")

    async def close(self) -> None: ...


class _Emission:
    """Events of one call of emit that are under way: ``left`` counts those that the broker does not have yet."""

    __slots__ = ("done", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_over(self) -> bool:
        # What failed will be emitted again as a whole, so the rest of it need not be posted now.
        return self.done.done()

    def arrived(self) -> None:
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)

    def failed(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


_Parcel = tuple[list[tuple[bytes, bytes]], bytes, Emission]
"""An event as it is posted (headers of the binary mode and data, or no headers and a document), and whose it is."""


def _fail(parcels: list[_Parcel], error: Exception) -> None:
    for _, _, emission in parcels:
        emission.failed(error)


def _tell(parcels: list[_Parcel]) -> None:
    for _, _, emission in parcels:
        emission.arrived()


_BATCH_HEADERS: Final = [(b"content-type", BATCH_MEDIA_TYPE.encode())]


class BrokerSink:
    """Posts to a broker's address. To be used within one event loop."""

    def __init__(
        self,
        address: SinkAddress,
        *,
        patience: float = PATIENCE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._address = address
        self._patience = patience
        self._sleep = sleep
        self._takes_batches = address.takes_batches
        self._most = BATCH_CONNECTIONS if address.takes_batches else SINGLE_CONNECTIONS
        self._client = Client(address, self._most, TokenFile.mounted())
        self._waiting: deque[_Parcel] = deque()
        self._posters: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._results = dict.fromkeys(("accepted", "refused", "unavailable"), 0)
        self._durations = Histogram(DURATIONS)

    async def emit(self, events: Sequence[Event]) -> None:
        if not events:
            return
        emission = _Emission(len(events))
        self._waiting.extend([self._parcel(event, emission) for event in events])
        self._schedule()
        await emission.done

    def post(self, event: Event, emission: Emission) -> None:
        try:
            self._waiting.append(self._parcel(event, emission))
        except Exception as error:  # told to whoever waits, as every other failure is
            emission.failed(error)
        else:
            self._schedule()

    def readings(self, function: str) -> Readings:
        """What became of the events of the ``function``."""
        for result, count in self._results.items():
            yield FUNCTION_EMITTED, (function, result), count
        yield FUNCTION_SINK_WAITING, (function,), len(self._waiting)
        yield FUNCTION_SINK_DURATION, (function,), self._durations

    async def close(self) -> None:
        for poster in self._posters:
            poster.cancel()
        await asyncio.gather(*self._posters, return_exceptions=True)
        while self._waiting:
            _fail([self._waiting.popleft()], SinkUnavailable("the function is stopping"))
        self._client.close()

    def _parcel(self, event: Event, emission: Emission) -> _Parcel:
        if self._takes_batches:
            return [], to_structured(event), emission
        headers, body = to_binary(event)
        if trace := valid(event.traceparent):  # for the mesh and the broker, whose own spans go by the request
            headers.append((b"traceparent", trace.encode()))
        if any(b"\n" in value or b"\r" in value for _, value in headers):
            raise SinkRefused("an attribute of the event has a line break, which no header can carry", 400)
        return headers, body, emission

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Start as many posters as there is work for; each posts until nothing waits."""
        self._scheduled = False
        wanted = 1 if self._takes_batches else len(self._waiting)
        for _ in range(min(wanted, self._most - len(self._posters))):
            poster = asyncio.get_running_loop().create_task(self._post_waiting())
            self._posters.add(poster)
            poster.add_done_callback(self._posters.discard)

    async def _post_waiting(self) -> None:
        while self._waiting:
            parcels = self._next_batch() if self._takes_batches else [self._waiting.popleft()]
            await self._settle([parcel for parcel in parcels if not parcel[2].is_over])

    def _next_batch(self) -> list[_Parcel]:
        parcels = [self._waiting.popleft()]
        size = len(parcels[0][1])
        while self._waiting and len(parcels) < LARGEST_BATCH:
            size += len(self._waiting[0][1])
            if size > LARGEST_POST:
                break
            parcels.append(self._waiting.popleft())
        return parcels

    async def _settle(self, parcels: list[_Parcel]) -> None:
        """Post in one request, and tell each emission what became of its part."""
        if not parcels:
            return
        try:
            await self._post(parcels)
        except SinkRefused as error:
            if len(parcels) == 1:
                self._results["refused"] += 1
                _fail(parcels, error)
                return
            for parcel in parcels:  # one bad event does not fail those of others
                await self._settle([parcel])
        except asyncio.CancelledError:
            _fail(parcels, SinkUnavailable("the function is stopping"))
            raise
        except Exception as error:  # also a bug must not leave anybody waiting
            self._results["unavailable"] += len(parcels)
            _fail(parcels, error)
        else:
            self._results["accepted"] += len(parcels)
            # The next post goes out first: the broker works on it while these are answered.
            asyncio.get_running_loop().call_soon(_tell, parcels)

    async def _post(self, parcels: list[_Parcel]) -> None:
        """Post until it is accepted. Raises SinkUnavailable when patience ends, SinkRefused when it never will be."""
        headers, body, _ = parcels[0]
        if self._takes_batches:
            headers, body = _BATCH_HEADERS, b"[" + b",".join([body for _, body, _ in parcels]) + b"]"
        begun, wait = monotonic(), FIRST_WAIT
        deadline = begun + self._patience
        try:
            while True:
                reason = await self._attempt(headers, body, deadline - monotonic())
                if reason is None:
                    return
                if monotonic() + wait > deadline:
                    raise SinkUnavailable(f"the broker at {self._address} did not take the event: {reason}")
                await self._sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        finally:
            self._durations.observe(monotonic() - begun)

    async def _attempt(self, headers: list[tuple[bytes, bytes]], body: bytes, patience: float) -> str | None:
        """One post: None when accepted, else why not (try again). Raises SinkRefused."""
        try:
            async with asyncio.timeout(patience):
                answer = await self._client.post(headers, body)
        except TimeoutError:
            return f"no answer within {self._patience:g} s"
        except OSError as error:
            return str(error) or type(error).__name__
        if 200 <= answer.status < 300:
            return None
        told = f"{answer.status} {answer.body[:200].decode(errors='replace')}".rstrip()
        if answer.status >= 500 or answer.status in RETRIED:
            return told
        raise SinkRefused(f"the broker at {self._address} refuses the event: {told}", answer.status)
