"""A merge patch on a document: maps merge, null deletes, lists are replaced but for the few that Kubernetes merges."""

from __future__ import annotations

from collections.abc import Mapping as Table

from knative_local.yaml_tree import Errors, Leaf, Listing, Mapping, Node, find, plain, text_at

# Kubernetes' own kinds say by which key entries of a list belong together; for all others (CRDs) a list is replaced.
_BUILT_IN = ("v1", "apps/v1")
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
}
_PORT_KEYS = {"Service": "port", "Deployment": "containerPort"}


def merged(document: Mapping, patch: Mapping, errors: Errors) -> Mapping:
    """`document` with `patch` on it; directives such as `$patch` are noted as errors."""
    keys: dict[str, str] = {}
    if text_at(document, "apiVersion") in _BUILT_IN:
        keys = {**_MERGE_KEYS, "ports": _PORT_KEYS.get(text_at(document, "kind") or "", "name")}
    return _merged_mapping(document, patch, keys, errors)


def _merged_mapping(original: Mapping, patch: Mapping, merge_keys: Table[str, str], errors: Errors) -> Mapping:
    entries, keys = dict(original.entries), dict(original.keys)
    for key, value in patch.entries.items():
        if key.startswith("$"):
            errors.add(patch.keys[key], f"patches: the directive {key} is not served")
        elif isinstance(value, Leaf) and value.value is None:
            entries.pop(key, None)
        else:
            entries[key] = _merged_value(entries.get(key), value, merge_keys, merge_keys.get(key), errors)
            keys[key] = patch.keys[key]
    return Mapping(entries, keys, original.source)


def _merged_value(
    original: Node | None, patch: Node, merge_keys: Table[str, str], merge_key: str | None, errors: Errors
) -> Node:
    if isinstance(original, Mapping) and isinstance(patch, Mapping):
        return _merged_mapping(original, patch, merge_keys, errors)
    if isinstance(original, Listing) and isinstance(patch, Listing) and merge_key is not None:
        return _merged_listing(original, patch, merge_keys, merge_key, errors)
    return patch


def _merged_listing(
    original: Listing, patch: Listing, merge_keys: Table[str, str], merge_key: str, errors: Errors
) -> Listing:
    items = list(original.items)
    for entry in patch.items:
        known = [index for index, item in enumerate(items) if _same(item, entry, merge_key)]
        if known:
            items[known[0]] = _merged_value(items[known[0]], entry, merge_keys, None, errors)
        else:
            items.append(entry)
    return Listing(tuple(items), original.source)


def _same(left: Node, right: Node, key: str) -> bool:
    return find(left, key) is not None and plain(find(left, key)) == plain(find(right, key))
