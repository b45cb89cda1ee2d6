"""Writes what is derived from the Python sources: JSON Schemas (the frontend's types come of them), and the OpenAPI.

`make generate` runs this; tests/contract/test_generated.py fails when what is committed is not what this would write.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from realtime_gateway.operations import Operations
from realtime_gateway.protocol import Ages, Counts, LiveTrip, LiveVehicle, Notice, Reset, Resume, Update, Watch
from realtime_gateway.views import (
    DeadLetterList,
    EventList,
    NearVehicleList,
    PositionList,
    RouteList,
    TripList,
    VehicleList,
)
from trackway.events import FACTS
from trackway.functions import Problem, Route
from trackway.functions.catalogue import load, names
from trackway.functions.openapi import describe_functions
from trackway.search.port import Found

ROOT = Path(__file__).resolve().parent.parent
LIVE_RECORDS = (LiveVehicle, LiveTrip, Counts, Reset, Update, Notice, Resume, Watch, Ages)
VIEWS = (
    RouteList,
    TripList,
    PositionList,
    VehicleList,
    NearVehicleList,
    EventList,
    DeadLetterList,
    Operations,
    Found,
    Problem,
)
SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def generated() -> dict[Path, str]:
    """Every generated file, relative to the project's root, with its text."""
    return {**event_schemas(), **page_schema(), **openapi()}


def event_schemas() -> dict[Path, str]:
    """A JSON Schema for the data of each event type."""
    files: dict[Path, str] = {}
    for type_, fact in FACTS.items():
        (reference,), definitions = msgspec.json.schema_components([fact], ref_template="#/$defs/{name}")
        document = {"$schema": SCHEMA, "$id": f"urn:{type_}", **definitions.pop(fact.__name__)}
        assert reference == {"$ref": f"#/$defs/{fact.__name__}"}
        if definitions:
            document["$defs"] = definitions
        files[Path("schemas/events") / f"{type_}.json"] = pretty(document)
    return files


def page_schema() -> dict[Path, str]:
    """One document with every record that the page reads or sends: facts, live frames, queries, requests."""
    records: list[Any] = [*FACTS.values(), *LIVE_RECORDS, *VIEWS, *(route.body for route in requests())]
    _, definitions = msgspec.json.schema_components(records, ref_template="#/$defs/{name}")
    # json-schema-to-typescript reads the tuples of draft 7 only.
    document = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Page", "$defs": as_draft_7(definitions)}
    return {Path("schemas/page.json"): pretty(document)}


def requests() -> list[Route]:
    """The functions' routes that take a record as their body."""
    tables = (load(ROOT / "functions", name).routes.table for name in names(ROOT / "functions"))
    return [route for table in tables for route in table if route.body is not None]


def as_draft_7(node: Any) -> Any:
    """The same schema with ``prefixItems`` written as draft 7 did."""
    if isinstance(node, list):
        return [as_draft_7(item) for item in node]
    if not isinstance(node, dict):
        return node
    written = {key: as_draft_7(value) for key, value in node.items()}
    # Lengths and bounds of plain arrays are the sender's to check; as TypeScript they only make unwieldy tuples.
    for bound in ("minItems", "maxItems"):
        written.pop(bound, None)
    if "prefixItems" in written:
        written["items"] = written.pop("prefixItems")
        written["minItems"] = written["maxItems"] = len(written["items"])
    return written


def openapi() -> dict[Path, str]:
    """The OpenAPI paths and schemas of the HTTP functions, which the gateway merges into its own."""
    path = Path("realtime-gateway/realtime_gateway/functions_openapi.json")
    return {path: pretty(describe_functions(ROOT / "functions"))}


def pretty(document: dict[str, Any]) -> str:
    """JSON as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write what differs and say so."""
    for path, text in generated().items():
        target = ROOT / path
        if not target.exists() or target.read_text() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
