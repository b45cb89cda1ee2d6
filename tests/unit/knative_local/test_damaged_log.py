"""A log after a power failure or on a bad disk: it opens, all that is whole is there, and what was lost is told."""

import asyncio
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from knative_local.filters import EVERYTHING
from knative_local.log.port import Failure, LogUnavailable, Record
from knative_local.log.sqlite import SqliteEventLog
from tests.unit.knative_local.eventing import event

ONE, TWO = "a/one", "a/two"
COMMITS = 60
# So many commits, if they are small, have their rows in one page.
COMMITS_A_PAGE = 25
PAGE = 4096
# Each example clears what was logged itself; how long it takes says nothing.
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Kept = dict[str, dict[int, bytes]]


class Written:
    """A log's folder, and how long the file was after each commit, with what each commit brought."""

    def __init__(self, folder: Path, lengths: list[int], commits: list[Kept]) -> None:
        self.folder = folder
        self.lengths = lengths
        self.commits = commits

    def first(self, number: int) -> Kept:
        """What so many commits brought."""
        found: Kept = {ONE: {}, TWO: {}}
        for commit in self.commits[:number]:
            for broker, events in commit.items():
                found[broker].update(events)
        return found

    @property
    def all(self) -> Kept:
        return self.first(COMMITS)


async def write(folder: Path, file: str, checkpoint: bool, brokers: tuple[str, ...]) -> Written:
    """Commits of events of all sizes; a Trigger that is half through, and a dead letter."""
    log = SqliteEventLog.open(folder / "log.db")
    connection = log._database.connection
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    reader = log.reader("t/x", ONE, EVERYTHING, lambda: None)
    lengths: list[int] = []
    commits: list[Kept] = []
    for n in range(COMMITS):
        broker = brokers[n % len(brokers)]
        events = [event(f"{n}-{m}", data="x" * (37 * n * m % 3_000)) for m in range(1 + n % 7)]
        first = log.end(broker) + 1
        await log.append(broker, events)
        if n == COMMITS // 2:
            reader.finish(reader.take(1_000, 1 << 30))
            log.commit()
            log.bury("t/x", Record(3, 5, event("dead")), "http://x", Failure("no"), 1, delivered_to_sink=False)
        if checkpoint:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        lengths.append((folder / file).stat().st_size)
        commits.append({broker: {first + index: each.json for index, each in enumerate(events)}})
    kept = folder / "kept"
    kept.mkdir()
    for name in ("log.db", "log.db-wal"):
        shutil.copy(folder / name, kept / name)
    log.close()
    if checkpoint:
        (kept / "log.db-wal").unlink()
    return Written(kept, lengths, commits)


