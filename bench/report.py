"""What every table says of itself: the machine, and percentiles of what was measured."""

import os
import platform
from collections.abc import Iterable, Sequence
from math import ceil
from pathlib import Path


def machine() -> str:
    """One line: processor, cores that may be used, memory, system, Python."""
    model = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "processor: unknown")
    memory = next((line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "MemTotal: 0 kB")
    gigabytes = int(memory.split()[1]) / 1e6
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = model.partition(":")[2].strip()
    system = f"{platform.system()} {platform.release()}"
    return f"{name}, {cores} cores, {gigabytes:.0f} GB, {system}, Python {platform.python_version()}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of them do not exceed, by nearest rank. Raises ValueError without values."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float], unit: str = "ms", digits: int = 0) -> list[str]:
    """p50, p90, p99 and the largest, as cells; dashes without values."""
    if not values:
        return ["–"] * 4
    return [f"{percentile(values, share):,.{digits}f} {unit}" for share in (0.5, 0.9, 0.99, 1.0)]


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table under its title and the machine."""
    cells = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    print(f"\n{title}\n{machine()}\n")
    for number, row in enumerate(cells):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(flush=True)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
