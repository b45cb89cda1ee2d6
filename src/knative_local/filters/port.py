"""What a filter is, and the one that lets everything pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Fallible(Protocol):
    """A part of a filter that is evaluated, and that for some events cannot be."""

    failures: int
    """How many events it could not be evaluated for since the start."""


class Filter(Protocol):
    """Decides on an event's attributes; `str()` gives a short text for people."""

    @property
    def attributes(self) -> frozenset[str]:
        """The names of the attributes that the answer depends on, and on nothing else."""
        ...

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """By attribute, the values of which it has to have one for the filter to pass; what a Matcher can look up.

        Necessary, not sufficient; attributes about which this cannot be told are left out.
        """
        ...

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """Its parts that may fail to be evaluated."""
        ...

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether an event with these context attributes passes."""
        ...


def failures_of(filter: Filter) -> int:
    """How many times parts of `filter` could not be evaluated since the start."""
    return sum(each.failures for each in filter.fallible)


@dataclass(frozen=True, slots=True)
class _Everything:
    @property
    def attributes(self) -> frozenset[str]:
        return frozenset()

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        return {}

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        return ()

    def matches(self, attributes: Mapping[str, str]) -> bool:  # noqa: ARG002 - the port's signature
        return True

    def __str__(self) -> str:
        return "everything"


EVERYTHING: Filter = _Everything()
"""The filter of a Trigger that has none."""
