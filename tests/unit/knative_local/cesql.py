"""Evaluating a CESQL expression for an event, for the tests of the language."""

from knative_local.filters.cesql.expression import Expression
from knative_local.filters.cesql.values import ErrorType, Value

EVENT = {"specversion": "1.0", "id": "7", "source": "http://town/cars", "type": "car.moved"}


def evaluate(expression: str, **attributes: str) -> tuple[Value, ErrorType | None]:
    """The value, and the type of the only failure."""
    result = Expression(expression).evaluate({**EVENT, **attributes})
    (failure,) = result.failures or (None,)
    return result.value, failure and failure.type
