"""A store that counts and times what is asked of it: around any implementation, and without its knowledge."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Any, Final, Protocol, cast

from trackway.metrics import Histogram, Readings
from trackway.metrics.names import DURATIONS, STORE_DURATION, STORE_OPERATIONS, STORE_ROWS
from trackway.storage.port import Conflict, Store, StoreUnavailable

_WRITES: Final = frozenset({"append_positions", "apply_trip_events", "add_dead_letters"})
"""Operations whose last argument is a list of facts."""


class _Operation:
    """What was asked of one method."""

    def __init__(self) -> None:
        self.results = dict.fromkeys(("ok", "conflict", "unavailable", "error"), 0)
        self.durations = Histogram(DURATIONS)
        self.rows = 0


class _Method(Protocol):
    def __call__(self, *given: Any, **named: Any) -> Awaitable[Any]: ...


def measured(store: Store) -> Store:
    """The ``store``, with ``readings`` beside its own methods."""
    return cast(Store, _Measured(store))


class _Measured:
    """Each method is wrapped when it is first asked for, and found without a detour from then on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._operations: dict[str, _Operation] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name.startswith("_") or name == "close" or not iscoroutinefunction(found):
            return found
        wrapped = self._measure(name, found)
        setattr(self, name, wrapped)
        return wrapped

    def readings(self) -> Readings:
        """How the figures stand."""
        for name, operation in self._operations.items():
            for result, count in operation.results.items():
                yield STORE_OPERATIONS, (name, result), count
            yield STORE_DURATION, (name,), operation.durations
            if name in _WRITES:
                yield STORE_ROWS, (name,), operation.rows

    def _measure(self, name: str, method: _Method) -> Callable[..., Awaitable[Any]]:
        operation = self._operations[name] = _Operation()
        writes = name in _WRITES

        async def call(*given: Any, **named: Any) -> Any:
            begun, result = perf_counter(), "error"
            try:
                answer = await method(*given, **named)
                result = "ok"
                if writes:
                    operation.rows += len(given[-1])
                return answer
            except Conflict:
                result = "conflict"
                raise
            except StoreUnavailable:
                result = "unavailable"
                raise
            finally:
                operation.results[result] += 1
                operation.durations.observe(perf_counter() - begun)

        return call
