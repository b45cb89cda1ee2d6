"""Dialect `any`: at least one of the filters inside passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.port import Filter


@dataclass(frozen=True, slots=True)
class Any:
    """Passes when one of `filters` does."""

    filters: tuple[Filter, ...]

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether at least one filter inside passes."""
        for each in self.filters:  # noqa: SIM110 - runs for every event and Trigger, where a generator costs three times as much
            if each.matches(attributes):
                return True
        return False

    def __str__(self) -> str:
        return f"({' or '.join(str(each) for each in self.filters)})"
