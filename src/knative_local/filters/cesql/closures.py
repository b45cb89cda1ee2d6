"""What evaluates each kind of node of a CESQL expression, as closures.

A closure takes the event's attributes and a list that failures are added to. When a failure of its operands is in the
list it gives the zero value of its type at once, so a failure anywhere that was evaluated makes a Boolean false. What
is frequent in filters (an attribute beside a literal) has closures of its own, which call no others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import TypeVar

from knative_local.filters.cesql.values import (
    ErrorType,
    Failure,
    Failures,
    Type,
    Value,
    boolean_of,
    integer_of,
    shown,
    string_of,
    wrapped,
)

_V = TypeVar("_V", bound=Value)
Attributes = Mapping[str, str]
Closure = Callable[[Attributes, Failures], _V]
Compare = Callable[[Value, Value], bool]
Reckon = Callable[[Failures, int, int], int]


def constant(value: _V) -> Closure[_V]:
    """A literal's value."""
    return lambda _, __: value


def text_attribute(name: str) -> Closure[str]:
    """An attribute as it is."""
    absent = _missing(name)

    def read(attributes: Attributes, failures: Failures) -> str:
        value = attributes.get(name)
        if value is None:
            failures.append(absent)
            return ""
        return value

    return read


def integer_attribute(name: str) -> Closure[int]:
    """An attribute cast to an Integer."""
    absent = _missing(name)

    def read(attributes: Attributes, failures: Failures) -> int:
        text = attributes.get(name)
        if text is None:
            failures.append(absent)
            return 0
        number = integer_of(text)
        if number is None:
            failures.append(_no_cast(text, Type.INTEGER))
            return 0
        return number

    return read


def as_string(operand: Closure[Value]) -> Closure[str]:
    """A cast, which no value fails."""

    def converted(attributes: Attributes, failures: Failures) -> str:
        value = operand(attributes, failures)
        return "" if failures else string_of(value)

    return converted


def string_as_integer(operand: Closure[str]) -> Closure[int]:
    """A cast, which only some texts pass."""

    def converted(attributes: Attributes, failures: Failures) -> int:
        text = operand(attributes, failures)
        if failures:
            return 0
        number = integer_of(text)
        if number is None:
            failures.append(_no_cast(text, Type.INTEGER))
            return 0
        return number

    return converted


def string_as_boolean(operand: Closure[str]) -> Closure[bool]:
    """A cast, which only `true` and `false` pass."""

    def converted(attributes: Attributes, failures: Failures) -> bool:
        text = operand(attributes, failures)
        if failures:
            return False
        found = boolean_of(text)
        if found is None:
            failures.append(_no_cast(text, Type.BOOLEAN))
            return False
        return found

    return converted


def boolean_as_integer(operand: Closure[bool]) -> Closure[int]:
    """A cast, which no value fails."""
    return lambda attributes, failures: int(operand(attributes, failures))


def integer_as_boolean(operand: Closure[int]) -> Closure[bool]:
    """A cast, which no value fails."""

    def converted(attributes: Attributes, failures: Failures) -> bool:
        number = operand(attributes, failures)
        return number != 0 and not failures

    return converted


def negation(operand: Closure[bool]) -> Closure[bool]:
    """NOT."""

    def negate(attributes: Attributes, failures: Failures) -> bool:
        value = operand(attributes, failures)
        return not value and not failures

    return negate


def conjunction(operands: tuple[Closure[bool], ...]) -> Closure[bool]:
    """AND of two or more; of an operand that failed the value is false, so there is no need to look for failures."""
    match operands:
        case (a, b):
            return lambda attributes, failures: a(attributes, failures) and b(attributes, failures)
        case (a, b, c):
            return lambda attributes, failures: (
                a(attributes, failures) and b(attributes, failures) and c(attributes, failures)
            )
        case _:
            pass

    def every(attributes: Attributes, failures: Failures) -> bool:
        for operand in operands:  # noqa: SIM110 - a generator costs more than most operands
            if not operand(attributes, failures):
                return False
        return True

    return every


def disjunction(operands: tuple[Closure[bool], ...]) -> Closure[bool]:
    """OR of two or more."""

    def some(attributes: Attributes, failures: Failures) -> bool:
        for operand in operands:
            if operand(attributes, failures):
                return True
            if failures:
                return False
        return False

    return some


def exclusive(operands: tuple[Closure[bool], ...]) -> Closure[bool]:
    """XOR of two or more."""

    def odd(attributes: Attributes, failures: Failures) -> bool:
        value = False
        for operand in operands:
            value ^= operand(attributes, failures)
            if failures:
                return False
        return value

    return odd


