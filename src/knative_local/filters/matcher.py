"""Which of many filters an event passes, at a cost that hardly grows with their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import cast

from knative_local.cloudevent import CloudEvent
from knative_local.filters.port import Fallible, Filter

_Key = Callable[[Mapping[str, str]], Hashable]
_Question = tuple[int, Callable[[Mapping[str, str]], bool]]

TABLE = 4096
"""Answers that are remembered at most."""
PAYS = 4
"""A table that is full has been worth it when it answered this many events for each that it had to learn."""
LONG = 512
"""Characters of the values of one remembered event at most, so that TABLE also bounds the bytes."""


class Matcher:
    """Tells for each event which of `filters` it passes.

    Most filters read attributes that take few values, such as `type`: the answer is remembered by these values. An
    attribute that turns out to take ever new values (an id, a time) would flood that table; filters that read such a
    one are taken out of it and asked for each event, by way of a lookup of the values that they need.
    """

    def __init__(self, filters: Sequence[Filter]) -> None:
        self._filters = tuple(filters)
        self._flooding: frozenset[str] = frozenset()
        self._arrange()

    def matching(self, attributes: Mapping[str, str]) -> tuple[int, ...]:
        """Indexes of the filters that an event with these attributes passes, in ascending order."""
        key = self._key(attributes)
        found = self._table.get(key)
        if found is None:
            found = self._learn(key, attributes)
        else:
            self._hits += 1
            if self._failing and key in self._failing:
                for part in self._failing[key]:
                    part.failures += 1
        if self._asked:
            more = self._asked.select(attributes)
            if more:
                return tuple(sorted([*found, *more])) if found else tuple(more)
        return found

    def matching_each(self, events: Sequence[CloudEvent]) -> list[tuple[int, ...]]:
        """As `matching`, for each; those whose answer is remembered are not taken apart."""
        if self._asked or self._failing:
            return [self.matching(event.attributes) for event in events]
        table, keys = self._table, self._keys(events)
        if keys.count(keys[0]) == len(keys) and (same := table.get(keys[0])) is not None:
            self._hits += len(keys)
            return [same] * len(keys)
        found: list[tuple[int, ...]] = []
        for event, key in zip(events, keys, strict=True):
            answer = table.get(key)
            found.append(self.matching(event.attributes) if answer is None else answer)
            self._hits += answer is not None
            if table is not self._table:  # arranged anew: the other keys are of no use
                return found + (self.matching_each(events[len(found) :]) if len(found) < len(events) else [])
        return found

    def _keys(self, events: Sequence[CloudEvent]) -> list[Hashable]:
        """As `_key`, for each."""
        if len(self._names) == 1:
            return list(CloudEvent.column(events, self._names[0]))
        columns = [CloudEvent.column(events, name) for name in self._names]
        return list(zip(*columns, strict=True)) if columns else [()] * len(events)

    @property
    def remembered(self) -> int:
        """How many answers are remembered now."""
        return len(self._table)

    def _learn(self, key: Hashable, attributes: Mapping[str, str]) -> tuple[int, ...]:
        short = sum(len(attributes.get(name, "")) for name in self._names) <= LONG
        if short and len(self._table) >= TABLE:
            self._make_room()
            key = self._key(attributes)
        before = [part.failures for part in self._fallible]
        found = tuple(self._memoised.select(attributes))
        if short:
            self._table[key] = found
            failing = [part for part, count in zip(self._fallible, before, strict=True) if part.failures > count]
            if failing:
                self._failing[key] = failing
        return found

    def _make_room(self) -> None:
        """Forget all answers; when they were of little use, also what made so many of them."""
        if self._hits < PAYS * len(self._table):
            self._flooding |= {_most_distinct(self._names, self._table)}
        self._arrange()

    def _arrange(self) -> None:
        remembered: list[tuple[int, Filter]] = []
        asked: list[tuple[int, Filter]] = []
        for index, each in enumerate(self._filters):
            (asked if each.attributes & self._flooding else remembered).append((index, each))
        self._memoised = _Lookup(remembered)
        self._asked = _Lookup(asked) if asked else None
        self._names = tuple(sorted(frozenset[str]().union(*(each.attributes for _, each in remembered))))
        self._key = _key_of(self._names)
        self._fallible = [part for _, each in remembered for part in each.fallible]
        self._table: dict[Hashable, tuple[int, ...]] = {}
        # What fails for an event fails for all that the same answer is given to, and counts.
        self._failing: dict[Hashable, list[Fallible]] = {}
        self._hits = 0


class _Lookup:
    """Asks only those filters whose needs the event meets."""

    def __init__(self, filters: Iterable[tuple[int, Filter]]) -> None:
        needs = [(index, each, each.needs) for index, each in filters]
        # Of several needs, the one is looked up that the fewest others share.
        shared = Counter((name, value) for _, _, each in needs for name, values in each.items() for value in values)
        self._always: list[_Question] = []
        self._by_value: dict[str, dict[str, list[_Question]]] = {}
        for index, each, needed in needs:
            if not needed:
                self._always.append((index, each.matches))
                continue
            name = min(needed, key=lambda name: max((shared[name, value] for value in needed[name]), default=0))
            by_value = self._by_value.setdefault(name, {})
            for value in needed[name]:
                by_value.setdefault(value, []).append((index, each.matches))

    def select(self, attributes: Mapping[str, str]) -> list[int]:
        """Indexes of the filters that pass, in ascending order."""
        found = [index for index, matches in self._always if matches(attributes)]
        for name, by_value in self._by_value.items():
            if name in attributes:
                questions = by_value.get(attributes[name])
                if questions is not None:
                    found += [index for index, matches in questions if matches(attributes)]
        found.sort()
        return found


def _key_of(names: Sequence[str]) -> _Key:
    """The values of these attributes as one key; spelled out for few names, which is what takes the least time."""
    match names:
        case [a]:
            return lambda attributes: attributes.get(a)
        case [a, b]:
            return lambda attributes: (attributes.get(a), attributes.get(b))
        case [a, b, c]:
            return lambda attributes: (attributes.get(a), attributes.get(b), attributes.get(c))
        case _:
            return lambda attributes: tuple(map(attributes.get, names))


def _most_distinct(names: Sequence[str], keys: Iterable[Hashable]) -> str:
    """The name whose values differ most in keys that `_key_of` made."""
    if len(names) == 1:
        return names[0]
    columns = zip(*cast("Iterable[tuple[str | None, ...]]", keys), strict=True)
    return max(zip(names, columns, strict=True), key=lambda column: len(set(column[1])))[0]
