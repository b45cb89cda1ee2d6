"""Events of positions in every shape that somebody may send, right and wrong: what two who store them have to agree
on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

IDENTIFIERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=200)
NUMBERS = st.one_of(
    st.floats(-400, 400, allow_subnormal=False),
    st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.integers(-400, 400),
    st.integers(-(2**62), 2**62),
    st.sampled_from([90, -90.0, 180, -180, 360.0, 500, 100_000.0, 1e300, 0.1 + 0.2]),
)
WRONG = st.sampled_from(["", "12", True, False, [], {}, ["1"], {"a": 1}])
OFFSETS = st.sampled_from(
    ["Z", "Z", "Z", "z", "+00:00", "-03:00", "+0530", "+23:59", "-18:30", "+24:00", "+05", "", " Z"]
)


@st.composite
def moments(draw: st.DrawFn) -> str:
    """Mostly of RFC 3339."""
    at = draw(st.datetimes(datetime(2000, 1, 2), datetime(2026, 1, 1)))
    other = draw(st.datetimes(datetime(1960, 1, 1), datetime(2250, 1, 1)))
    text = f"{draw(st.sampled_from([at] * 9 + [other])):%Y-%m-%dT%H:%M:%S}"
    fraction = draw(st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,12}", fullmatch=True)))
    text = draw(
        st.sampled_from(
            [text] * 12 + [text.replace("T", " "), text.replace("T", "t"), text[:-3], "2023-02-30T12:00:00"]
        )
    )
    return text + fraction + draw(OFFSETS)


def _some(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The first nearly always."""
    return st.integers(0, 24).flatmap(lambda number: strategies[number] if number < len(strategies) else strategies[0])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A structured event, as JSON."""
    nothing = st.none()
    data = {
        "vehicle_id": draw(_some(IDENTIFIERS, WORDS, WRONG, nothing)),
        "lat": draw(_some(st.floats(-90, 90), NUMBERS, WRONG, nothing)),
        "lng": draw(_some(st.one_of(st.floats(-180, 180), st.integers(-180, 180)), NUMBERS, WRONG, nothing)),
        "recorded_at": draw(_some(moments(), WRONG, nothing, st.just("2199-01-01T00:00:00Z"))),
    }
    optional = {
        "received_at": _some(moments(), st.just("1970-01-01T00:00:01Z"), WRONG, nothing),
        "heading": _some(st.floats(0, 360), NUMBERS, WRONG, nothing),
        "speed": _some(st.floats(0, 500), NUMBERS, WRONG, nothing),
        "accuracy": _some(st.floats(0, 1e12), NUMBERS, WRONG, nothing),
        "altitude": _some(st.floats(-1000, 9000), NUMBERS, WRONG, nothing),
        "trip_id": _some(IDENTIFIERS, WORDS, WRONG, nothing),
        "seq": _some(st.integers(0, 2**53), NUMBERS, WRONG, nothing),
        "mood": _some(st.just("good")),
    }
    data |= {name: draw(strategy) for name, strategy in optional.items() if draw(st.booleans())}
    document = {
        "specversion": draw(_some(st.just("1.0"), st.just("0.3"))),
        "id": draw(WORDS),
        "source": draw(WORDS),
        "type": draw(_some(st.just("dev.trackway.position.recorded.v1"), st.just("dev.trackway.position.recorded.v2"))),
        "data": draw(_some(st.just(data), WRONG)),
    }
    if draw(st.booleans()):
        document["tenant"] = draw(_some(st.sampled_from(["default", "acme", "ñandú"]), WRONG))
    if draw(st.booleans()):
        document["time"] = draw(_some(moments(), WRONG))
    return document


def made(count: int) -> Sequence[bytes]:
    """So many of them, none of the same id."""
    found: list[bytes] = []

    @settings(max_examples=count, phases=[Phase.generate], database=None)
    @given(documents())
    def collect(document: dict[str, Any]) -> None:
        found.append(json.dumps({**document, "id": f"{document['id']} {len(found)}"}).encode())

    collect()
    return found