def text_is(name: str, text: str) -> Closure[bool]:
    """`name = 'text'`."""
    absent = _missing(name)

    def equals(attributes: Attributes, failures: Failures) -> bool:
        value = attributes.get(name)
        if value is None:
            failures.append(absent)
        return value == text

    return equals


def text_is_not(name: str, text: str) -> Closure[bool]:
    """`name != 'text'`."""
    absent = _missing(name)

    def differs(attributes: Attributes, failures: Failures) -> bool:
        value = attributes.get(name)
        if value is None:
            failures.append(absent)
            return False
        return value != text

    return differs


def number_compares(name: str, compare: Callable[[Value, Value], bool], number: int) -> Closure[bool]:
    """`name < 10` and the like."""
    absent = _missing(name)

    def compares(attributes: Attributes, failures: Failures) -> bool:
        text = attributes.get(name)
        if text is None:
            failures.append(absent)
            return False
        value = integer_of(text)
        if value is None:
            failures.append(_no_cast(text, Type.INTEGER))
            return False
        return compare(value, number)

    return compares


def among(sought: Closure[Value], values: Set[Value]) -> Closure[bool]:
    """IN a set of literals."""

    def found(attributes: Attributes, failures: Failures) -> bool:
        return sought(attributes, failures) in values and not failures

    return found


def negative(operand: Closure[int]) -> Closure[int]:
    """`-x`."""

    def negate(attributes: Attributes, failures: Failures) -> int:
        number = operand(attributes, failures)
        return 0 if failures else wrapped(-number)

    return negate


def divide(failures: Failures, x: int, y: int) -> int:
    """`x / y`, rounded towards zero."""
    if y == 0:
        failures.append(Failure(ErrorType.MATH, f"{x} / 0"))
        return 0
    quotient = abs(x) // abs(y)
    return wrapped(quotient if (x < 0) == (y < 0) else -quotient)


def remainder(failures: Failures, x: int, y: int) -> int:
    """`x % y`, of the sign of `x`."""
    if y == 0:
        failures.append(Failure(ErrorType.MATH, f"{x} % 0"))
        return 0
    remainder = abs(x) % abs(y)
    return remainder if x >= 0 else -remainder


def comparison(compare: Compare, left: Closure[Value], right: Closure[Value]) -> Closure[bool]:
    """Two values of one type compared."""

    def compares(attributes: Attributes, failures: Failures) -> bool:
        x = left(attributes, failures)
        y = right(attributes, failures)
        return compare(x, y) and not failures

    return compares


def like(operand: Closure[str], test: Callable[[str], object]) -> Closure[bool]:
    """LIKE, by a test of the text."""

    def passes(attributes: Attributes, failures: Failures) -> bool:
        text = operand(attributes, failures)
        return not failures and bool(test(text))

    return passes


def found_in(sought: Closure[Value], elements: tuple[Closure[Value], ...]) -> Closure[bool]:
    """IN a set of any elements, which are evaluated one after the other until it is found, as the brokers do."""

    def found(attributes: Attributes, failures: Failures) -> bool:
        value = sought(attributes, failures)
        if failures:
            return False
        for element in elements:
            equal = element(attributes, failures) == value
            if equal or failures:
                return equal and not failures
        return False

    return found


def arithmetic(reckon: Reckon, left: Closure[int], right: Closure[int]) -> Closure[int]:
    """Two Integers reckoned."""

    def reckoned(attributes: Attributes, failures: Failures) -> int:
        x = left(attributes, failures)
        y = right(attributes, failures)
        return 0 if failures else reckon(failures, x, y)

    return reckoned


def call(function: Callable[..., _V], zero: _V, arguments: tuple[Closure[Value], ...]) -> Closure[_V]:
    """A function's value, or `zero` when an argument failed."""

    def called(attributes: Attributes, failures: Failures) -> _V:
        values = [each(attributes, failures) for each in arguments]
        return zero if failures else function(failures, *values)

    return called


def add(_: Failures, x: int, y: int) -> int:
    """`x + y`."""
    return wrapped(x + y)


def subtract(_: Failures, x: int, y: int) -> int:
    """`x - y`."""
    return wrapped(x - y)


def multiply(_: Failures, x: int, y: int) -> int:
    """`x * y`."""
    return wrapped(x * y)


def _missing(name: str) -> Failure:
    return Failure(ErrorType.MISSING_ATTRIBUTE, f"the event has no attribute {name}")


def _no_cast(text: str, to: Type) -> Failure:
    return Failure(ErrorType.CAST, f"{shown(text)} is no {to}")
