"""The table of fields as Markdown; `python -m knative_local.field_table` puts it into `docs/knative-local.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from knative_local.fields import KINDS, Kind
from knative_local.schema import Annotations, Later, ListOf, MapOf, NoEffect, Object, Refused, Shape

BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"

# These are the same for every kind, and said in the text of the page.
_EVERYWHERE = frozenset(
    [
        "apiVersion",
        "kind",
        "metadata.name",
        "metadata.namespace",
        "metadata.labels.*",
        "metadata.creationTimestamp",
        "status",
    ]
)
_ANNOTATION = ": "
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
    effects: dict[str, list[str]] = {"honoured": [], "taken without effect": []}
    for path, effect in _rows(kind.shape, ""):
        if path not in _EVERYWHERE:
            effects.setdefault(_words(effect), []).append(path)
    versions = ", ".join(f"{kind.group}/{version}" if kind.group else version for version in kind.versions)
    lines = [f"### {kind.name} ({versions})", "", "| | |", "| --- | --- |"]
    lines += [f"| {words} | {_grouped(paths)} |" for words, paths in effects.items() if paths]
    return "\n".join(lines)


def _words(effect: NoEffect | Refused | None) -> str:
    match effect:
        case None:
            return "honoured"
        case NoEffect():
            return "taken without effect"
        case Refused(why):
            return f"refused: {why}"


def _grouped(paths: list[str]) -> str:
    """Paths with those that only differ in their last part put together: `a.b.{c, d}`."""
    siblings: dict[str, list[str]] = {}
    for path in paths:
        above, _, last = path.rpartition(_ANNOTATION if _ANNOTATION in path else ".")
        siblings.setdefault(above + (_ANNOTATION if _ANNOTATION in path else "."), []).append(last)
    return ", ".join(
        f"`{above.removeprefix('.')}{lasts[0] if len(lasts) == 1 else '{' + ', '.join(lasts) + '}'}`"
        for above, lasts in siblings.items()
    )


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
                yield from _rows(field, f"{path}{_ANNOTATION}{name}")
        case Later():
            yield path, None
        case _:
            yield path, None


if __name__ == "__main__":
    page = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/knative-local.md")
    page.write_text(put_into(page.read_text(encoding="utf-8")), encoding="utf-8")
