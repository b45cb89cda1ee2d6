"""Fields of Istio's VirtualService."""

from __future__ import annotations

from knative_local.fields.shapes import CLUSTER_ONLY, NOT_YET, document
from knative_local.schema import (
    ListOf,
    MapOf,
    Matching,
    Object,
    Period,
    Text,
    Whole,
)

_MATCHES = ("exact", "prefix", "regex")
_REGEX = Text()
_STRING_MATCH = Object({"exact": Text(), "prefix": Text(), "regex": _REGEX}, one_of=_MATCHES)
_METHODS = Matching(r"[A-Z]+(\|[A-Z]+)*", "methods such as GET or GET|HEAD")
_ROUTE_MATCH = Object(
    {
        "name": CLUSTER_ONLY,
        "uri": _STRING_MATCH,
        "method": Object({"exact": _METHODS, "regex": _METHODS}, one_of=("exact", "regex")),
        "headers": MapOf(_STRING_MATCH),
        "ignoreUriCase": NOT_YET,
        "queryParams": NOT_YET,
        "withoutHeaders": NOT_YET,
        "authority": NOT_YET,
        "scheme": NOT_YET,
        "port": NOT_YET,
    }
)
_HTTP_ROUTE = Object(
    {
        "name": CLUSTER_ONLY,
        "match": ListOf(_ROUTE_MATCH),
        "rewrite": Object({"uri": Text(), "authority": Text(), "uriRegexRewrite": NOT_YET}),
        "route": ListOf(
            Object(
                {
                    "destination": Object(
                        {"host": Text(), "port": Object({"number": Whole(1, 65_535)}), "subset": NOT_YET},
                        required=("host",),
                    ),
                    "weight": Whole(100, 100),
                    "headers": NOT_YET,
                },
                required=("destination",),
            ),
            least=1,
            most=1,
        ),
        "timeout": Period(go=True),
        "retries": CLUSTER_ONLY,
        "redirect": NOT_YET,
        "directResponse": NOT_YET,
        "delegate": NOT_YET,
        "headers": NOT_YET,
        "corsPolicy": CLUSTER_ONLY,  # pages of other sites are kept out here (front_door.py)
        "fault": NOT_YET,
        "mirror": NOT_YET,
    },
    required=("route",),
)
VIRTUAL_SERVICE = document(
    Object(
        {
            "http": ListOf(_HTTP_ROUTE, least=1),
            "hosts": CLUSTER_ONLY,
            "gateways": CLUSTER_ONLY,
            "exportTo": CLUSTER_ONLY,
            "tcp": NOT_YET,
            "tls": NOT_YET,
        },
        required=("http",),
    )
)
