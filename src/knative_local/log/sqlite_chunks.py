"""The events' table: a row per chunk; a Broker's lie together in the one B-tree, in the order of their offsets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from knative_local.cloudevent import from_json
from knative_local.log import chunk
from knative_local.log.chunk import Chunk
from knative_local.log.port import Record
from knative_local.log.retention import Portion
from knative_local.log.sqlite_file import OFFSET_BITS, Database

_COLUMNS = "position, count, appended_ms, crc, sizes, events"
INSERT = f"INSERT INTO chunks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608 - constant columns
# The chunk that holds the first position may begin before it.
_READ = (
    f"SELECT {_COLUMNS} FROM chunks WHERE position <= ?3 AND position >="  # noqa: S608 - constant columns
    " (SELECT ifnull(max(position), ?1) FROM chunks WHERE position > ?1 AND position <= ?2) ORDER BY position"
)
_OLDEST = (
    "SELECT position + count - 1, count, appended_ms, length(sizes) + length(events) FROM chunks"
    " WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"
)
_LAST = "SELECT position + count - 1 FROM chunks WHERE position > ? AND position < ? ORDER BY position DESC LIMIT 1"
_RAISE_FLOOR = "UPDATE brokers SET floor = max(floor, ?) WHERE id = ?"
_PRUNED_AT_ONCE = 4_000
# Space that deleted rows leave is used again; when most of the file is such space, some of it goes back to the system.
_SPARE_BYTES = 64 << 20
_PAGES_GIVEN_BACK = 256

logger = logging.getLogger(__name__)


def base(broker_id: int) -> int:
    """What is added to an offset of this Broker to give a position."""
    return broker_id << OFFSET_BITS


class ChunkTable:
    """Rows of `chunks`, found by the Broker's number and offset."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._damaged: set[int] = set()

    def rows(self, broker_id: int, first: int, appended_ms: int, jsons: Sequence[bytes]) -> list[Chunk]:
        """The rows to INSERT for events that begin at offset `first`."""
        return chunk.chunks(base(broker_id) + first, appended_ms, jsons)

    def read(self, broker_id: int, after: int, upto: int, limit: int, most_bytes: int) -> list[Record]:
        """Records above offset `after` up to `upto`, bounded as EventLog.read says. Raises LogUnavailable."""
        begin = base(broker_id)
        records: list[Record] = []
        left = most_bytes

        def take(row: tuple[int, int, int, int, bytes, bytes]) -> bool:
            nonlocal left
            found = Chunk(*row)
            first = found.position - begin
            if not found.is_whole():
                self._report(first)
                return True
            skip = max(0, after + 1 - first)
            for offset, json in enumerate(found.jsons(skip, limit - len(records)), first + skip):
                records.append(Record(offset, found.appended_ms, from_json(json)))
                left -= len(json)
                if left <= 0:
                    return False
            return len(records) < limit

        self._database.some(_READ, (begin, begin + after + 1, begin + upto), take)
        return records

    def _report(self, first: int) -> None:
        """A damaged chunk in the midst of the log: passed over, as nothing brings its events back."""
        if first not in self._damaged:
            self._damaged.add(first)
            logger.error("the event log is damaged: the events of one commit, from offset %d on, are lost", first)

    def end(self, broker_id: int) -> int:
        """The highest offset in the table; 0 when there is none. Raises LogUnavailable."""
        begin = base(broker_id)
        rows = self._database.query(_LAST, (begin, base(broker_id + 1)))
        return rows[0][0] - begin if rows else 0

    def oldest(self, broker: str, broker_id: int, upto: int) -> list[Portion]:
        """The first whole chunks with no offset above `upto`. Raises LogUnavailable."""
        begin = base(broker_id)
        rows = self._database.query(_OLDEST, (begin, begin + upto, _PRUNED_AT_ONCE))
        return [
            Portion(ms, broker, last - begin, count, size) for last, count, ms, size in rows if last <= begin + upto
        ]

    def delete(self, pruned: Mapping[int, int]) -> None:
        """Delete rows up to these offsets, by the Brokers' numbers; they never come again. Raises LogUnavailable."""
        self._database.write(
            (
                "DELETE FROM chunks WHERE position > ? AND position <= ?",
                [(base(id_), base(id_) + upto) for id_, upto in pruned.items()],
            ),
            (_RAISE_FLOOR, [(upto, id_) for id_, upto in pruned.items()]),
        )

    def leave_out(self, upto: Mapping[int, int]) -> None:
        """Never give the offsets up to these (again), by the Brokers' numbers. Raises LogUnavailable."""
        self._database.write((_RAISE_FLOOR, [(floor, id_) for id_, floor in upto.items()]))

    def size(self) -> int:
        """Bytes of the file that are in use. Raises LogUnavailable."""
        pages, spare, page_size = self._pages()
        return (pages - spare) * page_size

    def give_back(self) -> None:
        """Shorten the file a little when most of it is of no use. Raises LogUnavailable."""
        pages, spare, page_size = self._pages()
        if spare > pages // 2 and spare * page_size > _SPARE_BYTES:
            self._database.shorten(_PAGES_GIVEN_BACK)

    def _pages(self) -> tuple[int, int, int]:
        pragmas = ("page_count", "freelist_count", "page_size")
        pages, spare, page_size = (self._database.query(f"PRAGMA {name}")[0][0] for name in pragmas)
        return pages, spare, page_size
