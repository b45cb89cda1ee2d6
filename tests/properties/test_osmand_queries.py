"""The short way of an OsmAnd query reads what the long way reads, or leaves it to that."""

import sys
from string import printable

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.functions.fakes import NOON, World, ask

SECONDS = int(NOON.timestamp())
numbers = st.one_of(
    st.floats(-90, 90).map(repr),
    st.floats(-90, 90).map(lambda value: f"{value:.6f}"),
    st.floats(-2000, 2000).map(repr),
    st.integers(-400, 400).map(str),
    st.sampled_from(
        ["", "nan", "inf", "-0", "-0.0", "00.5", "1e1", "1_0", ".5", "5.", "0x1", " 1", "+1", "%2B1", "١", "1" * 40]
    ),
)
times = st.one_of(
    st.integers(SECONDS - 10**6, SECONDS + 1000).map(str),
    st.integers(1000 * SECONDS - 10**9, 1000 * SECONDS + 10**6).map(str),
    st.floats(SECONDS - 10, SECONDS + 10).map(repr),
    st.sampled_from(
        ["", "0", "2026-03-01T11:59:00Z", "2026-03-01T08:59:00-03:00", "2026-03-01 11:59:00", "soon", "-1"]
    ),
)
ids = st.sampled_from(["van-7", "123456", "a.b_c-d", "", "-x", "a b", "a%20b", "ã", "x" * 65]) | st.text(
    printable, max_size=3
)
fields = st.one_of(
    st.tuples(st.just("id"), ids),
    st.tuples(st.sampled_from(["lat", "lon", "speed", "bearing", "accuracy", "altitude", "batt"]), numbers),
    st.tuples(st.just("timestamp"), times),
    st.tuples(st.sampled_from(["", "hdop", "a", "id"]), st.text(printable, max_size=5)),
)
usual = st.tuples(st.just(("id", "van-7")), st.tuples(st.just("lat"), numbers), st.tuples(st.just("lon"), numbers)).map(
    list
)


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """Fields in any order, mostly with what is needed; now and then something that is no list of fields."""
    pairs = draw(usual) * draw(st.integers(0, 1)) + draw(st.lists(fields, max_size=6))
    text = draw(st.sampled_from(["&"] * 20 + ["&&", ";"])).join(
        f"{name}{draw(st.sampled_from(['='] * 60 + ['', '==']))}{value}" for name, value in draw(st.permutations(pairs))
    )
    return text.encode(draw(st.sampled_from(["utf-8"] * 9 + ["utf-16"])), "replace")


@given(queries())
async def test_both_ways_give_the_same_event(query: bytes) -> None:
    world = World()
    function = world.function("ingest")
    event = sys.modules["functions_ingest"].read_plain(query, function.deps)
    if event is not None:
        answered = await ask(function, "GET", f"/v1/ingest/osmand?{query.decode('latin-1')}")
        assert answered.status == 200
        assert world.sink.events == [event]


def test_what_devices_send_is_read_the_short_way() -> None:
    deps = World().deps()
    World().function("ingest")
    read_plain = sys.modules["functions_ingest"].read_plain
    for query in [
        b"id=123456&timestamp=1772366340&lat=-34.9&lon=-56.16&speed=0.0&bearing=0.0&altitude=0.0&accuracy=5.0&batt=80.0",
        b"lat=-34.901234567891&lon=-56.16&timestamp=1772366340000&hdop=4.2&altitude=-3&speed=-1&id=van-7",
        b"id=a&lat=1&lon=2",
    ]:
        assert read_plain(query, deps) is not None
