"""Shapes that fields of several kinds share."""

from __future__ import annotations

import re
from typing import Any

from knative_local.schema import (
    Annotations,
    Checked,
    ListOf,
    MapOf,
    Matching,
    NoEffect,
    Object,
    Refused,
    Shape,
    Text,
)

_CORE_ATTRIBUTES = frozenset(
    {"specversion", "id", "source", "type", "datacontenttype", "dataschema", "subject", "time", "data", "data_base64"}
)
TEXTS = MapOf(Text())
CLUSTER_ONLY = NoEffect()
NOT_YET = Refused("is not served yet")


def metadata(annotations: Annotations) -> Object:
    """The shape of an object's metadata."""
    fields: dict[str, Shape] = {
        "name": Matching(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", "a name of small letters, digits and '-'"),
        "namespace": Text(),
        "labels": TEXTS,
        "annotations": annotations,
        "creationTimestamp": CLUSTER_ONLY,
    }
    return Object(fields, required=("name",))


def document(
    spec: Shape, annotations: Annotations | None = None, required: tuple[str, ...] = ("metadata", "spec")
) -> Object:
    """The shape of an object with a spec."""
    fields: dict[str, Shape] = {
        "apiVersion": Text(),
        "kind": Text(),
        "metadata": metadata(annotations or Annotations()),
        "spec": spec,
        "status": CLUSTER_ONLY,
    }
    return Object(fields, required=required)


def _one_group(ref: dict[str, Any]) -> str | None:
    group = ref.get("group")
    if group is not None and ref.get("apiVersion", f"{group}/v1").rpartition("/")[0] != group:
        return f"has the group {group}, and with apiVersion {ref['apiVersion']} another one; leave one of them out"
    return None


def _absolute_or_relative(destination: dict[str, Any]) -> str | None:
    uri = destination.get("uri")
    if uri is None:
        return None
    absolute = "://" in uri
    if "ref" in destination and absolute:
        return f"has a ref, so uri is a path at its address, not '{uri}'"
    if "ref" not in destination and not absolute:
        return f"has no ref, so uri is a whole http:// address, not '{uri}'"
    return None


def _extension(name: str) -> str | None:
    if not re.fullmatch(r"[a-z0-9]+", name):
        return f"is a name of small letters and digits, not '{name}'"
    return f"is the name of an extension, and '{name}' is none" if name in _CORE_ATTRIBUTES else None


_WORD = Matching(r"\S+", "a word")
_REF = Object(
    {
        "apiVersion": _WORD,
        "group": _WORD,
        "kind": _WORD,
        "namespace": Text(),
        "name": _WORD,
        "address": Refused("is not served: nothing here has several addresses"),
    },
    required=("kind", "name"),
    any_of=("apiVersion", "group"),
    rule=_one_group,
)
DESTINATION = Object(
    {
        "ref": _REF,
        "uri": Text(),
        "CACerts": Refused("is not served: nothing here speaks TLS"),
        "audience": Refused("is not served: there are no tokens here"),
    },
    any_of=("ref", "uri"),
    rule=_absolute_or_relative,
)
_REQUIREMENT = Object(
    {"key": Text(), "operator": Text(("In", "NotIn", "Exists", "DoesNotExist")), "values": ListOf(Text())},
    required=("key", "operator"),
    rule=lambda entry: (
        None
        if bool(entry.get("values")) == (entry["operator"] in ("In", "NotIn"))
        else f"with {entry['operator']} takes {'values' if entry['operator'] in ('In', 'NotIn') else 'no values'}"
    ),
)
SELECTOR = Object(
    {"matchLabels": MapOf(Text(), least=1), "matchExpressions": ListOf(_REQUIREMENT, least=1)},
    any_of=("matchLabels", "matchExpressions"),
)
CE_OVERRIDES = Object({"extensions": MapOf(Text(), key=Checked(_extension))})
