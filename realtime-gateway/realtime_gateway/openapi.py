"""The OpenAPI document of the whole HTTP API: the gateway's own routes, and what the functions declare of theirs."""

import json
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from realtime_gateway.problems import Problem

FUNCTIONS = Path(__file__).with_name("functions_openapi.json")
"""Generated from the functions' route tables: ``paths`` and ``components.schemas``."""

TITLE = "Trackway"
DESCRIPTION = """Every delivery of a fleet, live on a map.

Errors are problem JSON (RFC 9457). Live data come over the WebSocket `/v1/live`, events go to `POST
/broker/trackway/default` as CloudEvents; both are described in `docs/protocol.md`.
"""
TAGS = ("routes", "trips", "ingest", "vehicles", "search", "dead-letters", "operations")
_REF = "#/components/schemas/{name}"
_REASONS = {
    400: "A parameter is wrong; `field` names it",
    404: "Not found",
    503: "The store, search, or the runtime cannot be reached",
}

Document = dict[str, Any]


class Contract:
    """Collects the records that endpoints answer with, and builds the document from them."""

    def __init__(self) -> None:
        self._records: dict[str, Any] = {"Problem": Problem}

    def answers(self, record: Any, what: str, *problems: int) -> dict[int | str, dict[str, Any]]:
        """For an endpoint's ``responses``: 200 with the record, and these problems."""
        self._records[record.__name__] = record
        answers: dict[int | str, dict[str, Any]] = {200: {"description": what, "content": _json(record.__name__)}}
        for status in problems:
            content = _json("Problem", "application/problem+json")
            answers[status] = {"description": _REASONS[status], "content": content}
        return answers

    def install(self, app: FastAPI, functions: Path = FUNCTIONS) -> None:
        """Make ``app.openapi()`` give the whole document; the part of the functions is read from a file, where it is
        there."""

        def openapi() -> Document:
            if not app.openapi_schema:
                app.openapi_schema = self._document(app, functions)
            return app.openapi_schema

        app.openapi = openapi

    def _document(self, app: FastAPI, functions: Path) -> Document:
        document = get_openapi(title=TITLE, version=app.version, description=DESCRIPTION, routes=app.routes)
        _, schemas = msgspec.json.schema_components(self._records.values(), ref_template=_REF)
        own = document.setdefault("components", {}).setdefault("schemas", {})
        own.update(schemas)
        for operations in document["paths"].values():
            for operation in operations.values():
                # FastAPI announces 422 with a body of its own; here every wrong parameter is a 400 problem.
                operation["responses"].pop("422", None)
                operation["summary"] = operation.pop("description", operation.get("summary"))
        for name in ("HTTPValidationError", "ValidationError"):
            own.pop(name, None)
        if functions.exists():
            _merge(document, json.loads(functions.read_text()))
        _group(document)
        return document


def _merge(document: Document, fragment: Document) -> None:
    for path, operations in fragment.get("paths", {}).items():
        document["paths"].setdefault(path, {}).update(operations)
    own: Document = document["components"]["schemas"]
    for name, schema in fragment.get("components", {}).get("schemas", {}).items():
        own.setdefault(name, schema)


def _group(document: Document) -> None:
    """By what they are about, whoever serves them."""
    paths: Document = dict(sorted(document["paths"].items()))
    document["paths"] = paths
    for path, operations in paths.items():
        subject = next((part for part in path.split("/")[2:3] if part in TAGS), TAGS[-1])
        for operation in operations.values():
            operation["tags"] = [subject]
    document["tags"] = [{"name": name} for name in TAGS]


def _json(name: str, media_type: str = "application/json") -> Document:
    return {media_type: {"schema": {"$ref": _REF.format(name=name)}}}
