"""What an apply would change: the object as it is beside the object as it would be."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import yaml

from trackway.deploy.tree import Tree, mapping

_OF_THE_SERVER = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_OF_THE_WEBHOOK = ("serving.knative.dev/creator", "serving.knative.dev/lastModifier", "eventing.knative.dev/creator")
_AND_TOO = ("eventing.knative.dev/lastModifier", "sources.knative.dev/creator", "sources.knative.dev/lastModifier")
_HIDDEN = "(hidden)"


def bare(tree: Tree | None) -> Tree:
    """An object without what the API server and its webhooks note down about it, and without its status."""
    if tree is None:
        return {}
    metadata = {key: value for key, value in mapping(tree, "metadata").items() if key not in _OF_THE_SERVER}
    kept = mapping(metadata, "annotations").items()
    annotations = {key: value for key, value in kept if key not in _OF_THE_WEBHOOK + _AND_TOO}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    return {**{key: value for key, value in tree.items() if key != "status"}, "metadata": metadata}


def same(one: Tree | None, other: Tree | None) -> bool:
    """Whether nothing that anybody wrote differs."""
    return bare(one) == bare(other)


def diff(name: str, before: Tree | None, after: Tree | None) -> Iterator[str]:
    """The lines of a unified diff; none where nothing would change. A Secret's values are not shown."""
    one, other = bare(before), bare(after)
    if one == other:
        return
    if "Secret" in (one.get("kind"), other.get("kind")):
        one, other = _without_secrets(one, other, "before"), _without_secrets(other, one, "after")
    lines = [yaml.safe_dump(dict(each), allow_unicode=True).splitlines() if each else [] for each in (one, other)]
    yield from unified_diff(lines[0], lines[1], f"{name} (is)", f"{name} (would be)", lineterm="")


def _without_secrets(tree: Tree, other: Tree, side: str) -> Tree:
    """Values that differ are told apart, and not told."""

    def hide(value: Any, others: Any) -> str:
        return _HIDDEN if value == others else f"{_HIDDEN} {side}"

    hidden = {
        field: {key: hide(value, mapping(other, field).get(key)) for key, value in mapping(tree, field).items()}
        for field in ("data", "stringData")
        if field in tree
    }
    return {**tree, **hidden}
