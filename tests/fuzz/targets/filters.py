"""Filters of a Trigger: the matcher says what asking each of them says, for any filters and events."""

from collections.abc import Mapping

from atheris import FuzzedDataProvider

from knative_local.building_eventing import filter_of
from knative_local.filters import Matcher
from tests.fuzz.targets.events import NAMES, VALUES, event

EXPRESSIONS = [
    "type = 'a'",
    "EXISTS subject",
    "amount > 3",
    "subject IN (type, 'b')",
    "id LIKE '%a%'",
    "1 / amount = 0",
]
Tree = Mapping[str, object]


def tree(provider: FuzzedDataProvider, depth: int) -> Tree:
    """An entry of `filters`, as it stands in a manifest."""
    dialects = ["exact", "prefix", "suffix", "cesql"] + (["all", "any", "not"] if depth else [])
    dialect = provider.PickValueInList(dialects)
    match dialect:
        case "all" | "any":
            return {dialect: [tree(provider, depth - 1) for _ in range(provider.ConsumeIntInRange(1, 3))]}
        case "not":
            return {dialect: tree(provider, depth - 1)}
        case "cesql":
            return {dialect: provider.PickValueInList(EXPRESSIONS)}
        case _:
            amount = provider.ConsumeIntInRange(0, 2)
            return {dialect: {provider.PickValueInList(NAMES): provider.PickValueInList(VALUES) for _ in range(amount)}}


def one(data: bytes) -> None:
    provider = FuzzedDataProvider(data)
    trees = [tree(provider, 3) for _ in range(provider.ConsumeIntInRange(0, 5))]
    filters, same = [filter_of(dict(each)) for each in trees], [filter_of(dict(each)) for each in trees]
    matcher = Matcher(filters)
    for _ in range(provider.ConsumeIntInRange(1, 8)):
        attributes = event(provider)
        naive = tuple(index for index, each in enumerate(same) if each.matches(attributes))
        assert matcher.matching(attributes) == naive
        assert matcher.matching(attributes) == naive
    for each in filters:
        assert str(each)
