"""Dialect `cesql`: the expression is true for the event."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from knative_local.filters.cesql.values import ErrorType, Failure, InvalidExpression, Type
from knative_local.filters.port import Fallible

if TYPE_CHECKING:
    from knative_local.filters.cesql.expression import Expression

logger = logging.getLogger(__name__)


def mistake_in(expression: str) -> str | None:
    """What is wrong with an expression for a filter, and where; None when nothing is, as with an empty one."""
    try:
        if expression:
            _parsed(expression)
    except InvalidExpression as error:
        return f"has a mistake in {error}"
    return None


class CesqlFilter:
    """Passes when `expression` is true; an event that it cannot be evaluated for does not pass (section 1.2).

    `failures` counts those events; the first is logged. Two of the same text are equal.
    """

    def __init__(self, expression: str) -> None:
        """Raises InvalidExpression: no CESQL, or none that could ever be true."""
        parsed = _parsed(expression)
        self.expression = expression
        self.attributes = parsed.attributes
        self.needs = parsed.needs
        self.failures = 0
        self._run = parsed.run
        if parsed.loose:
            logger.warning(
                "cesql %r: AND, OR and XOR bind alike and are grouped from the right, as in Knative's brokers: "
                "a AND b OR c is a AND (b OR c); write the brackets",
                expression,
            )

    @property
    def fallible(self) -> tuple[Fallible, ...]:
        """Itself."""
        return (self,)

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether the expression is true, without a failure."""
        failures: list[Failure] = []
        value = self._run(attributes, failures)
        if failures:
            self._failed(failures[0])
            return False
        return value is True

    def _failed(self, failure: Failure) -> None:
        self.failures += 1
        if self.failures == 1:
            logger.warning("cesql %r: an event does not pass: %s; further ones are counted", self.expression, failure)

    def __str__(self) -> str:
        return self.expression

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CesqlFilter) and other.expression == self.expression

    def __hash__(self) -> int:
        return hash(self.expression)


def _parsed(expression: str) -> Expression:
    # Brings the parser along, which is heavy and which only those need who have such a filter.
    from knative_local.filters.cesql.expression import Expression  # noqa: PLC0415

    parsed = Expression(expression)
    if parsed.type is not Type.BOOLEAN:
        text = f"the value is of type {parsed.type}, and only a Boolean lets events pass: compare it, or write BOOL(…)"
        raise InvalidExpression(ErrorType.GENERIC, text, 1, 1)
    return parsed
