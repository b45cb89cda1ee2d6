"""CESQL's types, the casts between them, and its errors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Value = str | int | bool

LEAST, MOST = -(2**31), 2**31 - 1
"""The range of an Integer."""
_SURE = 9
"""Decimal digits that are an Integer whatever they are."""
_SHOWN = 40


class Type(StrEnum):
    """The primitive types (section 3.1)."""

    STRING = "String"
    INTEGER = "Integer"
    BOOLEAN = "Boolean"


class ErrorType(StrEnum):
    """The errors that every engine has to know (section 3.3)."""

    PARSE = "ParseError"
    MATH = "MathError"
    CAST = "CastError"
    MISSING_ATTRIBUTE = "MissingAttributeError"
    MISSING_FUNCTION = "MissingFunctionError"
    FUNCTION_EVALUATION = "FunctionEvaluationError"
    GENERIC = "GenericError"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of an evaluation."""

    type: ErrorType
    text: str

    def __str__(self) -> str:
        return f"{self.type}: {self.text}"


Failures = list[Failure]


class InvalidExpression(ValueError):
    """An expression that is no CESQL; `line` and `column` count from 1 and are where it goes wrong."""

    def __init__(self, type: ErrorType, text: str, line: int, column: int) -> None:
        self.type = type
        self.line = line
        self.column = column
        where = f"column {column}" if line == 1 else f"line {line}, column {column}"
        super().__init__(f"{where}: {text}")


def type_of(value: Value) -> Type:
    """The type of a value."""
    if isinstance(value, bool):
        return Type.BOOLEAN
    return Type.INTEGER if isinstance(value, int) else Type.STRING


def integer_of(text: str) -> int | None:
    """A String as an Integer (section 3.7): decimal digits, perhaps with a sign, of 32 bits; None for others."""
    if text.isdigit() and text.isascii() and len(text) <= _SURE:
        return int(text)
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits.isdigit() or not digits.isascii():
        return None
    digits = digits.lstrip("0") or "0"
    if len(digits) > _SURE + 1:
        return None
    number = -int(digits) if text[0] == "-" else int(digits)
    return number if LEAST <= number <= MOST else None


def boolean_of(text: str) -> bool | None:
    """A String as a Boolean (section 3.7): `true` or `false` in any case; None for others."""
    lower = text.lower()
    return lower == "true" if lower in ("true", "false") else None


def string_of(value: Value) -> str:
    """Any value as a String (section 3.7)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def wrapped(number: int) -> int:
    """A number as the 32 bits of twos-complement that an Integer has: sums and products go round at the ends."""
    return number if LEAST <= number <= MOST else (number - LEAST & 0xFFFF_FFFF) + LEAST


def shown(text: str) -> str:
    """A text as it stands in a message."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
