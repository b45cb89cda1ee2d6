"""The part of kustomize that overlays need here: resources, namespace, generated ConfigMaps, merge patches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from knative_local.schema import Annotations, Check, ListOf, Object, Refused, Text, YesNo
from knative_local.source import Source
from knative_local.strategic_merge import merged
from knative_local.yaml_tree import (
    Errors,
    Leaf,
    Listing,
    Mapping,
    Node,
    find,
    parse_documents,
    plain,
    read_documents,
    shown,
    text_at,
)

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_NOT_SERVED = Refused("is not served")
_NOT_SERVED_FIELDS = (
    "bases",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "components",
    "crds",
    "generators",
    "helmCharts",
    "images",
    "labels",
    "namePrefix",
    "nameSuffix",
    "openapi",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "replicas",
    "secretGenerator",
    "sortOptions",
    "transformers",
    "validators",
)
_OPTIONS = Object({"disableNameSuffixHash": YesNo()})
_TARGET = Object(
    {"group": Text(), "version": Text(), "kind": Text(), "name": Text(), "namespace": Text()},
    any_of=("kind", "name"),
)
SHAPE = Object(
    {
        "apiVersion": Text(),
        "kind": Text(("Kustomization",)),
        "metadata": Object({"name": Text(), "annotations": Annotations()}),
        "namespace": Text(),
        "resources": ListOf(Text()),
        "configMapGenerator": ListOf(
            Object(
                {
                    "name": Text(),
                    "namespace": Text(),
                    "literals": ListOf(Text()),
                    "files": ListOf(Text()),
                    "options": _OPTIONS,
                    "behavior": Text(("create",)),
                },
                required=("name",),
                any_of=("literals", "files"),
            )
        ),
        "generatorOptions": _OPTIONS,
        "patches": ListOf(
            Object({"path": Text(), "patch": Text(), "target": _TARGET}, one_of=("path", "patch")),
        ),
        **dict.fromkeys(_NOT_SERVED_FIELDS, _NOT_SERVED),
    }
)
_CLUSTER_WIDE = frozenset(
    {"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PersistentVolume", "StorageClass"}
)


def documents_of(path: Path, errors: Errors) -> list[Mapping]:
    """The documents of a file, of a folder's files, or of what its kustomization builds."""
    errors.files.add(path)
    if path.is_file():
        return read_documents(path, errors)
    if not path.is_dir():
        errors.add(Source(shown(path), 1), "there is no such file or folder")
        return []
    file = _kustomization_file(path)
    if file is not None:
        return _build(file, errors, (path.resolve(),))
    files = sorted(each for each in path.iterdir() if each.suffix in (".yaml", ".yml"))
    if not files:
        errors.add(Source(shown(path), 1), "holds no .yaml file")
    return [document for each in files for document in read_documents(each, errors)]


def _kustomization_file(folder: Path) -> Path | None:
    return next((folder / name for name in FILE_NAMES if (folder / name).is_file()), None)


def _build(file: Path, errors: Errors, within: tuple[Path, ...]) -> list[Mapping]:
    """What a kustomization file gives; `within` are the folders it is part of, to notice circles."""
    known = len(errors.found)
    read = read_documents(file, errors)
    for document in read:
        Check("Kustomization", errors).run(document, SHAPE)
    if len(read) != 1:
        errors.add(Source(shown(file), 1), "holds not exactly one Kustomization")
    if len(errors.found) > known:
        return []
    (itself,) = read
    documents = _resources(itself, file.parent, errors, within)
    documents += _generated(itself, file.parent, errors)
    namespace = text_at(itself, "namespace")
    if namespace:
        documents = [_in_namespace(document, namespace) for document in documents]
    return _patched(documents, itself, file.parent, errors)


def _resources(itself: Mapping, folder: Path, errors: Errors, within: tuple[Path, ...]) -> list[Mapping]:
    documents: list[Mapping] = []
    for entry in _items(itself, "resources"):
        named = str(plain(entry))
        path = folder / named
        errors.files.add(path)
        if path.is_file():
            documents += read_documents(path, errors)
        elif path.is_dir() and (file := _kustomization_file(path)) is not None:
            if path.resolve() in within:
                errors.add(entry.source, f"resources: {named} contains itself")
            else:
                documents += _build(file, errors, (*within, path.resolve()))
        else:
            wanted = "a folder without a kustomization" if path.is_dir() else "not a file or folder here"
            errors.add(entry.source, f"resources: {named} is {wanted}")
    return documents


