"""Dialect `all`: every one of the filters inside passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.port import Fallible, Filter


@dataclass(frozen=True, slots=True)
class All:
    """Passes when all of `filters` do; also what a Trigger's list of filters means."""

    filters: tuple[Filter, ...]

    @property
    def attributes(self) -> frozenset[str]:
        """Those of all filters inside."""
        return frozenset[str]().union(*(each.attributes for each in self.filters))

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """What any filter inside needs; a value has to suit all of them."""
        needs: dict[str, frozenset[str]] = {}
        for each in self.filters:
            for name, values in each.needs.items():
                needs[name] = needs[name] & values if name in needs else values
        return needs

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """Those of all filters inside."""
        return tuple(part for each in self.filters for part in each.fallible)

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether every filter inside passes."""
        for each in self.filters:  # noqa: SIM110 - runs for every event and Trigger, where a generator costs three times as much
            if not each.matches(attributes):
                return False
        return True

    def __str__(self) -> str:
        return " and ".join(str(each) for each in self.filters)
