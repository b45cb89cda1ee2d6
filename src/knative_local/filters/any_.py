"""Dialect `any`: at least one of the filters inside passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.port import Fallible, Filter


@dataclass(frozen=True, slots=True)
class Any:
    """Passes when one of `filters` does."""

    filters: tuple[Filter, ...]

    @property
    def attributes(self) -> frozenset[str]:
        """Those of all filters inside."""
        return frozenset[str]().union(*(each.attributes for each in self.filters))

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What every filter inside needs; a value has to suit one of them."""
        inside = [each.needs for each in self.filters]
        shared = set(inside[0]).intersection(*inside[1:]) if inside else set[str]()
        return {name: frozenset[str]().union(*(needs[name] for needs in inside)) for name in shared}

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """Those of all filters inside."""
        return tuple(part for each in self.filters for part in each.fallible)

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether at least one filter inside passes."""
        for each in self.filters:  # noqa: SIM110 - runs for every event and Trigger, where a generator costs three times as much
            if each.matches(attributes):
                return True
        return False

    def __str__(self) -> str:
        return f"({' or '.join(str(each) for each in self.filters)})"
