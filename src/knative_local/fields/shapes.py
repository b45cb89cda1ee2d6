"""Shapes that fields of several kinds share."""

from __future__ import annotations

from knative_local.schema import (
    Annotations,
    MapOf,
    Matching,
    NoEffect,
    Object,
    Refused,
    Shape,
    Text,
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


def document(spec: Shape, annotations: Annotations | None = None) -> Object:
    """The shape of an object with a spec."""
    fields: dict[str, Shape] = {
        "apiVersion": Text(),
        "kind": Text(),
        "metadata": metadata(annotations or Annotations()),
        "spec": spec,
        "status": CLUSTER_ONLY,
    }
    return Object(fields, required=("metadata", "spec"))


_REF = Object(
    {
        "apiVersion": Text(),
        "kind": Text(),
        "namespace": Text(),
        "name": Text(),
        "group": Refused("is not served; write apiVersion"),
        "address": NOT_YET,
    },
    required=("apiVersion", "kind", "name"),
)
DESTINATION = Object(
    {
        "ref": _REF,
        "uri": Text(),
        "CACerts": Refused("is not served: nothing here speaks TLS"),
        "audience": Refused("is not served: there are no tokens here"),
    },
    any_of=("ref", "uri"),
)
