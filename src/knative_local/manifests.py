"""Reads manifests (a file, a folder, or a kustomization) into the model, or says everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from knative_local import building, building_eventing, building_serving
from knative_local.fields import KINDS, Kind
from knative_local.kustomization import documents_of
from knative_local.model import (
    Broker,
    Channel,
    ConfigMap,
    CoreService,
    Deployment,
    Flow,
    JobSink,
    KafkaSink,
    KnService,
    Manifests,
    PingSource,
    Secret,
    SinkBinding,
    Skipped,
    Trigger,
)
from knative_local.names import Names
from knative_local.references import check_references
from knative_local.routing_model import VirtualService
from knative_local.schema import Check
from knative_local.yaml_tree import Errors, ManifestErrors, Mapping, find, text_at

__all__ = ["ManifestErrors", "load"]

_T = TypeVar("_T")
CLOSE = 0.85
"""How alike (difflib) a kind that is not there is to one that is, to be taken for a misspelling."""

_SERVED = {(kind.group, kind.name): kind for kind in KINDS}
_BUILDERS = building.BUILDERS | {("serving.knative.dev", "Service"): building_serving.kn_service}
_LAST = {("eventing.knative.dev", "Trigger"), ("messaging.knative.dev", "Subscription")}


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
        raise ManifestErrors(unknown, errors.files)
    return replace(manifests, files=frozenset(errors.files))


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
    last: list[tuple[str, Mapping]] = []
    for kind, document in served:
        eventing = building_eventing.BUILDERS.get((kind.group, kind.name))
        if eventing is not None:
            built += eventing(document)
        elif (kind.group, kind.name) in _LAST:
            last.append((kind.name, document))
        else:
            try:
                built.append(_BUILDERS[kind.group, kind.name](document))
            except UnicodeDecodeError:
                name = text_at(document, "metadata", "name")
                errors.add(document.source, f"{kind.name} {name}: data is not UTF-8 text")
    brokers, channels = _of(Broker, built), _of(Channel, built)
    _check_channels(channels, errors)
    for kind_name, document in last:
        if kind_name == "Trigger":
            built += _trigger(document, brokers, errors)
        else:
            built += _subscription(document, channels, errors)
    return Manifests(
        brokers=brokers,
        triggers=_of(Trigger, built),
        services=_of(KnService, built),
        deployments=_of(Deployment, built),
        core_services=_of(CoreService, built),
        config_maps=_of(ConfigMap, built),
        secrets=_of(Secret, built),
        sink_bindings=_of(SinkBinding, built),
        channels=channels,
        flows=_of(Flow, built),
        ping_sources=_of(PingSource, built),
        job_sinks=_of(JobSink, built),
        kafka_sinks=_of(KafkaSink, built),
        virtual_services=_of(VirtualService, built),
        skipped=skipped,
    )


def _check_channels(channels: Iterable[Channel], errors: Errors) -> None:
    """Those that Sequences and Parallels make have names that somebody may have given to another."""
    seen: dict[str, Channel] = {}
    for channel in channels:
        first = seen.setdefault(channel.key, channel)
        if first is not channel:
            errors.add(channel.source, f"the channel {channel.name} is there already, from {first.source}")


def _trigger(document: Mapping, brokers: Iterable[Broker], errors: Errors) -> Iterable[Trigger]:
    by_key = {broker.key: broker for broker in brokers}
    key = "/".join(building_eventing.broker_of_trigger(document))
    if key in by_key:
        return [building_eventing.trigger(document, by_key[key])]
    field = "broker" if find(document, "spec", "broker") else "brokerRef"
    _note_missing(document, field, key, by_key, errors)
    return []


def _subscription(document: Mapping, channels: Iterable[Channel], errors: Errors) -> Iterable[Trigger]:
    kind, namespace, name = building_eventing.channel_of_subscription(document)
    # A Channel is backed by an InMemoryChannel of the same name, and may be named as either.
    by_key = {
        f"{each_kind} {channel.namespace}/{channel.name}": channel
        for channel in channels
        for each_kind in {channel.kind, "InMemoryChannel"}
    }
    key = f"{kind} {namespace}/{name}"
    if key in by_key:
        return [building_eventing.subscription(document, by_key[key])]
    _note_missing(document, "channel", key, by_key, errors)
    return []


def _note_missing(document: Mapping, field: str, key: str, known: Iterable[str], errors: Errors) -> None:
    what = f"{text_at(document, 'kind')} {text_at(document, 'metadata', 'name')}"
    at = (find(document, "spec", field) or document).source
    there = ", ".join(sorted(known)) or "none"
    errors.add(at, f"{what}: spec.{field} names {key}, which is not there; there are {there}")


def _of(type_: type[_T], built: Iterable[object]) -> tuple[_T, ...]:
    return tuple(each for each in built if isinstance(each, type_))
