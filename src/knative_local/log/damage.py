"""What a power failure or a bad disk did to a log's file, found before the file is used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from knative_local.log.chunk import Chunk
from knative_local.log.sqlite_file import OFFSET_BITS, create, is_corruption

# The newest of a Broker are looked at: older ones have been on the disk for long, and are checked when they are read.
_BYTES_LOOKED_AT = 4 << 20
# In every log the same tables begin at the same pages.
_CONTENTS = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema"
_NEWEST = (
    "SELECT position, count, appended_ms, crc, sizes, events FROM chunks WHERE position < ? ORDER BY position DESC"
)

# SQLite's file format, section 4: the header of the write-ahead log, and that of each frame, which carries a page.
_WAL_HEADER = Struct(">8I")
_FRAME_HEADER = Struct(">6I")
_CHECKSUMMED = 24
_LITTLE_ENDIAN_SUMS = 0x377F0682


class Frame(NamedTuple):
    """A page in the write-ahead log: of which round of the file, and whether it is the last of a commit."""

    salts: tuple[int, int]
    ends_commit: bool


class WriteAheadLog(NamedTuple):
    """The write-ahead log as SQLite finds it; `salts` are those of its present round."""

    salts: tuple[int, int]
    frames: list[Frame]

    def behind(self, whole: int) -> list[Frame]:
        """Frames of the present round behind the first `whole` ones."""
        return [frame for frame in self.frames[whole:] if frame.salts == self.salts]


def write_ahead_log(path: Path) -> WriteAheadLog:
    """The frames in the file at `path`; none when it is not there. Raises OSError."""
    frames: list[Frame] = []
    salts = (0, 0)
    if path.exists():
        with path.open("rb") as file:
            header = file.read(_WAL_HEADER.size)
            if len(header) == _WAL_HEADER.size:
                page_size = _page_size(header)
                while len(head := file.read(_FRAME_HEADER.size)) == _FRAME_HEADER.size:
                    _, pages, *frame_salts, _, _ = _FRAME_HEADER.unpack(head)
                    frames.append(Frame((frame_salts[0], frame_salts[1]), pages != 0))
                    file.seek(page_size, 1)
                salts = _salts(header, frames)
    return WriteAheadLog(salts, frames)


def _page_size(header: bytes) -> int:
    size = _WAL_HEADER.unpack(header)[2]
    return size if size in (512 << n for n in range(8)) else 4096


def _salts(header: bytes, frames: list[Frame]) -> tuple[int, int]:
    """Those of a header that is whole; else the first page's, of which SQLite takes none then."""
    *_, first, second, sum_0, sum_1 = _WAL_HEADER.unpack(header)
    order = "<" if _WAL_HEADER.unpack(header)[0] == _LITTLE_ENDIAN_SUMS else ">"
    words = Struct(f"{order}{_CHECKSUMMED // 4}I").unpack(header[:_CHECKSUMMED])
    even = odd = 0
    for one, other in zip(words[::2], words[1::2], strict=True):
        even = (even + one + odd) & 0xFFFFFFFF
        odd = (odd + other + even) & 0xFFFFFFFF
    if (even, odd) == (sum_0, sum_1) or not frames:
        return first, second
    return frames[0].salts


def frames_taken(database: sqlite3.Connection) -> int:
    """How many frames of the write-ahead log SQLite took for whole; all of them are in the file then."""
    return max(0, database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def _contents_of_new() -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        create(empty)
        return empty.execute(_CONTENTS).fetchall()


def damage(database: sqlite3.Connection) -> str | None:
    """What is damaged in a log of today's format, in words; None when nothing is. Looks at the newest events only."""
    try:
        if database.execute(_CONTENTS).fetchall() != _contents_of_new():
            return "its list of tables is not what was written"
        brokers = database.execute("SELECT id, key, floor FROM brokers").fetchall()
        for table in ("cursors", "dead_letters"):
            database.execute(f"SELECT trigger, count(*) FROM {table} GROUP BY trigger").fetchall()  # noqa: S608 - constants
        for broker_id, key, _ in brokers:
            looked_at = 0
            for row in database.execute(_NEWEST, ((broker_id + 1) << OFFSET_BITS,)):
                found = Chunk(*row)
                if not found.is_whole():
                    return f"events of {key} are not what was written"
                looked_at += len(found.events)
                if looked_at > _BYTES_LOOKED_AT or found.position < broker_id << OFFSET_BITS:
                    break
    except sqlite3.Error as error:
        if not is_corruption(error):
            raise
        return str(error)
    return None
