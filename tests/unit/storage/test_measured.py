"""A store that counts what is asked of it."""

from collections.abc import Sequence

import pytest

from tests.unit.functions.fakes import TENANT
from trackway.metrics import Counting
from trackway.metrics.names import STORE_DURATION, STORE_OPERATIONS, STORE_ROWS
from trackway.storage import open_store
from trackway.storage.measured import measured
from trackway.storage.memory import InMemoryStore
from trackway.storage.port import Conflict, Store, StoredPosition, StoreUnavailable


class Failing(InMemoryStore):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def append_positions(self, tenant: str, positions: Sequence[StoredPosition]) -> int:
        raise self.error


def counted(store: Store) -> dict[tuple[str, ...], float]:
    assert isinstance(store, Counting)
    return {labels: value for metric, labels, value in store.readings() if metric is STORE_OPERATIONS and value}


async def test_each_operation_is_counted_with_what_became_of_it() -> None:
    store = open_store("memory://")
    assert await store.vehicles(TENANT) == []
    assert await store.vehicles(TENANT) == []
    assert await store.trips(TENANT, limit=5) == []
    assert counted(store) == {("vehicles", "ok"): 2, ("trips", "ok"): 1}


@pytest.mark.parametrize(
    ("error", "result"),
    [(Conflict("x"), "conflict"), (StoreUnavailable("x"), "unavailable"), (KeyError("x"), "error")],
)
async def test_what_fails_is_counted_and_raised_as_it_was(error: Exception, result: str) -> None:
    store = measured(Failing(error))
    with pytest.raises(type(error)) as raised:
        await store.append_positions(TENANT, [])
    assert raised.value is error
    assert counted(store) == {("append_positions", result): 1}


async def test_durations_and_written_rows_are_counted_by_operation() -> None:
    store = open_store("memory://")
    await store.apply_trip_events(TENANT, [])
    await store.append_positions(TENANT, [])
    assert isinstance(store, Counting)
    read = {(metric, *labels): value for metric, labels, value in store.readings()}
    assert read[STORE_ROWS, "append_positions"] == 0
    timed = read[STORE_DURATION, "apply_trip_events"]
    assert not isinstance(timed, int | float)
    assert sum(timed.counts) == 1
