"""Damage in pages that nobody looked at when the log was opened, and a crash while a damaged log is seen to."""

from pathlib import Path

import pytest

from knative_local.filters import EVERYTHING
from knative_local.log.port import LogUnavailable
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import BROKER, event

PAGE = 4096
COMMITS = 80
TABLE_LEAF = b"\x0d"


async def write(path: Path) -> None:
    """More than is looked at when the log is opened; a Trigger has read nothing of it."""
    log = SqliteEventLog.open(path)
    log.reader("t/x", BROKER, EVERYTHING, lambda: None)
    for n in range(COMMITS):
        await log.append(BROKER, [event(f"{n}-0", data="x" * 100_000), event(f"{n}-1")])
    log.close()


def read_all(log: SqliteEventLog) -> list[str]:
    """What the Trigger gets, as a pump asks for it: again after a while, when the log cannot be read."""
    reader = log.reader("t/x", BROKER, EVERYTHING, lambda: None)
    found: list[str] = []
    for _ in range(3):
        try:
            while reader.fill(1 << 20) or reader.ready:
                found += [record.event.attributes["id"] for record in reader.take(1_000, 1 << 20)]
        except LogUnavailable:
            continue
        else:
            break
    assert reader.backlog >= len(found)
    return found


async def test_a_commit_that_is_not_what_was_written_is_passed_over_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.db"
    await write(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"id":"5-1"', b'"id":"5-9"'))

    log = SqliteEventLog.open(path)
    assert caplog.text == ""
    found = read_all(log)
    log.close()

    assert found == [f"{n}-{m}" for n in range(COMMITS) for m in range(2) if n != 5]
    assert "from offset 11 on, are lost" in caplog.text


async def test_a_page_that_makes_no_sense_is_seen_to_when_it_is_met(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.db"
    await write(path)
    content = bytearray(path.read_bytes())
    leaf = next(at for at in range(10 * PAGE, len(content), PAGE) if content[at : at + 1] == TABLE_LEAF)
    content[leaf : leaf + PAGE] = b"x" * PAGE
    path.write_bytes(content)

    log = SqliteEventLog.open(path)
    assert caplog.text == ""
    found = read_all(log)
    await log.append(BROKER, [event("new")])
    assert log.end(BROKER) > 2 * COMMITS
    log.close()

    every = [f"{n}-{m}" for n in range(COMMITS) for m in range(2)]
    assert found == [id for id in every if id in set(found)]
    assert len(found) >= len(every) - 2 * 10
    assert "is written anew with all that is whole" in caplog.text
    assert list(tmp_path.glob("log.db.damaged-*"))


@pytest.mark.parametrize("dies_at", [".part", "log.db", ".salvaged"])
async def test_a_crash_while_a_damaged_log_is_seen_to_loses_nothing_more(
    tmp_path: Path, dies_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends before the new file is whole, before the old one is set aside, before the new one is there."""
    path = tmp_path / "log.db"
    await write(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"id":"79-1"', b'"id":"79-9"'))
    replace = Path.replace

    def die(source: Path, target: Path) -> Path:
        if source.name.endswith(dies_at):
            raise KeyboardInterrupt
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        SqliteEventLog.open(path)
    monkeypatch.undo()

    log = SqliteEventLog.open(path)
    assert read_all(log) == [f"{n}-{m}" for n in range(COMMITS) for m in range(2) if n != 79]
    await log.append(BROKER, [event("new")])
    assert log.end(BROKER) > 2 * COMMITS  # the offsets of what was lost do not come again
    log.close()
    (aside,) = tmp_path.glob("log.db.damaged-*")
    assert aside.stat().st_size == len(content)
