"""What is generated and committed is what the sources give now; `make generate` writes it anew."""

import importlib.util
from pathlib import Path

import pytest

from tests.running import ROOT

SPEC = importlib.util.spec_from_file_location("generate", ROOT / "tools/generate.py")
assert SPEC is not None
assert SPEC.loader is not None
generate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate)


@pytest.mark.parametrize(("path", "text"), generate.generated().items(), ids=lambda value: str(value)[-60:])
def test_generated_file_is_fresh(path: Path, text: str) -> None:
    assert (ROOT / path).read_text() == text, f"{path} is stale: run `make generate`"


def test_no_schema_is_left_of_an_event_that_is_gone() -> None:
    written = {path.relative_to(ROOT) for path in (ROOT / "schemas").rglob("*.json")}
    assert written == {path for path in generate.generated() if path.parts[0] == "schemas"}
