"""The matcher of many filters: it says what asking each filter would say, and asks few of them."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from knative_local.filters import EVERYTHING, All, Any, Attributes, Exact, Filter, Matcher, Not, Prefix, Suffix
from knative_local.filters.cesql import CesqlFilter
from knative_local.filters.matcher import LONG, PAYS, TABLE

NAMES = st.sampled_from(["type", "source", "subject", "tenant"])
VALUES = st.sampled_from(["a", "b", "ab", "ba"])
WANTED = st.dictionaries(NAMES, VALUES, min_size=1, max_size=2).map(lambda pairs: tuple(pairs.items()))
EXPRESSIONS = [
    "type = 'a'",
    "type IN ('a', 'b') AND source = 'a' AND tenant = 'b'",
    "type = 'a' AND type IN (subject) OR NOT EXISTS subject",
    "type IN (tenant, 'b')",
    "NOT EXISTS subject AND type = 'a'",
]
LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.just(EVERYTHING),
    st.builds(Attributes, st.dictionaries(NAMES, VALUES).map(lambda pairs: tuple(pairs.items())), st.tuples(NAMES)),
    WANTED.map(Exact),
    WANTED.map(Prefix),
    WANTED.map(Suffix),
    st.sampled_from(EXPRESSIONS).map(CesqlFilter),
)


def _around(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(several.map(All), several.map(Any), inner.map(Not))


FILTERS: st.SearchStrategy[Filter] = st.recursive(LEAVES, _around, max_leaves=6)
EVENTS = st.dictionaries(NAMES, VALUES)


class Asked:
    """An exact filter that counts how often it is asked."""

    def __init__(self, *wanted: tuple[str, str]) -> None:
        self._inner = Exact(wanted)
        self.attributes = self._inner.attributes
        self.needs = self._inner.needs
        self.fallible = ()
        self.times = 0

    def matches(self, attributes: Mapping[str, str]) -> bool:
        self.times += 1
        return self._inner.matches(attributes)


def naive(filters: list[Filter], event: Mapping[str, str]) -> tuple[int, ...]:
    return tuple(index for index, each in enumerate(filters) if each.matches(event))


@given(st.lists(FILTERS, max_size=8), st.lists(EVENTS, max_size=12))
def test_says_what_asking_each_filter_says(filters: list[Filter], events: list[dict[str, str]]) -> None:
    matcher = Matcher(filters)

    for event in [*events, *events]:
        assert matcher.matching(event) == naive(filters, event)


@settings(max_examples=25)
@given(st.lists(FILTERS, max_size=5), st.lists(EVENTS, min_size=1, max_size=5))
def test_says_so_too_when_an_attribute_takes_ever_new_values(
    filters: list[Filter], events: list[dict[str, str]]
) -> None:
    by_id: list[Filter] = [Prefix((("id", "1"),)), Exact((("id", "7"), ("type", "a"))), Not(Exact((("id", "8"),)))]
    filters = [*by_id, *filters, *by_id]
    matcher = Matcher(filters)
    for number in range(TABLE + 2):
        matcher.matching({"type": "a", "id": f"x{number}"})

    for number, event in enumerate(events, 7):
        numbered = {**event, "id": str(number)}
        assert matcher.matching(numbered) == naive(filters, numbered)


@given(FILTERS, EVENTS, EVENTS)
def test_a_filter_depends_on_the_attributes_that_it_names(
    filter: Filter, event: dict[str, str], other: dict[str, str]
) -> None:
    mixed = {name: value for name, value in other.items() if name not in filter.attributes}
    mixed.update({name: value for name, value in event.items() if name in filter.attributes})

    assert filter.matches(mixed) is filter.matches(event)


@given(FILTERS, EVENTS)
def test_a_filter_passes_only_events_that_meet_its_needs(filter: Filter, event: dict[str, str]) -> None:
    if filter.matches(event):
        assert all(event.get(name) in values for name, values in filter.needs.items())


def test_asks_only_the_filters_that_want_the_value_and_those_once() -> None:
    filters = [Asked(("type", f"type-{number}")) for number in range(100)]
    matcher = Matcher(filters)

    for _ in range(10):
        for number in range(7):
            assert matcher.matching({"type": f"type-{number}"}) == (number,)

    assert [each.times for each in filters] == [1] * 7 + [0] * 93


def test_an_attribute_of_ever_new_values_does_not_make_the_other_filters_be_asked_again() -> None:
    kept, flooding = Asked(("type", "a")), Asked(("id", "7"))
    matcher = Matcher([kept, flooding])
    for number in range(TABLE + 1):
        matcher.matching({"type": "a", "id": f"x{number}"})
    before = kept.times

    for number in range(1000):
        assert matcher.matching({"type": "a", "id": str(number)}) == ((0, 1) if number == 7 else (0,))

    assert kept.times == before
    assert flooding.times == 1


def test_a_table_that_pays_stays_when_it_is_full() -> None:
    filter = Asked(("tenant", "tenant-7"))
    matcher = Matcher([filter])
    for _ in range(PAYS + 1):
        for number in range(TABLE):
            matcher.matching({"tenant": f"tenant-{number}"})
    matcher.matching({"tenant": "one more"})
    before = filter.times

    for _ in range(10):
        matcher.matching({"tenant": "tenant-7"})

    assert filter.times == before + 1


def test_remembers_a_bounded_number_of_answers_of_bounded_length() -> None:
    matcher = Matcher([Exact((("type", "a"),)), Exact((("tenant", "b"),))])
    for number in range(3 * TABLE):
        matcher.matching({"type": f"type-{number % 100}", "tenant": f"tenant-{number}"})
        assert matcher.remembered <= TABLE
    before = matcher.remembered

    assert matcher.matching({"type": "a" * (LONG + 1)}) == ()

    assert matcher.remembered == before


def test_without_filters_nothing_matches() -> None:
    assert Matcher([]).matching({"type": "a"}) == ()
