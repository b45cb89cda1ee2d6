"""Checks manifests without starting anything: whatever would end a start, each with file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from knative_local.environment import Environments, VariableErrors
from knative_local.manifests import load
from knative_local.model import Manifests
from knative_local.names import Names
from knative_local.yaml_tree import ManifestErrors

_PLACE: Final = re.compile(r"(?P<path>.+?):(?P<line>\d+): (?P<message>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a place; `line` counts from 1."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def check(path: Path) -> Manifests | list[Mistake]:
    """The manifests below `path`, or everything that is wrong with them."""
    try:
        manifests = load(path)
        names = Names(manifests)
        Environments(manifests, names.url_of, names.log_of, "", "").check()
    except ManifestErrors as errors:
        return [_mistake(line, path) for line in errors.errors]
    except VariableErrors as errors:
        return [_mistake(line, path) for line in str(errors).splitlines()]
    return manifests


def _mistake(line: str, path: Path) -> Mistake:
    place = _PLACE.fullmatch(line)
    if place is None:
        return Mistake(str(path), 1, line)
    return Mistake(place["path"], int(place["line"]), place["message"])
