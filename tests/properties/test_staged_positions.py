"""However positions come, repeated, late, by two processes, merged or not: SQLite keeps what the memory store keeps."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.store.facts import T, finished, position, started
from trackway.storage.memory import InMemoryStore
from trackway.storage.port import StoredPosition
from trackway.storage.sqlite import SqliteStore


@st.composite
def told(draw: st.DrawFn) -> StoredPosition:
    """Of few vehicles and moments, so that repeats and ties are many. An id names one position, as ids do."""
    vehicle, second, copy = draw(st.sampled_from(["v1", "v2"])), draw(st.integers(0, 9)), draw(st.integers(0, 1))
    trip_id = "t1" if (second + copy) % 3 and vehicle == "v1" else None
    return position(second, vehicle, trip_id, id=f"{vehicle}:{second}:{copy}")


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 1), st.lists(told(), min_size=1, max_size=3)),
        st.tuples(st.just("merge"), st.integers(0, 1), st.just(())),
        st.tuples(st.just("restart"), st.integers(0, 1), st.just(())),
    ),
    max_size=10,
)


@given(steps)
async def test_the_same_is_new_and_the_same_is_read(steps: list[tuple[str, int, Any]]) -> None:
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "store.db")
        memory, stores = InMemoryStore(), [SqliteStore(path), SqliteStore(path)]
        for store in (memory, stores[0]):
            await store.apply_trip_events(T, [started("t1", "v1", when=3), finished("t1", 9)])
        for kind, which, batch in steps:
            if kind == "append":
                assert await stores[which].append_positions(T, batch) == await memory.append_positions(T, batch)
            elif kind == "merge":
                await stores[which]._db.write(stores[which]._appender.merge)
            else:
                await stores[which].close()
                stores[which] = SqliteStore(path)
        for store in stores:
            assert await what_is_read(store) == await what_is_read(memory)
            await store.close()


async def what_is_read(store: SqliteStore | InMemoryStore) -> list[Any]:
    """The moments of what is told of the trip and the vehicles; which of two of one moment is the newest is open."""
    view = await store.trip(T, "t1")
    assert view is not None
    kept = await store.positions(T, "t1")
    assert all(one.recorded_at <= other.recorded_at for one, other in pairwise(kept))
    return [
        sorted((each.recorded_at, each.trip_id or "") for each in kept),
        [each.recorded_at for each in await store.positions(T, "t1", limit=3)],
        [(each.vehicle_id, each.position.recorded_at) for each in await store.vehicles(T)],
        view.position and view.position.recorded_at,
    ]
