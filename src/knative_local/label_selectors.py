"""Label selectors, as Kubernetes has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of a selector's `matchExpressions`."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()

    def met(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with `labels` meets it (Kubernetes: a missing label is not in any values)."""
        there = (
            self.key in labels if self.operator in ("Exists", "DoesNotExist") else labels.get(self.key) in self.values
        )
        return there == (self.operator in ("In", "Exists"))


@dataclass(frozen=True, slots=True)
class Selector:
    """Chooses objects by their labels: all of `labels` and all of `expressions` have to hold."""

    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    expressions: tuple[Requirement, ...] = ()

    def chooses(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with `labels` is chosen."""
        return self.labels.items() <= labels.items() and all(each.met(labels) for each in self.expressions)
