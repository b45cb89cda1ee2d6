"""Several processes' metrics as one text: families together, each sample with the labels of who told it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Gathered:
    """Takes texts in Prometheus' format (0.0.4), one process's after the other's."""

    def __init__(self) -> None:
        self._heads: dict[str, list[str]] = {}
        self._samples: dict[str, list[str]] = {}

    def add(self, text: str, labels: Mapping[str, str] | None = None) -> None:
        """Take in a text, with more `labels` for each of its samples. What is no sample is passed over."""
        more = ",".join(f'{name}="{_escaped(value)}"' for name, value in (labels or {}).items())
        known, family = set(self._heads), ""
        for line in text.splitlines():
            if line.startswith("#"):
                words = line.split(" ", 3)
                if len(words) == 4 and words[1] in {"HELP", "TYPE"}:
                    family = words[2]
                    head = self._heads.setdefault(family, [])
                    if family not in known:
                        head.append(line)
            elif line and not line.isspace():
                self._samples.setdefault(_family_of(line, family), []).append(_labelled(line, more))

    def text(self) -> str:
        """All of it."""
        lines: list[str] = []
        for family in dict.fromkeys((*self._heads, *self._samples)):
            samples = self._samples.get(family)
            if samples:
                lines += (*self._heads.get(family, ()), *samples)
        return "\n".join((*lines, ""))


def _family_of(sample: str, current: str) -> str:
    """The family of a sample that follows the head of `current`."""
    name = sample.partition("{")[0].partition(" ")[0]
    return current if current and name.startswith(current) else name


def _labelled(sample: str, more: str) -> str:
    if not more:
        return sample
    name, brace, rest = sample.partition("{")
    if not brace or " " in name:
        name, _, value = sample.partition(" ")
        return f"{name}{{{more}}} {value}"
    return f"{name}{{{more}{rest}" if rest.startswith("}") else f"{name}{{{more},{rest}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def join(own: str, others: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """`own` as it is, and the `others` with their labels."""
    gathered = Gathered()
    gathered.add(own)
    for text, labels in others:
        gathered.add(text, labels)
    return gathered.text()
