"""Rows read from the pages of an SQLite file without SQLite, which reads nothing behind the first page that is damaged.

Source: the SQLite file format, sections 1.5 (B-tree pages), 1.6 (overflow) and 2.1 (records).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from knative_local.log.sqlite_file import PAGE_BYTES

Value = int | float | str | bytes | None
Row = tuple[int, tuple[Value, ...]]
"""The row's number (0 in an index) and its columns."""

_FILE_HEADER = 100
_INDEX_LEAF, _TABLE_LEAF = 0x0A, 0x0D
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
# A column's type that is not in its bytes: NULL, 0 and 1.
_CONSTANTS: dict[int, Value] = {0: None, 8: 0, 9: 1}


def rows(path: Path) -> Iterator[Row]:
    """Every row that can be made out in any leaf page, also in pages that are not in use any more."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        pages = _Pages(content)
        for number in range(len(content) // PAGE_BYTES):
            yield from pages.rows(number)


class _Pages:
    def __init__(self, content: mmap.mmap) -> None:
        self._content = content

    def rows(self, number: int) -> Iterator[Row]:
        """Those of one page, counted from 0, if it is a leaf."""
        begin = number * PAGE_BYTES
        head = begin + (_FILE_HEADER if number == 0 else 0)
        kind = self._content[head]
        if kind not in (_INDEX_LEAF, _TABLE_LEAF):
            return
        cells = int.from_bytes(self._content[head + 3 : head + 5])
        for index in range(min(cells, PAGE_BYTES // 2)):
            at = head + 8 + 2 * index
            cell = begin + int.from_bytes(self._content[at : at + 2])
            try:
                row = self._row(cell, kind)
            except (IndexError, ValueError):
                continue  # this one is not whole
            yield row

    def _row(self, at: int, kind: int) -> Row:
        size, at = _varint(self._content, at)
        number = 0
        if kind == _TABLE_LEAF:
            number, at = _varint(self._content, at)
        return number, _columns(self._payload(at, size, kind))

    def _payload(self, at: int, size: int, kind: int) -> bytes:
        most = PAGE_BYTES - 35 if kind == _TABLE_LEAF else (PAGE_BYTES - 12) * 64 // 255 - 23
        if size <= most:
            return self._content[at : at + size]
        if size > len(self._content):
            raise ValueError("larger than the file")
        least = (PAGE_BYTES - 12) * 32 // 255 - 23
        local = least + (size - least) % (PAGE_BYTES - 4)
        if local > most:
            local = least
        parts = [self._content[at : at + local]]
        left = size - local
        following = int.from_bytes(self._content[at + local : at + local + 4])
        while left > 0:
            begin = (following - 1) * PAGE_BYTES
            if begin < 0 or begin >= len(self._content):
                raise ValueError("a page behind the end of the file")
            parts.append(self._content[begin + 4 : begin + min(PAGE_BYTES, 4 + left)])
            following = int.from_bytes(self._content[begin : begin + 4])
            left -= PAGE_BYTES - 4
        return b"".join(parts)


def _columns(record: bytes) -> tuple[Value, ...]:
    body, at = _varint(record, 0)
    kinds: list[int] = []
    while at < body:
        kind, at = _varint(record, at)
        kinds.append(kind)
    columns: list[Value] = []
    for kind in kinds:
        value, at = _column(record, at, kind)
        columns.append(value)
    if at != len(record):
        raise ValueError("no record")
    return tuple(columns)


def _column(record: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    size = _INTEGER_BYTES.get(kind) or (kind - 12) // 2
    if size < 0 or at + size > len(record):
        raise ValueError("no record")
    raw = record[at : at + size]
    if kind in _INTEGER_BYTES:
        return int.from_bytes(raw, signed=True), at + size
    return raw.decode() if kind % 2 else raw, at + size


def _varint(content: bytes | mmap.mmap, at: int) -> tuple[int, int]:
    """Seven bits a byte, the most significant first; the ninth byte has eight."""
    value = 0
    for index in range(8):
        byte = content[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | content[at + 8], at + 9
