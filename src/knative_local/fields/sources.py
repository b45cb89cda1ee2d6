"""Fields of Knative's sources: SinkBinding, PingSource, ContainerSource."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from knative_local.cron import BadSchedule, parse
from knative_local.fields.shapes import CE_OVERRIDES, DESTINATION, SELECTOR, document
from knative_local.fields.workloads import POD, template
from knative_local.schema import Annotations, Checked, Object, Text

_BINDABLE = {"Deployment": "apps/v1", "Service": "serving.knative.dev/v1"}


def _right_api(subject: dict[str, Any]) -> str | None:
    wanted = _BINDABLE[subject["kind"]]
    if subject["apiVersion"] != wanted:
        return f"of kind {subject['kind']} has apiVersion {wanted} here, not {subject['apiVersion']}"
    return None


SINK_BINDING = document(
    Object(
        {
            "subject": Object(
                {
                    "apiVersion": Text(),
                    "kind": Text(tuple(_BINDABLE)),
                    "namespace": Text(),
                    "name": Text(),
                    "selector": SELECTOR,
                },
                required=("apiVersion", "kind"),
                one_of=("name", "selector"),
                rule=_right_api,
            ),
            "sink": DESTINATION,
            "ceOverrides": CE_OVERRIDES,
        },
        required=("subject", "sink"),
    )
)


def _schedule(text: str) -> str | None:
    try:
        parse(text)
    except BadSchedule as error:
        return str(error)
    return None


def _timezone(text: str) -> str | None:
    try:
        parse("* * * * *", text)
    except BadSchedule as error:
        return str(error)
    return None


def _base64(text: str) -> str | None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        return f"is base64: {error}"
    return None


def _one_good_body(spec: dict[str, Any]) -> str | None:
    """Knative's webhook: not both, and a JSON object where the content type is application/json."""
    if spec.get("data") and spec.get("dataBase64"):
        return "takes exactly one of data, dataBase64; there are both"
    field = "dataBase64" if spec.get("dataBase64") else "data"
    text = spec.get(field)
    if not text or spec.get("contentType") != "application/json":
        return None
    try:
        content = json.loads(base64.b64decode(text) if field == "dataBase64" else text)
    except (ValueError, RecursionError) as error:
        return f"has contentType application/json, but {field} is no JSON: {error}"
    return None if content is None or isinstance(content, dict) else f"takes a JSON object as {field}"


PING_SOURCE = document(
    Object(
        {
            "schedule": Checked(_schedule),
            "timezone": Checked(_timezone),
            "contentType": Text(),
            "data": Text(),
            "dataBase64": Checked(_base64),
            "sink": DESTINATION,
            "ceOverrides": CE_OVERRIDES,
        },
        required=("sink",),
        rule=_one_good_body,
    )
)
CONTAINER_SOURCE = document(
    Object(
        {
            "template": template(POD, Annotations()),
            "sink": DESTINATION,
            "ceOverrides": CE_OVERRIDES,
        },
        required=("template", "sink"),
    )
)
