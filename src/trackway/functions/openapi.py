"""The OpenAPI of the functions: what their route tables declare, as paths and schemas that the gateway merges into its
own document."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.inspect import StructType, type_info

from trackway.functions.catalogue import load, names
from trackway.functions.problem import Problem
from trackway.functions.routes import JSON, Route

_REF: Final = "#/components/schemas/{name}"
_HEADERS: Final = {"Idempotency-Key": "Repeating a request with the same key does nothing anew"}

Document = dict[str, Any]


def describe_functions(folder: Path) -> Document:
    """``paths`` and ``components.schemas`` of all functions in ``folder`` that are asked over HTTP."""
    routes = [(name, route) for name in names(folder) for route in load(folder, name).routes.table]
    schemas = _Schemas(route for _, route in routes)
    paths: dict[str, Document] = {}
    for name, route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(name, route, schemas)
    return {"paths": paths, "components": {"schemas": schemas.components}}


class _Schemas:
    """The JSON Schemas of every type that the routes name, each once."""

    def __init__(self, routes: Iterable[Route]) -> None:
        types = [kind for route in routes for kind in (route.body, *route.answers.values()) if kind is not None]
        documents, self.components = msgspec.json.schema_components(types, ref_template=_REF)
        self._of = {str(kind): document for kind, document in zip(types, documents, strict=True)}

    def of(self, kind: object) -> Document:
        return self._of[str(kind)]


def _operation(function: str, route: Route, schemas: _Schemas) -> Document:
    operation: Document = {
        "operationId": f"{route.name}_{route.method.lower()}",
        "summary": route.summary,
        "tags": [function],
        "parameters": [*_path_parameters(route), *_query_parameters(route, schemas), *_header_parameters(route)],
        "responses": {str(status): _answer(status, kind, schemas) for status, kind in route.answers.items()},
    }
    if route.body is not None and not (route.form and route.method == "GET"):
        operation["requestBody"] = {"required": not route.form, "content": _content(route, schemas)}
    return operation


def _content(route: Route, schemas: _Schemas) -> Mapping[str, Document]:
    # What is not JSON is text of another format (GPX, CSV), which a schema cannot say more of.
    described = {JSON, "application/x-www-form-urlencoded"}
    return {
        media_type: {"schema": schemas.of(route.body) if media_type in described else {"type": "string"}}
        for media_type in route.media_types
    }


def _answer(status: int, kind: type | None, schemas: _Schemas) -> Document:
    answer: Document = {"description": HTTPStatus(status).phrase}
    if kind is not None:
        media_type = "application/problem+json" if kind is Problem else JSON
        answer["content"] = {media_type: {"schema": schemas.of(kind)}}
    return answer


def _path_parameters(route: Route) -> list[Document]:
    return [_parameter("path", name, {"type": "string"}, True) for name in re.findall(r"\{(\w+)\}", route.path)]


def _query_parameters(route: Route, schemas: _Schemas) -> list[Document]:
    """The fields of a form, which a GET sends as its query."""
    if not (route.form and route.method == "GET"):
        return []
    kind = type_info(route.body)
    assert isinstance(kind, StructType)  # noqa: S101 - a form is decoded into a record; narrows the type
    properties = schemas.components[kind.cls.__name__]["properties"]
    return [_parameter("query", f.encode_name, properties[f.encode_name], f.required) for f in kind.fields]


def _header_parameters(route: Route) -> list[Document]:
    return [
        _parameter("header", name, {"type": "string", "description": what}, False)
        for name, what in _HEADERS.items()
        if name in route.summary
    ]


def _parameter(where: str, name: str, schema: Document, required: bool) -> Document:
    return {"in": where, "name": name, "required": required, "schema": schema}
