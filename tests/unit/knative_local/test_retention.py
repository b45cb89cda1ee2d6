"""How long events are kept: by age, number and size, oldest first, and never one that a Trigger has yet to read."""

from pathlib import Path

import pytest

from knative_local.filters import EVERYTHING
from knative_local.log.port import Reader
from knative_local.log.retention import Excess, Portion, Retention, size, to_prune
from knative_local.log.sqlite import SqliteEventLog
from knative_local.runtime import parse
from tests.unit.knative_local.eventing import BROKER, event

MEGABYTE = 1000**2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2GB", 2_000_000_000), ("500 MB", 500_000_000), ("1.5GiB", 3 << 29), ("64k", 64_000), ("0", 0), ("12B", 12),
        ("", None), ("GB", None), ("-1GB", None), ("2 gigabytes", None), ("1e9", None),
    ],
)  # fmt: skip
def test_sizes_as_people_write_them(text: str, expected: int | None) -> None:
    assert size(text) == expected


def test_the_command_line_says_how_much_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse(["manifests", "--keep-for", "1h30m", "--keep-size", "500MB"])
    assert (options.keep_for, options.keep_size) == (5_400_000, 500_000_000)
    default = parse(["manifests"])
    assert Retention(default.keep_for, default.keep_size) == Retention()
    for wrong in (["--keep-for", "a day"], ["--keep-size", "much"]):
        with pytest.raises(SystemExit, match="2"):
            parse(["manifests", *wrong])
        assert f"'{wrong[1]}' is no" in capsys.readouterr().err


def portion(broker: str, last: int, appended_ms: int, size: int = 10) -> Portion:
    return Portion(appended_ms, broker, last, 1, size)


def test_what_is_too_much_goes_oldest_first_across_brokers() -> None:
    one = [portion("one", 1, 10), portion("one", 2, 40)]
    two = [portion("two", 1, 20), portion("two", 2, 30)]
    nothing = Excess(0, {}, 0)

    assert to_prune([one, two], nothing, 1_000) == []
    assert to_prune([one, two], nothing._replace(size=21), 1_000) == [one[0], two[0], two[1]]
    assert to_prune([one, two], nothing._replace(before_ms=21), 1_000) == [one[0], two[0]]
    assert to_prune([one, two], nothing._replace(upto={"two": 1}), 1_000) == [two[0]]
    assert to_prune([one, two], nothing._replace(size=1_000), 15) == [one[0], two[0]]


def test_what_goes_is_the_beginning_of_a_log_also_when_the_clock_was_set_back() -> None:
    log = [portion("one", 1, 50), portion("one", 2, 10), portion("one", 3, 60)]

    assert to_prune([log], Excess(20, {}, 0), 1_000) == []


async def fill(log: SqliteEventLog, first: int, last: int) -> None:
    """Events of a tenth of a megabyte, a commit each."""
    for n in range(first, last + 1):
        await log.append(BROKER, [event(str(n), data="x" * 100_000)])


def take(reader: Reader, number: int) -> None:
    reader.fill(1 << 30)
    reader.finish(reader.take(number, 1 << 30))


async def test_the_log_stays_within_its_size_and_its_file_too(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db", Retention(bytes=2 * MEGABYTE))
    for round_ in range(6):
        await fill(log, 1 + 20 * round_, 20 + 20 * round_)
        while log.prune(now_ms=0):
            pass
    log.close()

    log = SqliteEventLog.open(tmp_path / "log.db")
    kept = log.read(BROKER, 0, 1_000, most_bytes=1 << 30)
    log.close()
    assert 15 < len(kept) < 20
    assert kept[-1].offset == 120
    assert (tmp_path / "log.db").stat().st_size < 5 * MEGABYTE


async def test_what_a_trigger_has_yet_to_read_stays_whatever_its_age_and_size(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db", Retention(age_ms=0, bytes=0, count=0))
    reader = log.reader("t/slow", BROKER, EVERYTHING, lambda: None)
    await fill(log, 1, 30)
    take(reader, 12)

    assert log.prune(now_ms=1 << 50) == 0  # its progress is not stored yet: a crash would give it all again
    log.commit()
    assert log.prune(now_ms=1 << 50) == 12
    log.close()
    log = SqliteEventLog.open(tmp_path / "log.db")
    assert log.read(BROKER, 0, 1)[0].offset == 13
    log.close()


async def test_a_file_that_is_mostly_unused_gets_shorter(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db", Retention(bytes=MEGABYTE))
    for n in range(90):
        await log.append(BROKER, [event(f"{n}-{m}", data="x" * 100_000) for m in range(10)])
    while log.prune(now_ms=0):
        pass
    before = log._chunks.size()
    pages = log._chunks._pages()[0]

    log.prune(now_ms=0)

    assert log._chunks._pages()[0] == pages - 256
    assert log._chunks.size() == before
    log.close()
