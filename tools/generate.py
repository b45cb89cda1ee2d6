"""Writes what is derived from the Python sources: JSON Schemas (the frontend's types come of them), and the OpenAPI.

`make generate` runs this; tests/contract/test_generated.py fails when what is committed is not what this would write.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from trackway.events import FACTS

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def generated() -> dict[Path, str]:
    """Every generated file, relative to the project's root, with its text."""
    return {**event_schemas(), **live_schemas(), **openapi()}


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


def live_schemas() -> dict[Path, str]:
    """One document with every record that the page reads: events, live frames, and the answers of the HTTP API."""
    from realtime_gateway.protocol import RECORDS  # noqa: PLC0415 - the gateway is only needed here

    records = [*FACTS.values(), *RECORDS]
    _, definitions = msgspec.json.schema_components(records, ref_template="#/$defs/{name}")
    return {
        Path("schemas/page.json"): pretty({"$schema": SCHEMA, "$id": "urn:dev.trackway.page", "$defs": definitions})
    }


def openapi() -> dict[Path, str]:
    """The OpenAPI paths and schemas of the HTTP functions, which the gateway merges into its own."""
    from trackway.functions.openapi import describe_functions  # noqa: PLC0415 - loads every function

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
