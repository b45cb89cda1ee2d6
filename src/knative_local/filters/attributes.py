"""The older `filter.attributes` of a Trigger: equality, where an empty value only asks for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.port import Fallible


@dataclass(frozen=True, slots=True)
class Attributes:
    """Passes when all `wanted` attributes are equal; a wanted empty value passes for any event."""

    wanted: tuple[tuple[str, str], ...]

    @property
    def attributes(self) -> frozenset[str]:
        """The names of the wanted attributes."""
        return frozenset(name for name, value in self.wanted if value)

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """The value that each attribute has to have that is wanted with one."""
        return {name: frozenset((value,)) for name, value in self.wanted if value}

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """None."""
        return ()

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether every wanted attribute that has a value is present with exactly that value."""
        for name, value in self.wanted:  # noqa: SIM110 - runs for every event and Trigger, where a generator costs three times as much
            if value and attributes.get(name) != value:
                return False
        return True

    def __str__(self) -> str:
        return " and ".join(f"{name} = {value}" for name, value in self.wanted if value) or "everything"
