"""Dialect `suffix`: each named attribute is there and ends so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.port import Fallible


@dataclass(frozen=True, slots=True)
class Suffix:
    """Passes when all `wanted` attributes end with their text; a missing attribute does not."""

    wanted: tuple[tuple[str, str], ...]

    @property
    def attributes(self) -> frozenset[str]:
        """The names of the wanted attributes."""
        return frozenset(name for name, _ in self.wanted)

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """Nothing: how a value ends does not tell the value."""
        return {}

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """None."""
        return ()

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether every wanted attribute is present and ends with its text."""
        for name, text in self.wanted:  # noqa: SIM110 - runs for every event and Trigger, where a generator costs three times as much
            if name not in attributes or not attributes[name].endswith(text):
                return False
        return True

    def __str__(self) -> str:
        return " and ".join(f"{name} = …{text}" for name, text in self.wanted)
