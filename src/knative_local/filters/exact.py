"""Dialect `exact`: each named attribute is there and equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.port import Fallible


@dataclass(frozen=True, slots=True)
class Exact:
    """Passes when all `wanted` attributes are equal; a missing attribute is not (seen in the Kafka broker)."""

    wanted: tuple[tuple[str, str], ...]

    @property
    def attributes(self) -> frozenset[str]:
        """The names of the wanted attributes."""
        return frozenset(name for name, _ in self.wanted)

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """The value that each wanted attribute has to have."""
        return {name: frozenset((value,)) for name, value in self.wanted}

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """None."""
        return ()

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether every wanted attribute is present with exactly its value."""
        for name, value in self.wanted:  # noqa: SIM110 - runs for every event and Trigger, where a generator costs three times as much
            if attributes.get(name) != value:
                return False
        return True

    def __str__(self) -> str:
        return " and ".join(f"{name} = {value}" for name, value in self.wanted)
