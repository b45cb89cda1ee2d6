"""What a filter is, and the one that lets everything pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Filter(Protocol):
    """Decides on an event's attributes; `str()` gives a short text for people."""

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether an event with these context attributes passes."""
        ...


@dataclass(frozen=True, slots=True)
class _Everything:
    def matches(self, attributes: Mapping[str, str]) -> bool:  # noqa: ARG002 - the port's signature
        return True

    def __str__(self) -> str:
        return "everything"


EVERYTHING: Filter = _Everything()
"""The filter of a Trigger that has none."""
