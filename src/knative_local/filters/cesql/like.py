"""Patterns of LIKE (section 3.4.3) as tests of a text, the frequent shapes without a regular expression."""

from __future__ import annotations

import re
from collections.abc import Callable

Test = Callable[[str], object]
"""Gives something true for a text that matches."""
_ONE = ""


def test_of(pattern: str) -> Test:
    r"""A test for `pattern`: `%` stands for any characters, `_` for one; a `\` before either takes its meaning away.

    The time that it takes grows with the text and the pattern only, whatever is in them.
    """
    segments = _segments(pattern)
    if not any(_ONE in segment for segment in segments):
        match ["".join(segment) for segment in segments]:
            case [whole]:
                return lambda text: text == whole
            case [start, ""]:
                return lambda text: text.startswith(start)
            case ["", end]:
                return lambda text: text.endswith(end)
            case ["", middle, ""]:
                return lambda text: middle in text
            case _:
                pass
    return re.compile(_expression(segments), re.DOTALL).fullmatch


def _segments(pattern: str) -> list[list[str]]:
    """The characters between the `%`; those that `_` stands for as _ONE."""
    segments: list[list[str]] = [[]]
    for found in re.finditer(r"\\[%_]|.", pattern, re.DOTALL):
        sign = found[0]
        if sign == "%":
            segments.append([])
        else:
            segments[-1].append(_ONE if sign == "_" else sign[-1])
    return segments


def _expression(segments: list[list[str]]) -> str:
    """What is between two `%` is sought once, leftmost, and never given back (`(?>…)`): nothing is gained by it."""
    pieces = ["".join("." if each == _ONE else re.escape(each) for each in segment) for segment in segments]
    if len(pieces) == 1:
        return pieces[0]
    return pieces[0] + "".join(f"(?>.*?{piece})" for piece in pieces[1:-1]) + ".*" + pieces[-1]
