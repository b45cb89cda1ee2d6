"""Filters: each dialect as a table, and how they are put together."""

import pytest

from knative_local.building_eventing import filter_of
from knative_local.filters import EVERYTHING, All, Any, Attributes, Exact, Filter, Not, Prefix, Suffix

EVENT = {"specversion": "1.0", "id": "7", "source": "/cars", "type": "dev.town.car.moved.v1", "tenant": "acme"}


@pytest.mark.parametrize(
    ("filter", "passes"),
    [
        (EVERYTHING, True),
        (Attributes((("type", "dev.town.car.moved.v1"),)), True),
        (Attributes((("type", "dev.town.car.moved.v1"), ("tenant", "other"))), False),
        (Attributes((), ("type",)), True),
        (Attributes((("tenant", "acme"),), ("missing",)), False),
        (Attributes((("missing", "x"),)), False),
        (Exact((("type", "dev.town.car.moved.v1"), ("tenant", "acme"))), True),
        (Exact((("type", "dev.town.car.moved"),)), False),
        (Exact((("subject", "x"),)), False),
        (Prefix((("type", "dev.town."),)), True),
        (Prefix((("type", "dev.town."), ("source", "/trains"))), False),
        (Prefix((("subject", "x"),)), False),
        (Suffix((("type", ".v1"),)), True),
        (Suffix((("type", ".v2"),)), False),
        (Suffix((("subject", "x"),)), False),
        (Not(Exact((("subject", "x"),))), True),
        (Not(Prefix((("type", "dev."),))), False),
        (All((Prefix((("type", "dev."),)), Suffix((("type", ".v1"),)))), True),
        (All((Prefix((("type", "dev."),)), Suffix((("type", ".v2"),)))), False),
        (Any((Suffix((("type", ".v2"),)), Exact((("tenant", "acme"),)))), True),
        (Any((Suffix((("type", ".v2"),)), Exact((("tenant", "other"),)))), False),
    ],
)
def test_passes(filter: Filter, passes: bool) -> None:
    assert filter.matches(EVENT) is passes


@pytest.mark.parametrize(
    ("tree", "passes"),
    [
        ({"exact": {"type": "dev.town.car.moved.v1"}}, True),
        # An empty value or map is passed over (OBSERVED-KAFKA, Filters).
        ({"exact": {"type": ""}}, True),
        ({"prefix": {}}, True),
        ({"cesql": ""}, True),
        ({"not": {"exact": {}}}, False),
        ({"any": [{"suffix": {}}, {"exact": {"type": "x"}}]}, True),
        ({"exact": {"type": "", "tenant": "other"}}, False),
        ({"suffix": {"type": ".v2", "source": ""}}, False),
        ({"not": {"any": [{"exact": {"tenant": "acme"}}, {"prefix": {"type": "x"}}]}}, False),
        ({"cesql": "type LIKE 'dev.%' AND id < 10"}, True),
        (
            {"not": {"any": [{"cesql": "tenant = 'other'"}, {"all": [{"cesql": "id > 7"}, {"exact": {"id": "7"}}]}]}},
            True,
        ),
        ({"all": [{"prefix": {"type": "dev."}}, {"not": {"exact": {"tenant": "other"}}}]}, True),
    ],
)
def test_read_from_a_trigger(tree: dict[str, object], passes: bool) -> None:
    assert filter_of(tree).matches(EVENT) is passes


def test_text_for_people() -> None:
    tree = {"all": [{"prefix": {"type": "dev."}}, {"not": {"any": [{"exact": {"a": "b"}}, {"suffix": {"c": "d"}}]}}]}

    assert str(filter_of(tree)) == "type = dev.… and not ((a = b or c = …d))"
    assert str(EVERYTHING) == "everything"
    assert str(Attributes((("type", "x"),), ("source",))) == "type = x and source is there"
