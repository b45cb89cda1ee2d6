"""YAML as a tree whose every value knows its file and line, so that an error can say where."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from knative_local.source import Source


class ManifestErrors(Exception):
    """Everything that is wrong with the manifests; each of `errors` begins with `file:line: `.

    `files` are those that were looked for, there or not.
    """

    def __init__(self, errors: list[str], files: Iterable[Path]) -> None:
        super().__init__("\n".join(errors))
        self.errors = tuple(errors)
        self.files = frozenset(files)


class _TooMuch(Exception):
    """More than anybody writes: what contains itself, or an alias of aliases of aliases."""

    def __init__(self, source: Source, text: str) -> None:
        super().__init__(text)
        self.source = source


DEEPEST = 100
"""Values one inside the other at most; what follows the tree may recur so deep."""
MOST = 200_000
"""Values of a file at most, each counted as often as an alias repeats it."""


class Errors:
    """Collects what is wrong, and in `files` what was looked for, there or not."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.files: set[Path] = set()

    def add(self, source: Source, text: str) -> None:
        """Note an error once."""
        line = f"{source}: {text}"
        if line not in self.found:
            self.found.append(line)

    def raise_if_any(self) -> None:
        """Raise ManifestErrors when something was noted."""
        if self.found:
            raise ManifestErrors(self.found, self.files)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text, number, boolean or null."""

    value: str | int | float | bool | None
    source: Source


@dataclass(frozen=True, slots=True)
class Listing:
    """A sequence."""

    items: tuple[Node, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping; `keys` tells where each key stands."""

    entries: dict[str, Node]
    keys: dict[str, Source]
    source: Source


Node = Leaf | Listing | Mapping


def plain(node: Node | None) -> Any:
    """The tree as dicts, lists and values."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.entries.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return None if node is None else node.value


def find(node: Node | None, *path: str) -> Node | None:
    """What stands below `node` at the keys of `path`, or None."""
    for key in path:
        node = node.entries.get(key) if isinstance(node, Mapping) else None
    return node


def text_at(node: Node | None, *path: str) -> str | None:
    """The text at `path`, or None when there is none."""
    found = find(node, *path)
    return found.value if isinstance(found, Leaf) and isinstance(found.value, str) else None


def read_documents(path: Path, errors: Errors) -> list[Mapping]:
    """The documents of a file (or of a List in it) that are mappings; everything else is noted as an error."""
    name = shown(path)
    errors.files.add(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        errors.add(Source(name, 1), f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return []
    return parse_documents(text, name, errors)


def parse_documents(text: str, name: str, errors: Errors) -> list[Mapping]:
    """The documents of `text`, which stands in the file `name`."""
    documents: list[Mapping] = []
    try:
        loader = yaml.SafeLoader(text)
        reader = _Reader(name, errors)
        while loader.check_node():
            document = reader.node(loader.get_node())
            documents.extend(_objects(document, errors))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        errors.add(Source(name, line), f"is not YAML: {error.problem or error.context}")
    except _TooMuch as error:
        errors.add(error.source, str(error))
    except RecursionError:
        errors.add(Source(name, 1), f"is nested deeper than {DEEPEST}")
    except yaml.YAMLError as error:
        errors.add(Source(name, 1), f"is not YAML: {error}")
    return documents


def shown(path: Path) -> str:
    """A path as people see it: below the working directory when it is there."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _objects(document: Node, errors: Errors) -> Iterator[Mapping]:
    if isinstance(document, Leaf) and document.value is None:
        return  # an empty document: what stands between two separators may be a comment
    if not isinstance(document, Mapping):
        errors.add(document.source, "is no object with apiVersion and kind")
        return
    items = document.entries.get("items")
    if text_at(document, "kind") == "List" and isinstance(items, Listing):
        for item in items.items:
            yield from _objects(item, errors)
    else:
        yield document


class _Reader:
    def __init__(self, name: str, errors: Errors) -> None:
        self._name = name
        self._errors = errors
        self._count = 0

    def node(self, composed: Any, depth: int = 1) -> Node:
        source = Source(self._name, composed.start_mark.line + 1)
        self._count += 1
        if depth > DEEPEST:
            raise _TooMuch(source, f"is nested deeper than {DEEPEST}")
        if self._count > MOST:
            raise _TooMuch(source, f"is more than {MOST} values")
        if isinstance(composed, yaml.MappingNode):
            return self._mapping(composed, source, depth)
        if isinstance(composed, yaml.SequenceNode):
            return Listing(tuple(self.node(item, depth + 1) for item in composed.value), source)
        return Leaf(_value(composed.tag.rpartition(":")[2], str(composed.value)), source)

    def _mapping(self, composed: Any, source: Source, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        keys: dict[str, Source] = {}
        for key_node, value_node in composed.value:
            at = Source(self._name, key_node.start_mark.line + 1)
            key = str(key_node.value)
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                self._errors.add(at, f"the key '{key[:40]}' is no plain text")
            elif key in entries:
                self._errors.add(at, f"'{key}' stands there twice, first in line {keys[key].line}")
            else:
                entries[key] = self.node(value_node, depth + 1)
                keys[key] = at
        return Mapping(entries, keys, source)


def _value(kind: str, text: str) -> str | int | float | bool | None:
    """A scalar by the kind that YAML's rules gave it; what is no number that manifests could mean stays a text."""
    try:
        match kind:
            case "null":
                return None
            case "bool":
                return text.lower() in ("true", "yes", "on")
            case "int":
                return int(text)
            case "float":
                return float(text)
            case _:
                return text
    except ValueError:
        return text
