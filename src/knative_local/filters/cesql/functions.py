"""CESQL's built-in functions (section 3.5), by name and number of arguments.

Each takes the list of failures, to which it adds its own, and the arguments cast to its parameters' types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from knative_local.filters.cesql.values import MOST, ErrorType, Failure, Failures, Type, Value

# Unicode's White_Space; str.strip would also take the control characters U+001C to U+001F.
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@dataclass(frozen=True, slots=True)
class Function:
    """A function of these `parameters`, then any number of `rest` when that is set; arguments are cast to these."""

    name: str
    parameters: tuple[Type, ...]
    returns: Type
    call: Callable[..., Value]
    rest: Type | None = None

    def takes(self, arguments: int) -> bool:
        """Whether it can be called with so many arguments."""
        least = len(self.parameters)
        return arguments == least or (self.rest is not None and arguments > least)


def find(name: str, arguments: int) -> Function | None:
    """The function of that name (in any case) that takes so many arguments."""
    for function in _BY_NAME.get(name.upper(), ()):
        if function.takes(arguments):
            return function
    return None


def names() -> list[str]:
    """All names, in order."""
    return sorted(_BY_NAME)


def _length(_: Failures, x: str) -> int:
    return len(x)


def _concat(_: Failures, *parts: str) -> str:
    return "".join(parts)


def _concat_ws(_: Failures, delimiter: str, *parts: str) -> str:
    return delimiter.join(parts)


def _lower(_: Failures, x: str) -> str:
    return x.lower()


def _upper(_: Failures, x: str) -> str:
    return x.upper()


def _trim(_: Failures, x: str) -> str:
    return x.strip(_WHITE_SPACE)


def _left(failures: Failures, x: str, count: int) -> str:
    if count < 0:
        failures.append(_not_evaluated(f"LEFT of {count} characters"))
        return x
    return x[:count]


def _right(failures: Failures, x: str, count: int) -> str:
    if count < 0:
        failures.append(_not_evaluated(f"RIGHT of {count} characters"))
        return x
    return x[len(x) - count :] if count < len(x) else x


def _substring(failures: Failures, x: str, position: int, length: int | None = None) -> str:
    if not -len(x) <= position <= len(x):
        failures.append(_not_evaluated(f"SUBSTRING from {position} of {len(x)} characters"))
        return ""
    if length is not None and length < 0:
        failures.append(_not_evaluated(f"SUBSTRING of {length} characters"))
        return ""
    if position == 0:
        return ""
    start = position - 1 if position > 0 else len(x) + position
    return x[start:] if length is None else x[start : start + length]


def _absolute(failures: Failures, x: int) -> int:
    if -x > MOST:
        failures.append(Failure(ErrorType.MATH, f"ABS({x}) is more than an Integer holds"))
        return MOST
    return abs(x)


def same(_: Failures, x: Value) -> Value:
    """What is left to do of a cast when the argument has been cast."""
    return x


def _not_evaluated(text: str) -> Failure:
    return Failure(ErrorType.FUNCTION_EVALUATION, text)


_S, _I, _B = Type.STRING, Type.INTEGER, Type.BOOLEAN
_FUNCTIONS = (
    Function("LENGTH", (_S,), _I, _length),
    Function("CONCAT", (), _S, _concat, rest=_S),
    Function("CONCAT_WS", (_S,), _S, _concat_ws, rest=_S),
    Function("LOWER", (_S,), _S, _lower),
    Function("UPPER", (_S,), _S, _upper),
    Function("TRIM", (_S,), _S, _trim),
    Function("LEFT", (_S, _I), _S, _left),
    Function("RIGHT", (_S, _I), _S, _right),
    Function("SUBSTRING", (_S, _I), _S, _substring),
    Function("SUBSTRING", (_S, _I, _I), _S, _substring),
    Function("ABS", (_I,), _I, _absolute),
    # The casts of section 3.7 by name: the cast of the argument is all that there is to do.
    Function("INT", (_I,), _I, same),
    Function("BOOL", (_B,), _B, same),
    Function("STRING", (_S,), _S, same),
)
_BY_NAME = {
    name: tuple(each for each in _FUNCTIONS if each.name == name) for name in {each.name for each in _FUNCTIONS}
}
