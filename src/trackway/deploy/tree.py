"""Looks into the trees of objects, in which anything may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

Tree = Mapping[str, Any]


def at(tree: Any, *path: str) -> Any:
    """What is at a path; None where there is nothing."""
    for step in path:
        if not isinstance(tree, Mapping):
            return None
        tree = cast("Tree", tree).get(step)
    return tree


def mapping(tree: Any, *path: str) -> Tree:
    """The mapping at a path; an empty one where there is none."""
    found = at(tree, *path)
    return cast("Tree", found) if isinstance(found, Mapping) else {}


def listing(tree: Any, *path: str) -> Sequence[Any]:
    """The list at a path; an empty one where there is none."""
    found = at(tree, *path)
    return cast("list[Any]", found) if isinstance(found, list) else ()


def texts(tree: Any) -> Iterator[str]:
    """All texts that are values somewhere in a tree."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for each in cast("Tree", tree).values():
            yield from texts(each)
    elif isinstance(tree, list):
        for each in cast("list[Any]", tree):
            yield from texts(each)
