"""What a run has to keep: nothing acknowledged is lost, order where it is promised, repeats only as repeats. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Posted:
    """An event of the load: the `number`-th of its key, from 0; `acknowledged` once the broker said 202."""

    id: str
    key: str
    number: int
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a subscriber wrote down, in the order in which it did."""

    id: str
    key: str
    number: int


@dataclass(slots=True)
class Run:
    """A run that is over: what was posted, what each subscriber recorded, and what broke meanwhile."""

    posted: Mapping[str, Posted]
    recorded: Mapping[str, Sequence[Recorded]]
    ordered: frozenset[str]
    restarts: int
    dead_letters: int = 0
    tracebacks: Sequence[str] = field(default_factory=list[str])


def violations(run: Run) -> list[str]:
    """A sentence for each promise that the run broke; none for a good run."""
    found = [f"{run.dead_letters} dead letters, and no subscriber refuses anything"] if run.dead_letters else []
    found += [f"the runtime said: {line}" for line in run.tracebacks]
    for name, records in run.recorded.items():
        found += _lost(name, records, run.posted)
        found += _strange(name, records, run.posted)
        if name in run.ordered:
            found += _out_of_order(name, records, run.restarts)
    return found


def missing(records: Iterable[Recorded], posted: Mapping[str, Posted]) -> set[str]:
    """The ids of acknowledged events that were not recorded."""
    seen = {record.id for record in records}
    return {event.id for event in posted.values() if event.acknowledged and event.id not in seen}


def _lost(name: str, records: Sequence[Recorded], posted: Mapping[str, Posted]) -> Iterator[str]:
    lost = missing(records, posted)
    if lost:
        yield f"{name}: {len(lost)} of {len(posted)} events are lost, as {sorted(lost)[:5]}"


def _strange(name: str, records: Sequence[Recorded], posted: Mapping[str, Posted]) -> Iterator[str]:
    for record in records:
        event = posted.get(record.id)
        if event is None:
            yield f"{name}: {record.id} was never posted"
        elif (event.key, event.number) != (record.key, record.number):
            yield f"{name}: {record.id} is not what was posted: {record}, not {event}"


def _out_of_order(name: str, records: Sequence[Recorded], restarts: int) -> Iterator[str]:
    """Per key the numbers go up one by one; one may be repeated, and after a restart an earlier stretch may be."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for record in records:
        numbers[record.key].append(record.number)
    for key, line in numbers.items():
        if line[0] != 0:
            yield f"{name}, {key}: begins with number {line[0]}"
        jumps = [(before, after) for before, after in pairwise(line) if after > before + 1]
        if jumps:
            yield f"{name}, {key}: numbers jump, as from {jumps[0][0]} to {jumps[0][1]}"
        returns = sum(after < before for before, after in pairwise(line))
        if returns > restarts:
            yield f"{name}, {key}: goes back {returns} times, with {restarts} restarts"
