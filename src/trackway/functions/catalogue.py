"""The functions that there are: folders with a ``main.py``, each defining what is named as its folder."""

import importlib.util
import re
import sys
from pathlib import Path
from typing import cast

from trackway.functions.host import Function
from trackway.functions.http import Entry

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


class UnknownFunction(LookupError):
    """No function of that name; says which there are, or what is missing in its main.py."""


def names(folder: Path | str) -> list[str]:
    """The functions in ``folder``, by name."""
    return sorted(main.parent.name for main in Path(folder).glob("*/main.py") if _NAME.match(main.parent.name))


def source_of(folder: Path | str, name: str) -> Path:
    """The function's main.py. Raises UnknownFunction."""
    known = names(folder)
    if name not in known:
        there = ", ".join(known) or f"none in {folder}/"
        raise UnknownFunction(f"there is no function {name!r}; there are: {there}")
    return Path(folder) / name / "main.py"


def function_in(module: object, name: str) -> Function:
    """The function that a loaded main.py defines. Raises UnknownFunction."""
    entry = cast("Entry | None", getattr(module, name, None))
    if entry is None or not isinstance(getattr(entry, "function", None), Function):
        raise UnknownFunction(f"functions/{name}/main.py defines no {name!r} by @on_events or Http()")
    return entry.function


def load(folder: Path | str, name: str) -> Function:
    """A function by itself, freshly loaded: for its table of routes, or to be called in a test. Raises
    UnknownFunction."""
    source = source_of(folder, name)
    spec = importlib.util.spec_from_file_location(f"functions_{name}", source)
    assert spec is not None  # noqa: S101 - the file's name ends in .py; narrows the type
    assert spec.loader is not None  # noqa: S101 - likewise
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return function_in(module, name)
