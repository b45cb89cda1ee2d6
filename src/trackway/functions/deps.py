"""What a function may lean on besides its arguments: store, clock, sink, randomness, streets; made when first asked
for."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Protocol

from trackway.functions.settings import Settings
from trackway.functions.sink import BrokerSink, NoSink, Sink
from trackway.metrics import Counting, Reading
from trackway.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from trackway.storage.port import Store
    from trackway.streets.graph import Streets


class Clock(Protocol):
    """The time, and waiting for it."""

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Deps:
    """A function's dependencies. What is not given is made from ``settings`` on first use; tests give fakes.

    ``draining`` is True once the process was told to stop: what works in slices ends the one it is in. ``tracing`` is
    None where nobody collects spans.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: "Store | None" = None,
        clock: Clock | None = None,
        sink: Sink | None = None,
        random: Random | None = None,
        streets: "Streets | None" = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.random = random or SystemRandom()
        self.draining = False
        self.tracing = tracing
        self._store = store
        self._sink = sink
        self._streets = streets

    @property
    def store(self) -> "Store":
        """The store of ``settings.store``."""
        if self._store is None:
            from trackway.storage import open_store  # noqa: PLC0415 - not every function needs a store

            self._store = open_store(self.settings.store)
        return self._store

    @property
    def sink(self) -> Sink:
        """The broker of ``settings.sink``."""
        if self._sink is None:
            self._sink = BrokerSink(self.settings.sink) if self.settings.sink else NoSink()
        return self._sink

    @property
    def streets(self) -> "Streets":
        """The street network of ``settings.streets``; loading takes some tenths of a second. Raises MapMissing."""
        if self._streets is None:
            from trackway.streets.graph import Streets  # noqa: PLC0415 - heavy, and only plan needs it

            self._streets = Streets.load(self.settings.streets)
        return self._streets

    def readings(self, function: str) -> Iterator[Reading]:
        """What was counted by what was made, for the ``function``."""
        if isinstance(self._sink, BrokerSink):
            yield from self._sink.readings(function)
        if isinstance(self._store, Counting):
            yield from self._store.readings()

    async def close(self) -> None:
        """Release what was made."""
        if self._sink is not None:
            await self._sink.close()
        if self._store is not None:
            await self._store.close()
        if self.tracing is not None:
            self.tracing.close()
