"""Reads manifests (a file, a folder, or a kustomization) into the model, or says everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from knative_local import building
from knative_local.fields import KINDS, Kind
from knative_local.kustomization import documents_of
from knative_local.model import (
    Broker,
    ConfigMap,
    CoreService,
    Deployment,
    KnService,
    Manifests,
    Secret,
    SinkBinding,
    Skipped,
    Trigger,
    VirtualService,
)
from knative_local.names import Names
from knative_local.references import check_references
from knative_local.schema import Check
from knative_local.yaml_tree import Errors, ManifestErrors, Mapping, find, text_at

__all__ = ["ManifestErrors", "load"]

_T = TypeVar("_T")
CLOSE = 0.85
"""How alike (difflib) a kind that is not there is to one that is, to be taken for a misspelling."""

_SERVED = {(kind.group, kind.name): kind for kind in KINDS}
_TRIGGER = ("eventing.knative.dev", "Trigger")


def load(path: Path) -> Manifests:
    """Everything below `path`, checked field by field and against each other. Raises ManifestErrors with all errors."""
    errors = Errors()
    documents = documents_of(path, errors)
    errors.raise_if_any()
    served = [(kind, document) for document in documents if (kind := _kind_of(document, errors)) is not None]
    for kind, document in served:
        Check(f"{kind.name} {text_at(document, 'metadata', 'name') or '(without a name)'}", errors).run(
            document, kind.shape
        )
    _check_names(served, errors)
    errors.raise_if_any()
    manifests = _build(served, _skipped(documents), errors)
    errors.raise_if_any()
    check_references(manifests, {document.source: document for _, document in served}, errors)
    errors.raise_if_any()
    unknown = Names(manifests).problems(manifests)
    if unknown:
        raise ManifestErrors(unknown)
    return manifests


def _kind_of(document: Mapping, errors: Errors) -> Kind | None:
    """What a document is; None when its kind is not served, or cannot be told (which is noted)."""
    api_version, name = text_at(document, "apiVersion"), text_at(document, "kind")
    if api_version is None or name is None:
        errors.add(document.source, f"{'apiVersion' if api_version is None else 'kind'} is missing")
        return None
    group, _, version = api_version.rpartition("/")
    kind = _SERVED.get((group, name))
    meant = None if kind else _meant(group, name)
    if meant is not None:
        # Passing over a misspelt Trigger would lose what it is there for, without a word.
        errors.add(
            document.source, f"{api_version} {name} is not a kind; did you mean {meant.group or 'v1'} {meant.name}?"
        )
    if kind is not None and version not in kind.versions:
        errors.add(document.source, f"{name}: apiVersion {api_version} is not read, only {', '.join(kind.versions)}")
        return None
    return kind


def _meant(group: str, name: str) -> Kind | None:
    """The kind that is served and that this one is a misspelling of, by its looks."""
    if any(served_group == group for served_group, _ in _SERVED):
        close = get_close_matches(name, [kind.name for kind in KINDS if kind.group == group], 1, CLOSE)
        return _SERVED[group, close[0]] if close else None
    groups = get_close_matches(group, [kind.group for kind in KINDS if kind.name == name], 1, CLOSE)
    return _SERVED[groups[0], name] if groups else None


def _skipped(documents: Iterable[Mapping]) -> tuple[Skipped, ...]:
    return tuple(
        Skipped(text_at(document, "kind") or "", text_at(document, "metadata", "name") or "", document.source)
        for document in documents
        if ((text_at(document, "apiVersion") or "").rpartition("/")[0], text_at(document, "kind") or "") not in _SERVED
    )


def _check_names(served: Iterable[tuple[Kind, Mapping]], errors: Errors) -> None:
    seen: dict[tuple[str, str, str, str], Mapping] = {}
    for kind, document in served:
        namespace, name = building.name_of(document)
        first = seen.setdefault((kind.group, kind.name, namespace, name), document)
        if first is not document:
            errors.add(document.source, f"{kind.name} {name}: is there already, at {first.source}")


def _build(served: Iterable[tuple[Kind, Mapping]], skipped: tuple[Skipped, ...], errors: Errors) -> Manifests:
    built: list[object] = []
    triggers: list[Mapping] = []
    for kind, document in served:
        if (kind.group, kind.name) == _TRIGGER:
            triggers.append(document)
            continue
        try:
            built.append(building.BUILDERS[kind.group, kind.name](document))
        except UnicodeDecodeError:
            errors.add(document.source, f"{kind.name} {text_at(document, 'metadata', 'name')}: data is not UTF-8 text")
    brokers = _of(Broker, built)
    return Manifests(
        brokers=brokers,
        triggers=tuple(_triggers(triggers, brokers, errors)),
        services=_of(KnService, built),
        deployments=_of(Deployment, built),
        core_services=_of(CoreService, built),
        config_maps=_of(ConfigMap, built),
        secrets=_of(Secret, built),
        sink_bindings=_of(SinkBinding, built),
        virtual_services=_of(VirtualService, built),
        skipped=skipped,
    )


def _triggers(documents: Iterable[Mapping], brokers: Iterable[Broker], errors: Errors) -> Iterable[Trigger]:
    by_key = {broker.key: broker for broker in brokers}
    for document in documents:
        _, name = building.name_of(document)
        key = "/".join(building.broker_of_trigger(document))
        if key in by_key:
            yield building.trigger(document, by_key[key])
        else:
            known = ", ".join(sorted(by_key)) or "none"
            field = "broker" if find(document, "spec", "broker") else "brokerRef"
            at = (find(document, "spec", field) or document).source
            errors.add(at, f"Trigger {name}: spec.{field} names {key}, which is not there; there are {known}")


def _of(type_: type[_T], built: Iterable[object]) -> tuple[_T, ...]:
    return tuple(each for each in built if isinstance(each, type_))
