"""The brokers' door: the statuses of OBSERVED-KAFKA.md and OBSERVED.md, and that 202 means durable."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knative_local.http_types import Headers, HttpRequest, header
from knative_local.ingress import MOST_BYTES, Ingress
from knative_local.log.port import LogUnavailable
from knative_local.log.sqlite import SqliteEventLog
from knative_local.model import Broker, Delivery
from tests.unit.knative_local.eventing import BROKER, SOMEWHERE, event

STRUCTURED = [(b"content-type", b"application/cloudevents+json")]
BATCH = [(b"content-type", b"application/cloudevents-batch+json")]
BINARY = [
    (b"content-type", b"application/json"),
    (b"ce-specversion", b"1.0"),
    (b"ce-id", b"1"),
    (b"ce-source", b"/s"),
    (b"ce-type", b"t"),
]
TWO = b"[" + event("1").json + b"," + event("2").json + b"]"


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    log = SqliteEventLog.open(tmp_path / "log.db")
    yield log
    log.close()


@pytest.fixture
def ingress(log: SqliteEventLog) -> Ingress:
    return Ingress(log, [Broker("town", "default", Delivery(), SOMEWHERE)])


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "status"),
    [
        ("POST", "/town/default", BINARY, b"{}", 202),
        ("POST", "/town/default/", BINARY, b"", 202),
        ("POST", "/town/default?x=1", STRUCTURED, event().json, 202),
        (
            "POST",
            "/town/default",
            [(b"content-type", b"application/cloudevents+json; charset=utf-8")],
            event().json,
            202,
        ),
        ("POST", "/town/default", STRUCTURED, b"{", 400),
        ("POST", "/town/default", BINARY[:2], b"{}", 400),
        ("POST", "/town/default", BATCH, TWO, 400),
        ("POST", "/town/default", [], b"{}", 400),
        ("POST", "/town/nobody", BINARY, b"{}", 404),
        ("POST", "/", BINARY, b"{}", 404),
        ("GET", "/town/default", [], b"", 405),
        ("PUT", "/town/default", BINARY, b"{}", 405),
        ("OPTIONS", "/town/default", [], b"", 200),
        ("POST", "/town/default", BINARY, b"1" * MOST_BYTES, 202),
        ("POST", "/town/default", BINARY, b"1" * (MOST_BYTES + 1), 413),
    ],
)
async def test_statuses(
    ingress: Ingress, log: SqliteEventLog, method: str, target: str, headers: Headers, body: bytes, status: int
) -> None:
    answer = await ingress.receive(HttpRequest(method, target, headers, body), internal=False)

    assert answer.status == status
    assert log.end(BROKER) == (1 if status == 202 else 0)
    if status in (200, 202):
        assert answer.body == b""
    else:
        assert json.loads(answer.body)["status"] == status
        assert len(answer.body) <= 768
    if status in (200, 405):
        assert header(answer.headers, b"allow") == b"POST, OPTIONS"


async def test_a_refusal_says_what_is_wrong(ingress: Ingress) -> None:
    request = HttpRequest("POST", f"/{BROKER}", [each for each in BINARY if each[0] != b"ce-id"], b"{}")

    answer = await ingress.receive(request, internal=False)

    assert json.loads(answer.body)["detail"] == "attribute 'id' is missing"


async def test_batches_come_in_from_the_inside_only(ingress: Ingress, log: SqliteEventLog) -> None:
    answer = await ingress.receive(HttpRequest("POST", f"/{BROKER}", BATCH, TWO), internal=True)

    assert answer.status == 202
    assert [record.event.attributes["id"] for record in log.read(BROKER, 0, 10)] == ["1", "2"]


async def test_one_bad_event_refuses_its_whole_batch(ingress: Ingress, log: SqliteEventLog) -> None:
    answer = await ingress.receive(HttpRequest("POST", f"/{BROKER}", BATCH, TWO[:-1] + b",{}]"), internal=True)

    assert answer.status == 400
    assert log.end(BROKER) == 0


async def test_503_when_it_cannot_store(ingress: Ingress, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise LogUnavailable("the event log cannot be written: database or disk is full")

    monkeypatch.setattr("knative_local.log.sqlite_file.Database.put", full)

    answer = await ingress.receive(HttpRequest("POST", f"/{BROKER}", BINARY, b"{}"), internal=False)

    assert answer.status == 503
    assert "disk is full" in json.loads(answer.body)["detail"]
    assert log.end(BROKER) == 0


async def test_posts_that_are_not_taken_are_counted_by_status(ingress: Ingress, log: SqliteEventLog) -> None:
    for target, headers in (("/town/default", BINARY), ("/town/default", []), ("/town/nobody", BINARY)):
        await ingress.receive(HttpRequest("POST", target, headers, b"{}"), internal=False)
    assert ingress.refused == {400: 1, 404: 1}
    log.close()
    await ingress.receive(HttpRequest("POST", "/town/default", BINARY, b"{}"), internal=False)
    assert ingress.refused == {400: 1, 404: 1, 503: 1}
