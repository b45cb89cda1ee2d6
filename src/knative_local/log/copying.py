"""Rows of one log's file put into a new one: those of an older format, or what is whole in a damaged one."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, NamedTuple

from knative_local.cloudevent import NotAnEvent, from_json
from knative_local.log import chunk
from knative_local.log.chunk import Chunk
from knative_local.log.sqlite_file import MOST_OFFSET

_ROWS_AT_ONCE = 500

Row = tuple[Any, ...]


@dataclass(slots=True)
class Copied:
    """What came over, and what stood in the way of the rest, in words."""

    events: int = 0
    problems: list[str] = field(default_factory=list[str])


class _Table(NamedTuple):
    """The first of its columns is its key."""

    name: str
    columns: str
    is_whole: Callable[[Row], bool]


def copy(source: sqlite3.Connection, target: sqlite3.Connection) -> Copied:
    """Copy all that is whole of a file of format 1 or 2 into an empty one of format 2."""
    copied = Copied()
    (version,) = source.execute("PRAGMA user_version").fetchone()
    for table in (_BROKERS if version > 1 else _BROKERS_1, _CURSORS, _DEAD_LETTERS):
        name, columns = table.name, table.columns
        marks = ", ".join("?" * (columns.count(",") + 1))
        target.executemany(
            f"INSERT OR IGNORE INTO {name} VALUES ({marks})",  # noqa: S608 - constant names
            _rows(source, table, copied),
        )
    events = _rows(source, _CHUNKS, copied) if version > 1 else _gathered(_rows(source, _EVENTS_1, copied))
    target.executemany("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?, ?)", _counted(events, copied))
    target.execute(_RAISE_FLOORS)
    return copied


def _rows(source: sqlite3.Connection, table: _Table, copied: Copied) -> Iterator[Row]:
    """Whole rows, in the order of their keys; behind one that cannot be read, from the end on backwards."""
    name, columns = table.name, table.columns
    key = columns.partition(",")[0]
    last: Any = None
    for order in ("ASC", "DESC"):
        try:
            for row in source.execute(f"SELECT {columns} FROM {name} ORDER BY {key} {order}"):  # noqa: S608 - constant names
                if not table.is_whole(row):
                    copied.problems.append(f"{name}: a row is damaged")
                elif order == "ASC":
                    last = row[0]
                    yield row
                elif last is None or row[0] > last:
                    yield row
                else:
                    return
        except sqlite3.Error as error:
            copied.problems.append(f"{name}: {error}")
        else:
            return


def _counted(rows: Iterator[Row], copied: Copied) -> Iterator[Row]:
    for row in rows:
        copied.events += row[1]
        yield row


def _gathered(rows: Iterator[Row]) -> Iterator[Row]:
    """Chunks of format 1's rows of an event each: what was appended together stays together."""
    numbered = enumerate(rows)
    for _, group in groupby(numbered, key=lambda each: (each[1][0] - each[0], each[1][1])):
        while some := [row for _, row in islice(group, _ROWS_AT_ONCE)]:
            yield from chunk.chunks(some[0][0], some[0][1], [json for _, _, json in some])


def _has_types(*types: type | tuple[type, ...]) -> Callable[[Row], bool]:
    return lambda row: all(map(isinstance, row, types))


def _is_whole_chunk(row: Row) -> bool:
    try:
        return Chunk(*row).is_whole()
    except (struct.error, TypeError, ValueError):
        return False


def _is_whole_letter(row: Row) -> bool:
    try:
        from_json(row[-1])
    except (NotAnEvent, TypeError):
        return False
    return _LETTER_TYPES(row)


def _is_whole_cursor(row: Row) -> bool:
    return _CURSOR_TYPES(row) and 0 <= row[2] <= MOST_OFFSET


_OPTIONAL_INT, _OPTIONAL_TEXT = (int, type(None)), (str, type(None))
_CURSOR_TYPES = _has_types(str, str, int)
_LETTER_TYPES = _has_types(
    int, str, int, str, str, _OPTIONAL_INT, _OPTIONAL_TEXT, int, int, int, int, bytes
)  # fmt: skip

_BROKERS = _Table("brokers", "id, key, floor", _has_types(int, str, int))
_CURSORS = _Table("cursors", "trigger, broker, done", _is_whole_cursor)
_CHUNKS = _Table("chunks", "position, count, appended_ms, crc, sizes, events", _is_whole_chunk)
_DEAD_LETTERS = _Table(
    "dead_letters",
    'id, trigger, "offset", destination, reason, code, data, attempts, when_ms, delivered_to_sink, replaying, event',
    _is_whole_letter,
)
# Format 1 had a row per event.
_BROKERS_1 = _BROKERS._replace(columns="id, key, pruned")
_EVENTS_1 = _Table("events", "position, appended_ms, event", _has_types(int, int, bytes))

# What a cursor or a dead letter speaks of was there once, and its offset may not come again for another event.
_RAISE_FLOORS = f"""
UPDATE brokers SET floor = max(
    floor,
    (SELECT ifnull(max(done), 0) FROM cursors WHERE broker = key),
    (SELECT ifnull(max("offset"), 0) FROM dead_letters JOIN cursors USING (trigger)
        WHERE broker = key AND "offset" <= {MOST_OFFSET})
)
"""  # noqa: S608 - a constant number
