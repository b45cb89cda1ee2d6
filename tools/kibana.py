"""Kibana's saved objects, written from connect/kibana/dashboard.yaml: data views, a map, charts (Lens), a dashboard.

The formats are Kibana's own of 8.19: a state of each object as JSON, in which data views are named by references.
`make generate` writes them; they are imported in Stack Management › Saved Objects (docs/operations.md).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

Object = dict[str, Any]
Node = Mapping[str, Any]

_FOLDER: Final = Path(__file__).resolve().parent.parent / "connect/kibana"
SOURCE, TARGET = _FOLDER / "dashboard.yaml", _FOLDER / "trackway.ndjson"
PREFIX: Final = "trackway-"
COUNTED: Final = "___records___"
LAYER: Final = "layer"
VERSION: Final = "8.9.0"
"""Of the objects' format; newer Kibanas bring them up to date when they are imported."""


def written() -> str:
    """The text of the file to be imported: an object per line."""
    source = yaml.safe_load(SOURCE.read_text())
    return "".join(json.dumps(each, ensure_ascii=False, sort_keys=True) + "\n" for each in objects(source))


def objects(source: Node) -> Iterator[Object]:
    """Each object before those that refer to it."""
    for name, view in source["views"].items():
        attributes = {"title": view["title"], "name": view["name"], "timeFieldName": view["time"]}
        yield _object("index-pattern", name, attributes, [])
    for each in source["maps"]:
        yield _map(each)
    for each in source["charts"]:
        yield _lens(each)
    yield _dashboard(source)


def _object(kind: str, name: str, attributes: Node, references: list[Object]) -> Object:
    return {
        "type": kind,
        "id": PREFIX + name,
        "attributes": dict(attributes),
        "references": references,
        "coreMigrationVersion": VERSION,
    }


def _view(reference: str, name: str) -> Object:
    return {"type": "index-pattern", "id": PREFIX + name, "name": reference}


def _map(source: Node) -> Object:
    reference = "layer_1_source_index_pattern"
    grid = {
        "type": "ES_GEO_GRID",
        "id": f"{source['id']}-grid",
        "geoField": source["location"],
        "indexPatternRefName": reference,
        "requestType": "point",
        "resolution": "FINE",
        "metrics": [{"type": "count", "label": source["metric"]["count"]}],
        "applyGlobalQuery": True,
        "applyGlobalTime": True,
    }
    field = {"name": "doc_count", "label": source["metric"]["count"], "origin": "source"}
    style = {
        "type": "VECTOR",
        "properties": {
            "fillColor": {"type": "DYNAMIC", "options": {"field": field, "color": "Blues"}},
            "iconSize": {"type": "DYNAMIC", "options": {"field": field, "minSize": 6, "maxSize": 24}},
        },
    }
    ground = {
        "id": f"{source['id']}-ground",
        "type": "EMS_VECTOR_TILE",
        "sourceDescriptor": {"type": "EMS_TMS", "isAutoSelect": True},
        "style": {"type": "EMS_VECTOR_TILE", "color": ""},
        "visible": True,
    }
    layer = {
        "id": f"{source['id']}-layer",
        "type": "GEOJSON_VECTOR",
        "label": source["title"],
        "sourceDescriptor": grid,
        "style": style,
        "visible": True,
        "joins": [],
    }
    state = {"zoom": 11, "center": {"lat": -34.88, "lon": -56.17}, "timeFilters": {"from": "now-24h", "to": "now"}}
    attributes = {
        "title": source["title"],
        "layerListJSON": json.dumps([ground, layer]),
        "mapStateJSON": json.dumps(state),
        "uiStateJSON": json.dumps({"isLayerTOCOpen": False}),
    }
    return _object("map", source["id"], attributes, [_view(reference, source["view"])])


def _lens(source: Node) -> Object:
    columns = {"by": _bucket(source["by"])} | ({"split": _bucket(source["split"])} if "split" in source else {})
    columns["value"] = _value(source["value"])
    layer = {"columns": columns, "columnOrder": [*columns], "incompleteColumns": {}, "sampling": 1}
    layers: list[Object] = [
        {
            "layerId": LAYER,
            "layerType": "data",
            "seriesType": source["shape"],
            "xAccessor": "by",
            "accessors": ["value"],
            **({"splitAccessor": "split"} if "split" in source else {}),
        }
    ]
    shown = {
        "preferredSeriesType": source["shape"],
        "layers": layers,
        "legend": {"isVisible": "split" in source, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
    }
    state = {
        "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
        "visualization": shown,
        "query": {"query": source.get("query", ""), "language": "kuery"},
        "filters": [],
    }
    attributes = {"title": source["title"], "visualizationType": "lnsXY", "state": state}
    reference = _view(f"indexpattern-datasource-layer-{LAYER}", source["view"])
    return _object("lens", source["id"], attributes, [reference])


def _bucket(source: Node) -> Object:
    if "date" in source:
        return {
            "operationType": "date_histogram",
            "sourceField": source["date"],
            "dataType": "date",
            "isBucketed": True,
            "scale": "interval",
            "label": source["date"],
            "params": {"interval": "auto", "includeEmptyRows": True},
        }
    return {
        "operationType": "terms",
        "sourceField": source["terms"],
        "dataType": "string",
        "isBucketed": True,
        "scale": "ordinal",
        "label": source["terms"].removeprefix("data.").removesuffix(".keyword"),
        "params": {
            "size": source["size"],
            "orderBy": {"type": "column", "columnId": "value"},
            "orderDirection": "desc",
            "otherBucket": False,
            "missingBucket": False,
        },
    }


_OPERATIONS: Final = {"unique": "unique_count", "percentile": "percentile", "maximum": "max", "count": "count"}


def _value(source: Node) -> Object:
    (name,) = source.keys() & _OPERATIONS.keys()
    column: Object = {
        "operationType": _OPERATIONS[name],
        "sourceField": COUNTED if name == "count" else source[name],
        "dataType": "number",
        "isBucketed": False,
        "scale": "ratio",
        "label": source[name] if name == "count" else source["label"],
        "customLabel": True,
    }
    if name == "percentile":
        column["params"] = {"percentile": source["at"]}
    return column


def _dashboard(source: Node) -> Object:
    panels: list[Object] = []
    references: list[Object] = []
    for kind, each in [("map", each) for each in source["maps"]] + [("lens", each) for each in source["charts"]]:
        panels.append(
            {
                "type": kind,
                "panelIndex": each["id"],
                "panelRefName": f"panel_{each['id']}",
                "gridData": {**each["place"], "i": each["id"]},
                "embeddableConfig": {},
            }
        )
        references.append({"type": kind, "id": PREFIX + each["id"], "name": f"{each['id']}:panel_{each['id']}"})
    search = {"query": {"query": "", "language": "kuery"}, "filter": []}
    attributes = {
        "title": source["title"],
        "description": source["description"],
        "panelsJSON": json.dumps(panels),
        "optionsJSON": json.dumps({"useMargins": True, "syncCursor": True, "hidePanelTitles": False}),
        "timeRestore": True,
        "timeFrom": "now-24h",
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": 30_000},
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(search)},
    }
    return _object("dashboard", "dashboard", attributes, references)


if __name__ == "__main__":
    TARGET.write_text(written())
