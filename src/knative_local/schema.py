"""Shapes of manifest fields as data, and the one check that holds a document against its shape."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Any

from knative_local.durations import go_duration, iso_duration
from knative_local.source import Source
from knative_local.yaml_tree import Errors, Leaf, Listing, Mapping, Node, plain


@dataclass(frozen=True, slots=True)
class Text:
    """A text; one of `choices` when there are any."""

    choices: tuple[str, ...] = ()

    def wrong(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        if not isinstance(value, str):
            return f"is a text, not {_shown(value)}" + ("; put it into quotes" if value is not None else "")
        if self.choices and value not in self.choices:
            return f"is {_listed(self.choices)} here, not '{value}'"
        return None


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    least: int = 0
    most: int | None = None

    def wrong(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        if not isinstance(value, int) or isinstance(value, bool):
            return f"is a whole number, not {_shown(value)}"
        return _out_of_bounds(value, self.least, self.most)


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds."""

    least: float = 0.0
    most: float | None = None

    def wrong(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return f"is a number, not {_shown(value)}"
        return _out_of_bounds(value, self.least, self.most)


@dataclass(frozen=True, slots=True)
class YesNo:
    """A boolean."""

    def wrong(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        return None if isinstance(value, bool) else f"is true or false, not {_shown(value)}"


@dataclass(frozen=True, slots=True)
class Period:
    """A duration in seconds: ISO 8601 (`PT0.2S`), or Go's notation (`1m30s`) where `go`."""

    go: bool = False
    least: float = 0.0
    most: float | None = None

    def wrong(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        seconds = (go_duration if self.go else iso_duration)(value) if isinstance(value, str) else None
        if seconds is None:
            return f"is a duration such as {'1m30s' if self.go else 'PT0.2S'}, not {_shown(value)}"
        return _out_of_bounds(seconds, self.least, self.most, " s")


@dataclass(frozen=True, slots=True)
class Matching:
    """A text that `pattern` describes whole; `says` is how a person would say it."""

    pattern: str
    says: str

    def wrong(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        matches = isinstance(value, str) and re.fullmatch(self.pattern, value)
        return None if matches else f"is {self.says}, not {_shown(value)}"


@dataclass(frozen=True, slots=True)
class Either:
    """A value that is right by one of `kinds`."""

    kinds: tuple[Value, ...]

    def wrong(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        found = [kind.wrong(value) for kind in self.kinds]
        return None if None in found else found[0]


@dataclass(frozen=True, slots=True)
class Checked:
    """A text about which `check` says what is wrong, or None."""

    check: Callable[[str], str | None]

    def wrong(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        return Text().wrong(value) or self.check(str(value))


Value = Text | Whole | Number | YesNo | Period | Matching | Either | Checked


@dataclass(frozen=True, slots=True)
class NoEffect:
    """Taken as it is, because it means something on a cluster only."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not served: using it is an error that says why."""

    why: str


@dataclass(frozen=True, slots=True)
class ListOf:
    """A sequence of `item`s, in number from `least` to `most`."""

    item: Shape
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping with any keys, or with those that `key` allows."""

    value: Shape
    least: int = 0
    key: Value | None = None


@dataclass(frozen=True, slots=True)
class Annotations:
    """Texts by name: `known` are read as their shape says; others are nothing to us, but below `guarded` an error."""

    known: Table[str, Value | NoEffect | Refused] = field(default_factory=dict[str, "Value | NoEffect | Refused"])
    guarded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Object:
    """A mapping with these fields; `one_of`: exactly one of them has to be there; `any_of`: at least one.

    `rule` says what is wrong with fields that are right one by one (given as dicts, lists and values), or None.
    """

    fields: Table[str, Shape]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    rule: Callable[[dict[str, Any]], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """A shape that is looked up when it is needed, for those that contain themselves."""

    shape: Callable[[], Shape]


Shape = Value | NoEffect | Refused | ListOf | MapOf | Annotations | Object | Later


@dataclass(frozen=True, slots=True)
class Check:
    """Holds a document against a shape; `whose` names the document in what is noted."""

    whose: str
    errors: Errors

    def run(self, node: Node, shape: Shape, path: str = "") -> None:
        """Note everything below `node` that is not as `shape` wants it."""
        match shape:
            case NoEffect():
                return
            case Refused(why):
                self._note(node.source, f"{path} {why}")
            case Later(look_up):
                self.run(node, look_up(), path)
            case ListOf():
                self._list(node, shape, path)
            case MapOf():
                self._map(node, shape, path)
            case Annotations():
                self._annotations(node, shape, path)
            case Object():
                self._object(node, shape, path)
            case _:
                self._value(node, shape, path)

    def _value(self, node: Node, shape: Value, path: str) -> None:
        wrong = shape.wrong(node.value) if isinstance(node, Leaf) else f"is a single value, not {_shown(node)}"
        if wrong:
            self._note(node.source, f"{path} {wrong}")

    def _list(self, node: Node, shape: ListOf, path: str) -> None:
        if not isinstance(node, Listing):
            self._note(node.source, f"{path} is a list, not {_shown(node)}")
            return
        wrong = _out_of_bounds(len(node.items), shape.least, shape.most, " entries")
        if wrong:
            self._note(node.source, f"{path} {wrong}")
        for index, item in enumerate(node.items):
            self.run(item, shape.item, f"{path}[{index}]")

    def _map(self, node: Node, shape: MapOf, path: str) -> None:
        if not isinstance(node, Mapping):
            self._note(node.source, f"{path} is a mapping, not {_shown(node)}")
            return
        if len(node.entries) < shape.least:
            self._note(node.source, f"{path} is empty")
        for key, value in node.entries.items():
            wrong = shape.key.wrong(key) if shape.key else None
            if wrong:
                self._note(node.keys[key], f"{path}: a key there {wrong}")
            self.run(value, shape.value, f"{path}.{key}")

    def _annotations(self, node: Node, shape: Annotations, path: str) -> None:
        self._map(node, MapOf(Text()), path)
        for key, value in node.entries.items() if isinstance(node, Mapping) else ():
            if not isinstance(value, Leaf) or not isinstance(value.value, str):
                continue
            known = shape.known.get(key)
            if isinstance(known, Refused):
                self._note(value.source, f"{path} '{key}' {known.why}")
            elif known is not None and not isinstance(known, NoEffect):
                wrong = known.wrong(_unquoted(value.value, known))
                if wrong:
                    self._note(value.source, f"{path} '{key}' {wrong}")
            elif known is None and key.startswith(shape.guarded):
                text = f"{path} '{key}' is not an annotation that is served here{_meant(key, shape.known)}"
                self._note(value.source, text)

    def _object(self, node: Node, shape: Object, path: str) -> None:
        if not isinstance(node, Mapping):
            self._note(node.source, f"{path or 'it'} is a mapping, not {_shown(node)}")
            return
        known = len(self.errors.found)
        for key, value in node.entries.items():
            below = f"{path}.{key}" if path else key
            if key not in shape.fields:
                self._note(node.keys[key], f"{below} is not a field that is served here{_meant(key, shape.fields)}")
            else:
                self.run(value, shape.fields[key], below)
        self._presence(node, shape, path)
        if shape.rule is not None and len(self.errors.found) == known:
            wrong = shape.rule(plain(node))
            if wrong:
                self._note(node.source, f"{path} {wrong}")

    def _presence(self, node: Mapping, shape: Object, path: str) -> None:
        at = f"{path}." if path else ""
        for key in shape.required:
            if key not in node.entries:
                self._note(node.source, f"{at}{key} is missing")
        there = [key for key in shape.one_of if key in node.entries]
        if shape.one_of and len(there) != 1:
            found = f"there are {' and '.join(there)}" if there else "there is none"
            self._note(node.source, f"{path} takes exactly one of {', '.join(shape.one_of)}; {found}")
        if shape.any_of and not any(key in node.entries for key in shape.any_of):
            self._note(node.source, f"{path} needs {_listed(shape.any_of)}")

    def _note(self, source: Source, text: str) -> None:
        self.errors.add(source, f"{self.whose}: {text}")


def _unquoted(text: str, shape: Value) -> object:
    """An annotation's text as the value that its shape is about."""
    if isinstance(shape, Whole | Number):
        for number in (int, float):
            try:
                return number(text)
            except ValueError:
                continue
    if isinstance(shape, YesNo):
        return {"true": True, "false": False}.get(text, text)
    return text


def _out_of_bounds(value: float, least: float, most: float | None, unit: str = "") -> str | None:
    if value < least:
        return f"is {value:g}{unit}; it has to be at least {least:g}"
    if most is not None and value > most:
        return f"is {value:g}{unit}; it may be {most:g} at most"
    return None


def _meant(key: str, known: Table[str, object]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _shown(value: object) -> str:
    if isinstance(value, Leaf):
        value = value.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | Listing):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    return f"'{value}'"
