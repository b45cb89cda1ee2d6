"""Checks manifests before a cluster sees them: fields, types, words, and whether what they name is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trackway.deploy.kinds import KINDS, RULES, meant_kind
from trackway.deploy.manifest import Manifest
from trackway.deploy.references import references
from trackway.deploy.shape import mistakes
from trackway.deploy.tree import Tree, at, listing, texts
from trackway.deploy.values import subdomain

Grammar = Callable[[str], str | None]
"""Says what is wrong with a text in some language, as the rest of a sentence."""


def _anything(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Grammars:
    """The languages inside of manifests, which others than this package can read."""

    cesql: Grammar = _anything
    cron: Grammar = _anything


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a place of a manifest."""

    manifest: Manifest
    path: str
    wrong: str

    def __str__(self) -> str:
        file = f"{self.manifest.file}: " if self.manifest.file else ""
        return f"{file}{self.manifest}: {self.path or 'it'} {self.wrong}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that is wrong, what could not be looked at, and what has to be on the cluster already."""

    mistakes: tuple[Mistake, ...]
    unknown: tuple[Manifest, ...]
    needed: tuple[str, ...]
    examples: tuple[str, ...] = ()
    """Values that stand for something of whoever deploys (example.com), and where they are."""


RBAC = "rbac.authorization.k8s.io"
_EXAMPLE = "example.com"
"""Nobody's, by RFC 2606."""


def check(manifests: Sequence[Manifest], grammars: Grammars = Grammars()) -> Verdict:
    """Whatever a cluster would refuse, and what it would take and never get ready."""
    found: list[Mistake] = []
    unknown: list[Manifest] = []
    for each in manifests:
        wrong = mistakes_in(each, grammars)
        if (each.api_version, each.kind) not in KINDS and not wrong:
            unknown.append(each)
        found += wrong
    found += _doubles(manifests)
    if found:
        return Verdict(tuple(found), tuple(unknown), ())
    among = references(manifests)
    broken = tuple(Mistake(manifest, path, why) for manifest, path, why in among.broken)
    return Verdict(broken, tuple(unknown), among.needed, tuple(_examples(manifests)))


def _examples(manifests: Sequence[Manifest]) -> Iterator[str]:
    found: dict[str, list[Manifest]] = {}
    for each in manifests:
        for value in dict.fromkeys(texts(each.tree)):
            if _EXAMPLE in value:
                found.setdefault(value, []).append(each)
    for value, where in found.items():
        more = f" and {len(where) - 1} more" if len(where) > 1 else ""
        yield f"{value} in {where[0]}{more}"


def mistakes_in(manifest: Manifest, grammars: Grammars = Grammars()) -> list[Mistake]:
    """What a cluster would refuse of one manifest, whatever else there is."""
    wrong = list(_alone(manifest))
    return wrong or [Mistake(manifest, path, why) for path, why in _expressions(manifest, grammars)]


def _alone(manifest: Manifest) -> Iterator[Mistake]:
    """What is wrong with one manifest, whatever else there is."""
    for field in ("apiVersion", "kind"):
        if not isinstance(manifest.tree.get(field), str):
            yield Mistake(manifest, field, "is missing")
            return
    kind = KINDS.get((manifest.api_version, manifest.kind))
    if kind is None:
        meant = meant_kind(manifest.api_version, manifest.kind)
        if meant is not None:
            yield Mistake(manifest, "", f"has the kind {manifest.api_version} {manifest.kind}; did you mean {meant}?")
        return
    for path, wrong in mistakes(manifest.tree, kind, RULES):
        yield Mistake(manifest, path, wrong)
    if "metadata" in manifest.tree and (wrong := _of_name(manifest)):
        yield Mistake(manifest, "metadata.name", wrong)


def _of_name(manifest: Manifest) -> str | None:
    name = manifest.metadata.get("name")
    if name in (None, ""):
        return "is missing"
    # Roles are called as in system:node.
    return None if not isinstance(name, str) or manifest.group == RBAC else subdomain(name)


def _doubles(manifests: Sequence[Manifest]) -> Iterator[Mistake]:
    seen: dict[tuple[str, str, str, str], Manifest] = {}
    for each in manifests:
        first = seen.setdefault(each.key, each)
        if first is not each:
            yield Mistake(each, "metadata.name", f"is there twice{f', also in {first.file}' if first.file else ''}")


def _expressions(manifest: Manifest, grammars: Grammars) -> Iterator[tuple[str, str]]:
    """Mistakes in a Trigger's filters and in a PingSource's schedule."""
    if manifest.kind == "Trigger":
        yield from _of_filters(listing(manifest.spec, "filters"), "spec.filters", grammars.cesql)
    if manifest.kind == "PingSource" and (wrong := grammars.cron(manifest.spec.get("schedule") or "* * * * *")):
        yield "spec.schedule", wrong


def _of_filters(filters: Sequence[Any], path: str, cesql: Grammar) -> Iterator[tuple[str, str]]:
    for index, each in enumerate(filters):
        yield from _of_filter(each, f"{path}[{index}]", cesql)


def _of_filter(each: Tree, path: str, cesql: Grammar) -> Iterator[tuple[str, str]]:
    wrong = cesql(each["cesql"]) if at(each, "cesql") else None
    if wrong:
        yield f"{path}.cesql", wrong
    for name in ("all", "any"):
        yield from _of_filters(listing(each, name), f"{path}.{name}", cesql)
    if at(each, "not"):
        yield from _of_filter(each["not"], f"{path}.not", cesql)
