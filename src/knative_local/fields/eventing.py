"""Fields of Broker and Trigger."""

from __future__ import annotations

from knative_local.broker_classes import BROKER_CLASSES, CLASS_ANNOTATION
from knative_local.fields.shapes import CLUSTER_ONLY, DESTINATION, document
from knative_local.filters.cesql import mistake_in
from knative_local.schema import (
    Annotations,
    Checked,
    Later,
    ListOf,
    MapOf,
    Matching,
    Object,
    Period,
    Shape,
    Text,
    Whole,
)

BATCH = "local.knative.dev/batch"
LINGER = "local.knative.dev/linger"
ORDER = "kafka.eventing.knative.dev/delivery.order"

DELIVERY = Object(
    {
        "retry": Whole(0, 1_000),
        "backoffPolicy": Text(("linear", "exponential")),
        "backoffDelay": Period(),
        "timeout": Period(least=0.001),
        "deadLetterSink": DESTINATION,
        "retryAfterMax": Period(),
        "format": Text(("binary", "json")),
    }
)


_ATTRIBUTES = MapOf(Text(), key=Matching("[a-z][a-z0-9]*", "the name of an attribute, of small letters and digits"))
_FILTER = Object(
    {
        "exact": _ATTRIBUTES,
        "prefix": _ATTRIBUTES,
        "suffix": _ATTRIBUTES,
        "all": ListOf(Later(lambda: FILTER), least=1),
        "any": ListOf(Later(lambda: FILTER), least=1),
        "not": Later(lambda: FILTER),
        "cesql": Checked(mistake_in),
    },
    one_of=("exact", "prefix", "suffix", "all", "any", "not", "cesql"),
)
FILTER: Shape = _FILTER

BROKER = document(
    Object({"config": CLUSTER_ONLY, "delivery": DELIVERY}),
    Annotations(
        {CLASS_ANNOTATION: Text(tuple(BROKER_CLASSES))},
        guarded=("eventing.knative.dev/", "kafka.eventing.knative.dev/", "local.knative.dev/"),
    ),
    required=("metadata",),
)
_BROKER_REF = Object(
    {
        "apiVersion": Matching(r"eventing\.knative\.dev/v1", "eventing.knative.dev/v1"),
        "kind": Text(("Broker",)),
        "namespace": Text(),
        "name": Text(),
    },
    required=("apiVersion", "kind", "name"),
)
TRIGGER = document(
    Object(
        {
            "broker": Text(),
            "brokerRef": _BROKER_REF,
            "filter": Object({"attributes": _ATTRIBUTES}),
            "filters": ListOf(FILTER),
            "subscriber": DESTINATION,
            "delivery": DELIVERY,
        },
        required=("subscriber",),
        one_of=("broker", "brokerRef"),
    ),
    Annotations(
        {
            BATCH: Whole(1, 10_000),
            LINGER: Period(go=True, most=60),
            ORDER: Text(("ordered", "unordered")),
        },
        guarded=("eventing.knative.dev/", "kafka.eventing.knative.dev/", "local.knative.dev/"),
    ),
)
