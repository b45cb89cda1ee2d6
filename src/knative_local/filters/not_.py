"""Dialect `not`: the filter inside does not pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knative_local.filters.port import Fallible, Filter


@dataclass(frozen=True, slots=True)
class Not:
    """Passes when `inner` does not: so `not exact` passes an event that lacks the attribute."""

    inner: Filter

    @property
    def attributes(self) -> frozenset[str]:
        """Those of the filter inside."""
        return self.inner.attributes

    @property
    def needs(self) -> Mapping[str, frozenset[str]]:
        """Nothing: what the filter inside needs is what may be missing here."""
        return {}

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """Those of the filter inside."""
        return self.inner.fallible

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether the filter inside does not pass."""
        return not self.inner.matches(attributes)

    def __str__(self) -> str:
        return f"not ({self.inner})"
