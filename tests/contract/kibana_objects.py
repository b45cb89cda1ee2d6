"""Kibana's saved objects read as Kibana reads them: which fields they use, and what they ask of Elasticsearch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.running import ROOT

FILE = ROOT / "connect/kibana/trackway.ndjson"
TEMPLATES = ROOT / "connect/index-templates"
COUNTED = "___records___"
NUMBERS = {"float", "double", "long", "integer"}
FITTING = {
    "date_histogram": {"date"},
    "terms": {"keyword"},
    "unique_count": {"keyword"},
    "percentile": NUMBERS,
    "max": NUMBERS,
    "geotile_grid": {"geo_point"},
}
"""Types of fields that an operation works on."""

_CLAUSE = re.compile(r'\s*([a-z_.@]+)\s*:\s*(?:"([^"]+)"|\(([^)]+)\))\s*\Z')


class Use(NamedTuple):
    """A field of a data view that an object uses for an operation."""

    view: str
    field: str
    operation: str


def saved_objects() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FILE.read_text().splitlines()]


def by_id() -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["type"], each["id"]): each for each in saved_objects()}


def fields_of(kind: str) -> dict[str, str]:
    """Every field of a kind's documents with its type, multi-fields included, by its full name."""
    event = json.loads((TEMPLATES / "trackway-event.json").read_text())["template"]["mappings"]["properties"]
    own = json.loads((TEMPLATES / f"trackway-{kind}.json").read_text())["template"]["mappings"]["properties"]
    return dict(_flat({**event, **own}, ""))


def _flat(properties: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in properties.items():
        if "properties" in field:
            yield from _flat(field["properties"], f"{prefix}{name}.")
        else:
            yield prefix + name, field["type"]
        for part, sub in field.get("fields", {}).items():
            yield f"{prefix}{name}.{part}", sub["type"]


def view_of(each: dict[str, Any]) -> str:
    """The name of the data view that a chart or a map looks at."""
    (reference,) = [ref for ref in each["references"] if ref["type"] == "index-pattern"]
    return reference["id"].removeprefix("trackway-")


def layer_of(lens: dict[str, Any]) -> dict[str, Any]:
    return lens["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]["layer"]


def grids_of(drawn: dict[str, Any]) -> list[dict[str, Any]]:
    layers = [layer["sourceDescriptor"] for layer in json.loads(drawn["attributes"]["layerListJSON"])]
    return [source for source in layers if source["type"] == "ES_GEO_GRID"]


def uses(each: dict[str, Any]) -> Iterator[Use]:
    """Every field that an object names."""
    if each["type"] == "lens":
        view = view_of(each)
        for column in layer_of(each)["columns"].values():
            if column["sourceField"] != COUNTED:
                yield Use(view, column["sourceField"], column["operationType"])
        for clause in filter(None, each["attributes"]["state"]["query"]["query"].split(" and ")):
            yield Use(view, _clause(clause)[0], "terms")
    elif each["type"] == "map":
        for grid in grids_of(each):
            yield Use(view_of(each), grid["geoField"], "geotile_grid")
    elif each["type"] == "index-pattern":
        yield Use(each["id"].removeprefix("trackway-"), each["attributes"]["timeFieldName"], "date_histogram")


def question(each: dict[str, Any]) -> dict[str, Any]:
    """The body of the request that a chart or a map makes of Elasticsearch."""
    if each["type"] == "map":
        (grid,) = grids_of(each)
        tiles = {"field": grid["geoField"], "precision": 14, "size": 10_000}
        return {"size": 0, "aggs": {"by": {"geotile_grid": tiles}}}
    layer, text = layer_of(each), each["attributes"]["state"]["query"]["query"]
    filters = [{"terms": {name: values}} for name, values in map(_clause, filter(None, text.split(" and ")))]
    aggs: dict[str, Any] = {}
    for name in reversed(layer["columnOrder"]):
        made = _aggregation(layer["columns"][name])
        if made is not None:
            aggs = {name: {**made, **({"aggs": aggs} if aggs else {})}}
    return {"size": 0, "query": {"bool": {"filter": filters}}, "aggs": aggs}


def _aggregation(column: dict[str, Any]) -> dict[str, Any] | None:
    field = {"field": column["sourceField"]}
    match column["operationType"]:
        case "count":
            return None  # every bucket has one
        case "date_histogram":
            return {"date_histogram": {**field, "fixed_interval": "1m", "min_doc_count": 1}}
        case "terms":
            return {"terms": {**field, "size": column["params"]["size"]}}
        case "unique_count":
            return {"cardinality": field}
        case "percentile":
            return {"percentiles": {**field, "percents": [column["params"]["percentile"]]}}
        case "max":
            return {"max": field}
        case other:
            raise AssertionError(f"operation {other} is not known here")


def _clause(text: str) -> tuple[str, list[str]]:
    """``field: "value"`` or ``field: ("one" or "other")`` of Kibana's query language."""
    found = _CLAUSE.match(text)
    assert found, f"not a query that this reads: {text}"
    return found[1], [found[2]] if found[2] else [value.strip().strip('"') for value in found[3].split(" or ")]