def _generated(itself: Mapping, folder: Path, errors: Errors) -> list[Mapping]:
    """ConfigMaps from literals and files. The suffix that kustomize hangs on their names, and on all references to
    them, is left off: here a change of what they hold starts new processes anyway."""
    return [
        _config_map(generator, folder, errors)
        for generator in _items(itself, "configMapGenerator")
        if isinstance(generator, Mapping)
    ]


def _config_map(generator: Mapping, folder: Path, errors: Errors) -> Mapping:
    data: dict[str, Node] = {}
    for entry in _items(generator, "literals"):
        key, equals, value = str(plain(entry)).partition("=")
        if not equals:
            errors.add(entry.source, f"literals: '{key}' is not <key>=<value>")
        data[key] = Leaf(value, entry.source)
    for entry in _items(generator, "files"):
        key, equals, name = str(plain(entry)).rpartition("=")
        file = folder / name
        errors.files.add(file)
        try:
            data[key if equals else file.name] = Leaf(file.read_text(encoding="utf-8"), entry.source)
        except (OSError, UnicodeDecodeError) as error:
            errors.add(entry.source, f"files: {name} cannot be read: {error}")
    at = generator.source
    metadata = {name: generator.entries[name] for name in ("name", "namespace") if name in generator.entries}
    entries: dict[str, Node] = {
        "apiVersion": Leaf("v1", at),
        "kind": Leaf("ConfigMap", at),
        "metadata": _mapping(metadata, at),
        "data": _mapping(data, at),
    }
    return _mapping(entries, at)


def _in_namespace(document: Mapping, namespace: str) -> Mapping:
    metadata = find(document, "metadata")
    if text_at(document, "kind") in _CLUSTER_WIDE or not isinstance(metadata, Mapping):
        return document
    at = metadata.source
    changed = replace(
        metadata,
        entries={**metadata.entries, "namespace": Leaf(namespace, at)},
        keys={**metadata.keys, "namespace": at},
    )
    return replace(document, entries={**document.entries, "metadata": changed})


def _patched(documents: list[Mapping], itself: Mapping, folder: Path, errors: Errors) -> list[Mapping]:
    for entry in _items(itself, "patches"):
        name, inline = text_at(entry, "path"), text_at(entry, "patch")
        read = (
            read_documents(folder / name, errors) if name else parse_documents(inline or "", str(entry.source), errors)
        )
        for patch in read:
            documents = _apply(documents, patch, find(entry, "target") or patch, entry, errors)
    return documents


def _apply(documents: list[Mapping], patch: Mapping, target: Node, entry: Node, errors: Errors) -> list[Mapping]:
    chosen = [document for document in documents if _is_meant(document, target)]
    if not chosen:
        errors.add(entry.source, f"patches: nothing here is {_description(target)}")
    if text_at(patch, "$patch") == "delete":
        return [document for document in documents if document not in chosen]
    return [merged(document, patch, errors) if document in chosen else document for document in documents]


def _is_meant(document: Mapping, target: Node) -> bool:
    """Whether a document is meant by a patch's `target`, or by the kind and name of the patch itself."""
    group, _, version = (text_at(document, "apiVersion") or "").rpartition("/")
    its = {
        "group": group,
        "version": version,
        "apiVersion": text_at(document, "apiVersion"),
        "kind": text_at(document, "kind"),
        "name": text_at(document, "metadata", "name"),
        "namespace": text_at(document, "metadata", "namespace"),
    }
    return all(its[name] == wanted for name, wanted in _asked(target).items())


def _asked(target: Node) -> dict[str, str]:
    asked = {name: text_at(target, name) for name in ("group", "version", "apiVersion", "kind", "name", "namespace")}
    asked["name"] = asked["name"] or text_at(target, "metadata", "name")
    asked["namespace"] = asked["namespace"] or text_at(target, "metadata", "namespace")
    return {name: wanted for name, wanted in asked.items() if wanted is not None}


def _description(target: Node) -> str:
    return " ".join(f"{name} {wanted}" for name, wanted in _asked(target).items())


def _items(node: Node, key: str) -> tuple[Node, ...]:
    found = find(node, key)
    return found.items if isinstance(found, Listing) else ()


def _mapping(entries: dict[str, Node], at: Source) -> Mapping:
    return Mapping(entries, dict.fromkeys(entries, at), at)
