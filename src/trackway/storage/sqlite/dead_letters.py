"""Dead letters in SQLite."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trackway.events import Event
from trackway.storage.moments import micros, moment
from trackway.storage.port import DeadLetter

_COLUMNS = "letter_id, event, failed_us, destination, code, reason"
_event = msgspec.msgpack.Decoder(Event)


def add_dead_letters(db: sqlite3.Connection, tenant: str, letters: Sequence[DeadLetter]) -> None:
    db.executemany(
        f"INSERT OR REPLACE INTO dead_letter (tenant, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [
            (
                tenant,
                letter.letter_id,
                msgspec.msgpack.encode(letter.event),
                micros(letter.failed_at),
                letter.destination,
                letter.code,
                letter.reason,
            )
            for letter in letters
        ],
    )


def dead_letters(db: sqlite3.Connection, tenant: str, limit: int) -> tuple[list[DeadLetter], int]:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM dead_letter WHERE tenant = ?"  # noqa: S608
        " ORDER BY failed_us DESC, letter_id DESC LIMIT ?",
        (tenant, limit),
    )
    letters = [_of_row(row) for row in rows]
    total = db.execute("SELECT count(*) FROM dead_letter WHERE tenant = ?", (tenant,)).fetchone()[0]
    return letters, total


def dead_letter(db: sqlite3.Connection, tenant: str, letter_id: str) -> DeadLetter | None:
    row = db.execute(
        f"SELECT {_COLUMNS} FROM dead_letter WHERE tenant = ? AND letter_id = ?",  # noqa: S608
        (tenant, letter_id),
    ).fetchone()
    return None if row is None else _of_row(row)


def drop_dead_letter(db: sqlite3.Connection, tenant: str, letter_id: str) -> bool:
    return db.execute("DELETE FROM dead_letter WHERE tenant = ? AND letter_id = ?", (tenant, letter_id)).rowcount > 0


def _of_row(row: Iterable[Any]) -> DeadLetter:
    letter_id, event, failed_us, destination, code, reason = row
    return DeadLetter(
        letter_id=letter_id,
        event=_event.decode(event),
        failed_at=moment(failed_us),
        destination=destination,
        code=code,
        reason=reason,
    )
