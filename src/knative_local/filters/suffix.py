"""Dialect `suffix`: each named attribute is there and ends so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suffix:
    """Passes when all `wanted` attributes end with their text; a missing attribute does not."""

    wanted: tuple[tuple[str, str], ...]

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether every wanted attribute is present and ends with its text."""
        return all(name in attributes and attributes[name].endswith(text) for name, text in self.wanted)

    def __str__(self) -> str:
        return " and ".join(f"{name} = …{text}" for name, text in self.wanted)
