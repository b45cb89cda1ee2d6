"""What is generated and committed is what the sources give now; `make generate` writes it anew."""

import importlib.util
import json
import os
import subprocess
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


def test_the_pages_types_are_fresh(tmp_path: Path) -> None:
    frontend, target = ROOT / "frontend", "src/api/generated/types.ts"
    script = json.loads((frontend / "package.json").read_text())["scripts"]["types"]
    assert target in script
    path = f"{frontend / 'node_modules/.bin'}{os.pathsep}{os.environ['PATH']}"
    fresh = tmp_path / "types.ts"
    subprocess.run(script.replace(target, str(fresh)), shell=True, cwd=frontend, env={"PATH": path}, check=True)
    assert (frontend / target).read_text() == fresh.read_text(), "run `make generate`"