@pytest.fixture(scope="module")
def in_file(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Everything is in the file itself, of two Brokers, so that rows came between others."""
    return asyncio.run(write(tmp_path_factory.mktemp("file"), "log.db", True, (ONE, ONE, TWO)))


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Everything is in the file itself, and of one Broker, so that what was written later lies farther behind."""
    return asyncio.run(write(tmp_path_factory.mktemp("order"), "log.db", True, (ONE,)))


@pytest.fixture(scope="module")
def in_wal(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Everything is in the write-ahead log, as after a kill -9."""
    return asyncio.run(write(tmp_path_factory.mktemp("wal"), "log.db-wal", False, (ONE, ONE, TWO)))


@contextmanager
def copied(written: Written) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        shutil.copytree(written.folder, folder, dirs_exist_ok=True)
        yield Path(folder)


def flip(path: Path, at: int, bits: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes([old[0] ^ bits]))


def everything(log: SqliteEventLog) -> Kept:
    return {broker: {record.offset: record.event.json for record in read(log, broker)} for broker in (ONE, TWO)}


def read(log: SqliteEventLog, broker: str) -> Sequence[Record]:
    try:
        return log.read(broker, 0, 10_000, 1 << 30)
    except LogUnavailable:  # the damage is met only now, and seen to
        return log.read(broker, 0, 10_000, 1 << 30)


def assert_contains(found: Kept, expected: Kept) -> None:
    for broker, events in expected.items():
        assert found[broker].items() >= events.items()


def assert_lost_at_most_a_page(found: Kept, written: Written) -> None:
    assert_contains(written.all, found)
    lost = [
        commit for commit in written.commits if any(commit[broker].items() - found[broker].items() for broker in commit)
    ]
    assert len(lost) <= COMMITS_A_PAGE


def assert_offsets_do_not_come_again(folder: Path, written: Written) -> None:
    with closing(SqliteEventLog.open(folder / "log.db")) as log:
        ends = {broker: log.end(broker) for broker, found in everything(log).items() if found}
    assert all(end >= max(written.all[broker]) for broker, end in ends.items())


async def goes_on(folder: Path) -> None:
    """New events get new offsets, and a Trigger that was there gets them."""
    log = SqliteEventLog.open(folder / "log.db")
    before = everything(log)
    reader = log.reader("t/x", ONE, EVERYTHING, lambda: None)
    for broker in (ONE, TWO):
        try:
            await log.append(broker, [event("new")])
        except LogUnavailable:  # the damage is met only now
            await log.append(broker, [event("new")])
        assert log.end(broker) > max(before[broker], default=0)
        assert log.read(broker, log.end(broker) - 1, 10)[0].event.json == event("new").json
    while reader.fill(1 << 30):
        pass
    assert reader.take(10_000, 1 << 30)[-1].offset == log.end(ONE)
    end = {broker: log.end(broker) for broker in (ONE, TWO)}
    log.close()
    with closing(SqliteEventLog.open(folder / "log.db")) as log:
        assert {broker: log.end(broker) for broker in (ONE, TWO)} == end


@given(cut=st.integers(0, 1 << 20), bits=st.one_of(st.none(), st.integers(1, 255)))
@example(cut=0, bits=None)
@example(cut=17, bits=1)
@example(cut=32 + 8, bits=255)
@PROPERTY
def test_a_torn_write_ahead_log_is_cut_at_the_last_whole_commit(
    in_wal: Written, caplog: pytest.LogCaptureFixture, cut: int, bits: int | None
) -> None:
    """SQLite's file format, 4.4: what follows the last valid commit is not read; here it is told, too."""
    caplog.clear()
    with copied(in_wal) as folder:
        wal = folder / "log.db-wal"
        cut %= wal.stat().st_size
        if bits is None:
            os.truncate(wal, cut)
        else:
            flip(wal, cut, bits)

        with closing(SqliteEventLog.open(folder / "log.db")) as log:
            found = everything(log)

        number = sum(length <= cut for length in in_wal.lengths)
        possible = [in_wal.first(commits) for commits in range(COMMITS + 1)]
        assert found in possible
        assert_contains(found, possible[number])
        lost = COMMITS - possible.index(found)
        if bits is not None and lost > 1:
            assert "cut behind the last whole commit" in caplog.text
            assert list(folder.glob("log.db.damaged-*-wal"))
            assert_offsets_do_not_come_again(folder, in_wal)
        asyncio.run(goes_on(folder))


@given(cut=st.integers(0, 1 << 20))
@example(cut=0)
@example(cut=1)
@example(cut=PAGE)
@PROPERTY
def test_a_file_that_was_cut_off_keeps_all_before_the_cut(
    in_order: Written, caplog: pytest.LogCaptureFixture, cut: int
) -> None:
    caplog.clear()
    with copied(in_order) as folder:
        path = folder / "log.db"
        cut %= path.stat().st_size
        os.truncate(path, cut)

        try:
            log = SqliteEventLog.open(path)
        except LogUnavailable as error:
            assert 0 < cut < 10 * PAGE  # where no row is yet
            assert "move it away to begin anew" in str(error)
            return
        with closing(log):
            found = everything(log)

        before = sum(length <= cut for length in in_order.lengths)
        if before > COMMITS_A_PAGE:  # the first page of rows moves when there is a second one
            assert_contains(found, in_order.first(before))
        assert_contains(in_order.all, found)
        assert "was damaged" in caplog.text or "was empty" in caplog.text
        aside = next(folder.glob("log.db.damaged-*"))
        assert aside.name in caplog.text
        assert aside.stat().st_size == cut
        asyncio.run(goes_on(folder))


@given(at=st.integers(100, 1 << 20), bits=st.integers(1, 255))
@PROPERTY
def test_a_byte_that_changed_costs_no_more_than_its_page(
    in_file: Written, caplog: pytest.LogCaptureFixture, at: int, bits: int
) -> None:
    caplog.clear()
    with copied(in_file) as folder:
        path = folder / "log.db"
        size = path.stat().st_size
        at = 100 + at % (size - 100)
        flip(path, at, bits)

        with closing(SqliteEventLog.open(path)) as log:
            found = everything(log)

        assert_lost_at_most_a_page(found, in_file)
        if found != in_file.all:
            assert "damaged" in caplog.text
        asyncio.run(goes_on(folder))


@given(page=st.integers(0, 1 << 10), content=st.sampled_from([b"\0", b"\xff", b"x"]))
@example(page=0, content=b"\0")
@PROPERTY
def test_a_page_that_was_never_written_costs_no_more_than_itself(
    in_file: Written, caplog: pytest.LogCaptureFixture, page: int, content: bytes
) -> None:
    """The first page is the same in every log: without it, all the rest is found."""
    caplog.clear()
    with copied(in_file) as folder:
        path = folder / "log.db"
        page %= path.stat().st_size // PAGE
        with path.open("r+b") as file:
            file.seek(page * PAGE)
            file.write(content * PAGE)

        with closing(SqliteEventLog.open(path)) as log:
            found = everything(log)

        assert_lost_at_most_a_page(found, in_file)
        if page == 0:
            assert found == in_file.all
        if found != in_file.all:
            assert "was damaged" in caplog.text
        asyncio.run(goes_on(folder))
