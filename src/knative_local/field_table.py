"""The table of fields as Markdown, for `docs/knative-local.md` (`python -m knative_local.field_table` writes it there)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from knative_local.fields import KINDS, Kind
from knative_local.schema import Annotations, Later, ListOf, MapOf, NoEffect, Object, Refused, Shape

BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"

_IDENTITY = ("apiVersion", "kind", "metadata.name", "metadata.namespace")
_Row = tuple[str, NoEffect | Refused | None]


def markdown() -> str:
    """A section per kind: what is honoured, what is taken without effect, what is refused and why."""
    return "\n\n".join(_section(kind) for kind in KINDS)


def put_into(text: str) -> str:
    """`text` with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{markdown()}\n\n{END}{after}"


def _section(kind: Kind) -> str:
    honoured: list[str] = []
    without_effect: list[str] = []
    refused: dict[str, list[str]] = {}
    for path, effect in _rows(kind.shape, ""):
        if isinstance(effect, Refused):
            refused.setdefault(effect.why, []).append(f"`{path}`")
        elif isinstance(effect, NoEffect):
            without_effect.append(f"`{path}`")
        elif path not in _IDENTITY:
            honoured.append(f"`{path}`")
    versions = ", ".join(f"{kind.group}/{version}" if kind.group else version for version in kind.versions)
    lines = [f"### {kind.name} ({versions})", "", "| | |", "| --- | --- |", f"| honoured | {', '.join(honoured)} |"]
    lines.append(f"| taken without effect | {', '.join(without_effect)} |")
    lines += [f"| refused: {why} | {', '.join(paths)} |" for why, paths in refused.items()]
    return "\n".join(lines)


def _rows(shape: Shape, path: str) -> Iterator[_Row]:
    """Each field below `shape`, with what becomes of it (None: honoured)."""
    match shape:
        case NoEffect() | Refused():
            yield path, shape
        case ListOf(item):
            yield from _rows(item, f"{path}[]")
        case MapOf(value):
            yield from _rows(value, f"{path}.*")
        case Object(fields):
            for name, field in fields.items():
                yield from _rows(field, f"{path}.{name}" if path else name)
        case Annotations(known):
            for name, field in known.items():
                yield from _rows(field, f"{path}: {name}")
        case Later():
            yield f"{path} (a filter)", None
        case _:
            yield path, None


if __name__ == "__main__":
    page = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/knative-local.md")
    page.write_text(put_into(page.read_text(encoding="utf-8")), encoding="utf-8")
