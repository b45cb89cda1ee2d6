"""A manifest as it is read: what it is called, and where it stems from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import yaml

from trackway.deploy.tree import Tree, at, listing, mapping

ORIGIN = "config.kubernetes.io/origin"
"""kustomize's annotation that says from which file an object is."""


class InvalidManifests(Exception):
    """What cannot be taken for manifests; the message says which and why."""


class _Loader(yaml.CSafeLoader):
    """Without YAML 1.1's moments, which are texts to Kubernetes."""


_RESOLVERS = cast("dict[str, list[tuple[str, Any]]]", yaml.CSafeLoader.yaml_implicit_resolvers)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _RESOLVERS.items()
}


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """One object; ``file`` is where it stems from, if that is known."""

    tree: Tree
    file: str = ""

    @property
    def api_version(self) -> str:
        """``group/version``, or ``v1``."""
        return str(self.tree.get("apiVersion", ""))

    @property
    def group(self) -> str:
        """The API group; empty for Kubernetes' core."""
        return self.api_version.rpartition("/")[0]

    @property
    def kind(self) -> str:
        """As ``Deployment``."""
        return str(self.tree.get("kind", ""))

    @property
    def metadata(self) -> Tree:
        """Empty where it is none."""
        return mapping(self.tree, "metadata")

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.metadata.get("name", ""))

    @property
    def namespace(self) -> str:
        """Its namespace; empty where it names none."""
        return str(self.metadata.get("namespace") or "")

    @property
    def spec(self) -> Tree:
        """Empty where it has none."""
        return mapping(self.tree, "spec")

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes it one object and no other."""
        return self.group, self.kind, self.namespace, self.name

    def __str__(self) -> str:
        return f"{self.kind or 'something'} {self.name}".strip()


def parse(text: str) -> list[Manifest]:
    """The objects of a stream of YAML. Raises InvalidManifests."""
    try:
        # A SafeLoader, but for what it takes for moments.
        documents: list[Any] = [each for each in yaml.load_all(text, _Loader) if each is not None]
    except yaml.YAMLError as error:
        raise InvalidManifests(f"this is no YAML: {' '.join(str(error).split())}") from error
    return [_manifest(each) for each in _flat(documents)]


def _flat(documents: Iterable[Any]) -> Iterator[Any]:
    """Lists of objects count as their items."""
    for each in documents:
        if at(each, "kind") == "List":
            yield from _flat(listing(each, "items"))
        else:
            yield each


def _manifest(tree: Any) -> Manifest:
    if not isinstance(tree, dict):
        raise InvalidManifests(f"a document is {type(tree).__name__}, not an object with apiVersion and kind")
    found = Manifest(cast("dict[str, Any]", tree))
    kept = dict(mapping(found.metadata, "annotations"))
    if ORIGIN not in kept:
        return found
    origin: Any = yaml.safe_load(kept.pop(ORIGIN))
    metadata = {**found.metadata, "annotations": kept}
    if not kept:
        del metadata["annotations"]
    return Manifest({**found.tree, "metadata": metadata}, str(at(origin, "path") or ""))
