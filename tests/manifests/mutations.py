"""Mistakes, made one at a time: every field of every kind that we deploy, misspelt, of a wrong type, missing, or with a
value that is no good."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
FREE = {
    "labels",
    "annotations",
    "matchLabels",
    "attributes",
    "exact",
    "prefix",
    "suffix",
    "requests",
    "limits",
    "data",
    "stringData",
    "extensions",
    "config",
    "nodeSelector",
    "customTags",
    "tagOverrides",
    "headers",
}
"""Maps whose keys are anybody's choice."""


class Mutation(NamedTuple):
    """What was done to which kind, and what came of it."""

    name: str
    how: str
    path: Path
    before: dict[str, Any]
    after: dict[str, Any]


def misspelt(place: Any, key: Any) -> bool:
    """The last two letters of a field's name exchanged, or the last one doubled."""
    if not isinstance(place, dict):
        return False
    word = str(key)
    wrong = word[:-2] + word[-1] + word[-2] if word[-1] != word[-2:-1] and len(word) > 1 else word + word[-1]
    entries = [(wrong if each == key else each, value) for each, value in place.items()]
    place.clear()
    place.update(entries)
    return True


def of_a_wrong_type(place: Any, key: Any) -> bool:
    """A number where there was a text, and the like; what has no wrong type (a quantity, a port) is left alone."""
    value = place[key]
    wrong = {str: [value], int: [value], bool: "perhaps", dict: "text", list: {"a": "b"}, float: "many"}
    if type(value) not in wrong:
        return False
    place[key] = wrong[type(value)]
    return True


def missing(place: Any, key: Any) -> bool:
    """Not there."""
    if isinstance(place, list) and len(place) < 2:
        return False
    del place[key]
    return True


def no_such_word(place: Any, key: Any) -> bool:
    """A text with letters that no name or word has."""
    if not isinstance(place[key], str):
        return False
    place[key] += "~é"
    return True


def empty(place: Any, key: Any) -> bool:
    """Nothing in it."""
    if not isinstance(place[key], str | list | dict):
        return False
    place[key] = type(place[key])()
    return True


def too_small(place: Any, key: Any) -> bool:
    """A number below zero."""
    if type(place[key]) is not int:
        return False
    place[key] = -1
    return True


def too_large(place: Any, key: Any) -> bool:
    """A number beyond what anything takes."""
    if type(place[key]) is not int:
        return False
    place[key] = 2**33
    return True


HOWS: tuple[Callable[[Any, Any], bool], ...] = (
    misspelt,
    of_a_wrong_type,
    missing,
    no_such_word,
    empty,
    too_small,
    too_large,
)


def paths(tree: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all fields, of the first item of a list only, and not below maps with any keys."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield (*path, key)
            selector = key == "selector" and all(isinstance(each, str) for each in value.values())  # a v1 Service's
            if key not in FREE and not selector:
                yield from paths(value, (*path, key))
    elif isinstance(tree, list) and tree:
        yield (*path, 0)
        yield from paths(tree[0], (*path, 0))


def mutations(documents: Iterable[dict[str, Any]]) -> list[Mutation]:
    """For each kind and way of being wrong: each field that any of its objects has, once."""
    found: dict[tuple[str, str], Mutation] = {}
    for document in documents:
        for path in paths(document):
            if path[0] in ("apiVersion", "kind") or (path[:1] == ("metadata",) and len(path) == 1):
                continue
            for how in HOWS:
                name = f"{document['apiVersion']} {document['kind']}: {'.'.join(map(str, path))}"
                if (name, how.__name__) not in found:
                    changed = copy.deepcopy(document)
                    place: Any = changed
                    for step in path[:-1]:
                        place = place[step]
                    if how(place, path[-1]):
                        found[name, how.__name__] = Mutation(name, how.__name__, path, document, changed)
    return list(found.values())
