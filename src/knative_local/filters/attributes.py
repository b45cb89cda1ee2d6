"""The older `filter.attributes` of a Trigger: equality, or that an attribute is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.port import Fallible


@dataclass(frozen=True, slots=True)
class Attributes:
    """Passes when all `wanted` attributes are equal, and all that have to be `present` have a value."""

    wanted: tuple[tuple[str, str], ...]
    present: tuple[str, ...] = ()

    @property
    def attributes(self) -> frozenset[str]:
        """The names of all of them."""
        return frozenset((*(name for name, _ in self.wanted), *self.present))

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """The value that each wanted attribute has to have."""
        return {name: frozenset((value,)) for name, value in self.wanted}

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """None."""
        return ()

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether every wanted attribute has exactly its value, and the others that are named have any."""
        for name, value in self.wanted:
            if attributes.get(name) != value:
                return False
        for name in self.present:  # noqa: SIM110 - runs for every event and Trigger, where a generator costs three times as much
            if not attributes.get(name):
                return False
        return True

    def __str__(self) -> str:
        return " and ".join(
            [f"{name} = {value}" for name, value in self.wanted] + [f"{name} is there" for name in self.present]
        )
