"""Holds a manifest against the type of its kind, and tells all that is wrong with it at once.

Types are msgspec Structs: those of lightkube for what is Kubernetes' own, ours for the rest. msgspec itself would stop
at the first mistake and guess no word that was meant.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

Rule = Callable[[Any], str | None]
"""What is wrong with a value that has the right type, as the rest of a sentence ("is 0; …"); None for nothing."""
WholeRule = Callable[[Mapping[str, Any]], "Iterator[tuple[str, str]]"]
"""What is wrong with fields that are right one by one: the path below, and the rest of a sentence."""
Found = tuple[str, str]
"""A path such as ``spec.filters[0]``, and what is wrong there."""


class Rules(NamedTuple):
    """What a type does not say by itself: of single fields, and of all the fields of an object together."""

    fields: Mapping[tuple[type[Struct], str], Rule]
    wholes: Mapping[type[Struct], tuple[WholeRule, ...]]


NO_RULES = Rules({}, {})


def mistakes(tree: Any, kind: Any, rules: Rules = NO_RULES, path: str = "") -> Iterator[Found]:
    """Everything in ``tree`` that is not as the type ``kind`` wants it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _annotated(tree, arguments, rules, path)
    elif origin is Union or origin is types.UnionType:
        yield from _union(tree, arguments, rules, path)
    elif origin is Literal:
        if tree not in arguments:
            yield path, f"is {_listed(arguments)}, not {shown(tree)}"
    elif origin is list:
        yield from _list(tree, arguments[0], rules, path)
    elif origin is dict or kind is dict:
        yield from _dict(tree, arguments[1] if arguments else Any, rules, path)
    elif kind is not Any:
        yield from _plain(tree, cast("type[Any]", kind), rules, path)


def _plain(tree: Any, kind: type[Any], rules: Rules, path: str) -> Iterator[Found]:
    if issubclass(kind, Struct):
        yield from _object(tree, kind, rules, path)
    elif not _is(tree, kind):
        yield path, f"is {_CALLED[kind]}, not {shown(tree)}"


def _annotated(tree: Any, arguments: tuple[Any, ...], rules: Rules, path: str) -> Iterator[Found]:
    found = list(mistakes(tree, arguments[0], rules, path))
    yield from found
    if not found:
        yield from ((path, wrong) for rule in arguments[1:] if (wrong := cast("Rule", rule)(tree)))


def _union(tree: Any, kinds: tuple[Any, ...], rules: Rules, path: str) -> Iterator[Found]:
    """What the first kind has against it, unless another one has nothing."""
    wanted = [kind for kind in kinds if kind is not type(None)]
    found = [list(mistakes(tree, kind, rules, path)) for kind in wanted]
    if all(found):
        yield from found[0]


def _list(tree: Any, item: Any, rules: Rules, path: str) -> Iterator[Found]:
    if not isinstance(tree, list):
        yield path, f"is a list, not {shown(tree)}"
        return
    for index, each in enumerate(cast("list[Any]", tree)):
        yield from mistakes(each, item, rules, f"{path}[{index}]")


def _dict(tree: Any, value: Any, rules: Rules, path: str) -> Iterator[Found]:
    if not isinstance(tree, dict):
        yield path, f"is a mapping, not {shown(tree)}"
        return
    for key, each in cast("dict[Any, Any]", tree).items():
        yield from mistakes(each, value, rules, f"{path}.{key}")


def _object(tree: Any, kind: type[Struct], rules: Rules, path: str) -> Iterator[Found]:
    if not isinstance(tree, dict):
        yield path, f"is a mapping, not {shown(tree)}"
        return
    fields = fields_of(kind)
    # As the API server has it: a field of nothing is not there.
    given = {key: value for key, value in cast("dict[str, Any]", tree).items() if value is not None}
    found: list[Found] = []
    for key, value in given.items():
        below = f"{path}.{key}" if path else key
        if key not in fields:
            found.append((below, f"is not a field{meant(key, fields)}"))
            continue
        inside = list(mistakes(value, fields[key].kind, rules, below))
        rule = None if inside else rules.fields.get((kind, key))
        found += inside
        if rule is not None and (wrong := rule(value)):
            found.append((below, wrong))
    # Of a field that is misspelt it is not said too that it is missing.
    meant_ones = {near for key in given if key not in fields if (near := nearest(key, fields))}
    missing = [key for key, each in fields.items() if each.required and key not in given and key not in meant_ones]
    found += ((f"{path}.{key}" if path else key, "is missing") for key in missing)
    yield from found
    if not found:
        for whole in rules.wholes.get(kind, ()):
            yield from ((f"{path}.{below}".strip("."), wrong) for below, wrong in whole(given))


class Field(NamedTuple):
    """A field of an object: its type, and whether it has to be there."""

    kind: Any
    required: bool


@cache
def fields_of(kind: type[Struct]) -> dict[str, Field]:
    """The fields of a type by the names that manifests have for them."""
    return {each.encode_name: Field(each.type, each.required) for each in msgspec.structs.fields(kind)}


_CALLED: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    datetime: "a moment (RFC 3339)",
}


def _is(value: Any, kind: type[Any]) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is datetime:
        return isinstance(value, str)
    return type(value) is kind


def shown(value: Any) -> str:
    """A value in a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value) if isinstance(value, str) else str(value)


def meant(word: str, known: Mapping[str, Any] | tuple[str, ...] | list[str]) -> str:
    """A guess at what was meant, as the end of a sentence."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else ""


def nearest(word: str, known: Mapping[str, Any] | tuple[str, ...] | list[str]) -> str | None:
    """The word that one is most likely a misspelling of."""
    return next(iter(get_close_matches(word, list(known), n=1)), None)


def _listed(words: tuple[Any, ...]) -> str:
    return " or ".join(part for part in (", ".join(map(str, words[:-1])), str(words[-1])) if part)
