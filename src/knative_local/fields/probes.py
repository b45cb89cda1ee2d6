"""Fields of the probes of a Knative Service's container."""

from __future__ import annotations

from knative_local.fields.shapes import CLUSTER_ONLY
from knative_local.schema import Either, ListOf, Object, Refused, Shape, Text, Whole

_PORT = Either((Whole(0, 65_535), Text()))
_ELSEWHERE = Refused("is not served: what is asked is the instance itself")
_HEADER = Object({"name": Text(), "value": Text()}, required=("name", "value"))
_HANDLERS: dict[str, Shape] = {
    "httpGet": Object(
        {
            "path": Text(),
            "port": _PORT,
            "scheme": Text(("HTTP",)),
            "httpHeaders": ListOf(_HEADER),
            "host": _ELSEWHERE,
        }
    ),
    "tcpSocket": Object({"port": _PORT, "host": _ELSEWHERE}),
    "exec": Refused("is not served: a process here is asked over its port; use httpGet or tcpSocket"),
    "grpc": Refused("is not served: nothing here speaks HTTP/2; use httpGet or tcpSocket"),
}
_NUMBERS: dict[str, Shape] = {
    "initialDelaySeconds": Whole(0),
    "timeoutSeconds": Whole(0),
    "successThreshold": Whole(0),
    "failureThreshold": Whole(0),
    "terminationGracePeriodSeconds": CLUSTER_ONLY,
}
READINESS = Object({**_HANDLERS, **_NUMBERS, "periodSeconds": Whole(0)})
"""Without a handler it is Knative's own: whether the port takes a connection."""

LIVENESS = Object({**_HANDLERS, **_NUMBERS, "periodSeconds": Whole(0)}, one_of=tuple(_HANDLERS))
STARTUP = LIVENESS
