"""A disk that is full: 503 while it is, 202 again as soon as there is room, and nothing half-written in between.

The system itself refuses to let files grow here, as it does on a full disk; any machine and container can do that.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from knative_local.filters import EVERYTHING
from knative_local.http_types import HttpRequest
from knative_local.ingress import Ingress
from knative_local.log.port import LogUnavailable
from knative_local.log.sqlite import SqliteEventLog
from knative_local.model import Broker, Delivery
from tests.unit.knative_local.eventing import BROKER, SOMEWHERE, event

STRUCTURED = [(b"content-type", b"application/cloudevents+json")]
ROOM = 1 << 20
LARGE = "x" * 50_000


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file gets larger than `room` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def post(ingress: Ingress, id: str) -> int:
    request = HttpRequest("POST", f"/{BROKER}", STRUCTURED, event(id, data=LARGE).json)
    return (await ingress.receive(request, internal=False)).status


async def test_a_full_disk_is_503_and_recovers_by_itself(tmp_path: Path) -> None:
    """OBSERVED-KAFKA.md, Receiver: 503 when it cannot store; 202 when it is back."""
    log = SqliteEventLog.open(tmp_path / "log.db")
    ingress = Ingress(log, [Broker("town", "default", Delivery(), SOMEWHERE)])
    reader = log.reader("t/x", BROKER, EVERYTHING, lambda: None)

    with full_disk(ROOM):
        answers = [await post(ingress, str(n)) for n in range(60)]
    taken = answers.count(202)
    assert 10 < taken < 60
    assert answers == [202] * taken + [503] * (60 - taken)

    assert await post(ingress, "room again") == 202
    reader.finish(reader.take(1_000, 1 << 30))
    log.commit()
    assert reader.backlog == 0
    log.close()

    log = SqliteEventLog.open(tmp_path / "log.db")
    kept = log.read(BROKER, 0, 1_000, most_bytes=1 << 30)
    assert [record.event.attributes["id"] for record in kept] == [*(str(n) for n in range(taken)), "room again"]
    assert [record.offset for record in kept] == list(range(1, taken + 2))
    log.close()


async def test_on_a_full_disk_what_is_there_is_read_and_delivered_on(tmp_path: Path) -> None:
    log = SqliteEventLog.open(tmp_path / "log.db")
    reader = log.reader("t/x", BROKER, EVERYTHING, lambda: None)
    with full_disk(ROOM):
        refused = 0
        while not refused:
            try:
                await log.append(BROKER, [event("1", data=LARGE)])
            except LogUnavailable:
                refused += 1
        reader.finish(reader.take(1_000, 1 << 30))
        assert reader.backlog == 0
        assert len(log.read(BROKER, 0, 1_000, 1 << 30)) == log.end(BROKER)
    log.close()


async def test_a_disk_that_is_full_when_the_log_is_opened_is_told_in_a_sentence(tmp_path: Path) -> None:
    with full_disk(0), pytest.raises(LogUnavailable, match=r"cannot open the event log .*log\.db: "):
        SqliteEventLog.open(tmp_path / "log.db")
    SqliteEventLog.open(tmp_path / "log.db").close()
