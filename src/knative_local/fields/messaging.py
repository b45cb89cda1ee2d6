"""Fields of channels and what is made of them: Channel, InMemoryChannel, Subscription, Sequence, Parallel."""

from __future__ import annotations

from knative_local.fields.eventing import DELIVERY
from knative_local.fields.shapes import DESTINATION, document
from knative_local.schema import ListOf, Matching, Object, Refused, Text

_API = Matching(r"messaging\.knative\.dev/v1", "messaging.knative.dev/v1")
_KINDS = Text(("Channel", "InMemoryChannel"))
_FILLED_IN = Refused("is filled in by Knative; write Subscriptions")
_TEMPLATE = Object(
    {"apiVersion": _API, "kind": Text(("InMemoryChannel",)), "spec": Object({"delivery": DELIVERY})},
    required=("apiVersion", "kind"),
)

CHANNEL = document(
    Object({"channelTemplate": _TEMPLATE, "delivery": DELIVERY, "subscribers": _FILLED_IN}), required=("metadata",)
)
IN_MEMORY_CHANNEL = document(Object({"delivery": DELIVERY, "subscribers": _FILLED_IN}), required=("metadata",))
SUBSCRIPTION = document(
    Object(
        {
            "channel": Object(
                {"apiVersion": _API, "kind": _KINDS, "name": Text(), "namespace": Text()},
                required=("apiVersion", "kind", "name"),
            ),
            "subscriber": DESTINATION,
            "reply": DESTINATION,
            "delivery": DELIVERY,
        },
        required=("channel",),
        any_of=("subscriber", "reply"),
    )
)
_STEP = Object(
    {**DESTINATION.fields, "delivery": DELIVERY},
    any_of=DESTINATION.any_of,
    rule=DESTINATION.rule,
)
SEQUENCE = document(
    Object(
        {"steps": ListOf(_STEP, least=1), "channelTemplate": _TEMPLATE, "reply": DESTINATION},
        required=("steps",),
    )
)
PARALLEL = document(
    Object(
        {
            "branches": ListOf(
                Object(
                    {"filter": DESTINATION, "subscriber": DESTINATION, "reply": DESTINATION, "delivery": DELIVERY},
                    required=("subscriber",),
                ),
                least=1,
            ),
            "channelTemplate": _TEMPLATE,
            "reply": DESTINATION,
        },
        required=("branches",),
    )
)
