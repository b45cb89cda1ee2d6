"""What a new file of the log is filled with: an older one's rows, or what is whole in a damaged one's pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

from knative_local.cloudevent import NotAnEvent, from_json
from knative_local.log import chunk
from knative_local.log.chunk import Chunk
from knative_local.log.pages import rows
from knative_local.log.sqlite_file import MOST_OFFSET, OFFSET_BITS

_ROWS_AT_ONCE = 500
_MOST_LOST = 1_000_000
_INTO = {
    "brokers": "INSERT OR IGNORE INTO brokers VALUES (?, ?, ?)",
    "cursors": "INSERT OR IGNORE INTO cursors VALUES (?, ?, ?)",
    "chunks": "INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?, ?)",
    "dead_letters": "INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
}
# An offset that was given may not come again for another event: neither what a cursor or a dead letter speaks of, nor
# as many as may have been lost behind the newest that is there.
_LEAVE_OUT = f"""
UPDATE brokers SET floor = max(
    floor,
    (SELECT ifnull(max(done), 0) FROM cursors WHERE broker = key),
    (SELECT ifnull(max("offset"), 0) FROM dead_letters JOIN cursors USING (trigger)
        WHERE broker = key AND "offset" <= {MOST_OFFSET}),
    {_MOST_LOST} + ifnull((SELECT position + count - 1 - (id << {OFFSET_BITS}) FROM chunks
        WHERE position > id << {OFFSET_BITS} AND position < (id + 1) << {OFFSET_BITS}
        ORDER BY position DESC LIMIT 1), 0)
)
"""  # noqa: S608 - constant numbers


def from_format_1(source: sqlite3.Connection, target: sqlite3.Connection) -> int:
    """Copy a file that has a row per event; gives how many there were. Raises sqlite3.Error."""
    for table in ("brokers", "cursors", "dead_letters"):
        target.executemany(_INTO[table], source.execute(f"SELECT * FROM {table}"))  # noqa: S608 - a constant name
    events = source.execute("SELECT position, appended_ms, event FROM events ORDER BY position")
    target.executemany(_INTO["chunks"], _gathered(events))
    return _events_in(target)


def from_pages(path: Path, target: sqlite3.Connection) -> int:
    """Copy every whole row in the pages of a damaged file; gives how many events there were. Raises sqlite3.Error.

    A page that is not in use any more may hold older rows: of those of a Broker or a Trigger the farthest counts.
    """
    brokers: dict[int, tuple[str, int]] = {}
    cursors: dict[str, tuple[str, int]] = {}
    for number, columns in rows(path):
        match columns:
            case None, int(count), int(appended_ms), int(crc), bytes(sizes), bytes(events):
                found = Chunk(number, count, appended_ms, crc, sizes, events)
                if found.is_whole():
                    target.execute(_INTO["chunks"], found)
            case None, str(key), int(floor) if floor <= MOST_OFFSET:
                brokers[number] = (key, max(floor, brokers.get(number, (key, 0))[1]))
            case str(key), int(id_) if number == 0:  # in the index by key, should the table itself be damaged
                brokers.setdefault(id_, (key, 0))
            case str(trigger), str(broker), int(done) if 0 <= done <= MOST_OFFSET:
                cursors[trigger] = (broker, max(done, cursors.get(trigger, (broker, 0))[1]))
            case None, str(), int(), *_, bytes(event) if len(columns) == 12:
                if _is_event(event):
                    target.execute(_INTO["dead_letters"], (number, *columns[1:]))
            case _:
                pass
    target.executemany(_INTO["brokers"], ((id_, *broker) for id_, broker in brokers.items()))
    target.executemany(_INTO["cursors"], ((trigger, *cursor) for trigger, cursor in cursors.items()))
    leave_out_lost(target)
    return _events_in(target)


def leave_out_lost(database: sqlite3.Connection) -> None:
    """Have every Broker go on behind the offsets of what may have been lost. Raises sqlite3.Error."""
    database.execute(_LEAVE_OUT)


def _gathered(events: sqlite3.Cursor) -> Iterator[Chunk]:
    """Chunks of format 1's rows of an event each: what was appended together stays together."""
    for _, group in groupby(enumerate(events), key=lambda each: (each[1][0] - each[0], each[1][1])):
        while some := [row for _, row in islice(group, _ROWS_AT_ONCE)]:
            yield from chunk.chunks(some[0][0], some[0][1], [json for _, _, json in some])


def _is_event(json: bytes) -> bool:
    try:
        from_json(json)
    except NotAnEvent:
        return False
    return True


def _events_in(target: sqlite3.Connection) -> int:
    return int(target.execute("SELECT ifnull(sum(count), 0) FROM chunks").fetchone()[0])
