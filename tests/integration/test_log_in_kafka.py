"""knative_local with its log in a real Kafka: the same events arrive, and `kill -9` loses none of them either."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.local import Local
from tests.running import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    local = Local(tmp_path)
    yield local
    if local.process is not None:
        local.stop()
    local.client.close()
    assert local.processes() == []


def test_events_replies_and_dead_letters_go_their_ways(local: Local, kafka_address: str) -> None:
    local.start("--log", f"kafka://{kafka_address}")

    assert local.post("o-1", mode="reply", data={"dish": "feijoada"}) == 202
    (loud,) = eventually(lambda: local.seen("second"), what="the reply's delivery")
    assert (loud["id"], loud["source"], loud["type"]) == ("o-1-loud", "/first", "loud")
    assert local.post("broken", mode="broken") == 202
    eventually(lambda: local.times("graveyard", "broken") == 1, what="the dead letter")
    assert local.client.get("/_knative/dead-letters").json()["total"] == 1
    eventually(lambda: local.trigger("second")["backlog"] == 0, what="an empty backlog")
    tail = local.client.get("/_knative/events?limit=100").json()
    assert {"o-1", "o-1-loud", "broken"} <= {entry["event"]["id"] for entry in tail["events"]}


def test_kill_9_of_the_runtime_loses_nothing_acknowledged(local: Local, kafka_address: str) -> None:
    local.start("--log", f"kafka://{kafka_address}")
    acknowledged: list[str] = []

    def send(worker: int) -> None:
        number = 0
        while True:
            number += 1
            try:
                if local.post(f"k-{worker}-{number}") == 202:
                    acknowledged.append(f"k-{worker}-{number}")
            except httpx.HTTPError:
                return

    with ThreadPoolExecutor(4) as pool:
        for worker in range(4):
            pool.submit(send, worker)
        eventually(lambda: len(acknowledged) > 200, what="some load")
        assert local.process is not None
        local.process.kill()
        local.process.wait()
    assert local.process.stdout is not None
    local.process.stdout.close()
    eventually(lambda: not local.processes(), within=5, what="no orphan")

    local.start("--log", f"kafka://{kafka_address}")
    missing = set(acknowledged)
    eventually(lambda: not (missing - {event["id"] for event in local.seen("first")}), what="all deliveries")
