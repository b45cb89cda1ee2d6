"""Routes, seeds and time-lapses of all kinds, for properties of the domain."""

from hypothesis import strategies as st

from tests.unit.domain.roads import route_of
from trackway.events import RoutePlanned

seeds = st.integers(0, 50)
speeds = st.sampled_from([0.5, 1.0, 2.5, 10.0, 60.0, 100.0])


@st.composite
def routes(draw: st.DrawFn) -> RoutePlanned:
    """2 to 12 legs of 1 to 400 m with limits of 4 to 25 m/s and some halts, crossing themselves or not, 100 m at
    least."""
    step = st.integers(-400, 400)
    steps = st.tuples(step, step).filter(any)
    corners = [(0.0, 0.0), (100.0, 0.0)]
    for east, north in draw(st.lists(steps, min_size=1, max_size=11)):
        corners.append((corners[-1][0] + east, corners[-1][1] + north))
    limits = draw(st.lists(st.floats(4, 25), min_size=len(corners) - 1, max_size=len(corners) - 1))
    dwells = draw(st.dictionaries(st.integers(0, len(corners) - 1), st.floats(1, 90), max_size=2))
    return route_of(corners, limits=limits, dwells=dwells)
