"""The rules of the house that no linter knows: what a function imports, names that say nothing, too long files."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT

SOURCES = [
    path
    for folder in ("src", "functions", "realtime-gateway", "bench", "tools", "frontend/src", "frontend/map-build")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".ts", ".tsx", ".mjs"} and "generated" not in path.parts
]
FUNCTIONS = sorted(path for path in (ROOT / "functions").iterdir() if path.is_dir())
SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "misc"}


def imported(path: Path) -> Iterator[str]:
    """The first word of each module that a Python file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: functions are loaded by themselves, not as a package"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("folder", FUNCTIONS, ids=lambda path: path.name)
def test_a_function_imports_the_products_language_and_no_other_function(folder: Path) -> None:
    others = {path.name for path in FUNCTIONS} - {folder.name}
    ours = set(imported(folder / "main.py")) - set(sys.stdlib_module_names)
    assert not ours & (others | {"knative_local", "realtime_gateway"})
    assert "trackway" in ours


@pytest.mark.parametrize("folder", FUNCTIONS, ids=lambda path: path.name)
def test_a_function_is_a_page_of_code_and_five_lines_about_it(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"main.py", "README.md"}
    assert (ROOT / "knative/base" / f"{folder.name}.yaml").exists()


def test_no_file_outgrows_one_idea() -> None:
    long = {str(path.relative_to(ROOT)): lines for path in SOURCES if (lines := path.read_text().count("\n")) > 400}
    assert not long


def test_no_name_says_nothing() -> None:
    assert not [path for path in SOURCES if SAYS_NOTHING & {part.partition(".")[0] for part in path.parts}]


def test_no_module_of_the_runtime_has_the_name_of_one_of_pythons() -> None:
    """The fork server is started as a file of this folder, where Python then looks first."""
    names = {path.stem for path in (ROOT / "src/knative_local").iterdir()} - {"__init__", "__main__"}
    assert not names & sys.stdlib_module_names
