"""Sources, channels, flows and JobSinks as a person runs them: real processes, started from one manifest."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local import Local
from tests.running import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """All kinds at once; each test has events of its own."""
    local = Local(tmp_path_factory.mktemp("kinds"), "eventing.yaml").start()
    yield local
    assert local.stop() == 0
    local.client.close()
    assert local.processes() == []


def post(local: Local, path: str, id: str, type: str = "order", mode: str = "take") -> int:
    headers = {"ce-specversion": "1.0", "ce-id": id, "ce-source": "/test", "ce-type": type, "ce-mode": mode}
    return local.client.post(path, headers=headers, json={}).status_code


def of(local: Local, name: str, **attributes: str) -> list[dict[str, str]]:
    """What a function has recorded with these attributes."""
    return [each for each in local.seen(name) if attributes.items() <= each.items()]


def test_a_ping_source_sends_its_data_every_second(local: Local) -> None:
    """OBSERVED: takes a schedule with seconds; type, source and a UUID as Knative's."""
    pings = eventually(
        lambda: len(found := of(local, "last", type="dev.knative.sources.ping")) >= 2 and found, what="two pings"
    )

    assert {(each["source"], each["data"]) for each in pings} == {
        ("/apis/v1/namespaces/shop/pingsources/tick", '{"tick": true}')
    }
    assert len({each["id"] for each in pings}) == len(pings)
    (row,) = local.status()["ping_sources"]
    assert (row["name"], row["lost"]) == ("tick", 0)


def test_a_container_source_posts_to_its_sink_with_its_overrides(local: Local) -> None:
    """OBSERVED: the Pod's process gets `K_SINK`; an event it posts there arrives."""
    (beat,) = eventually(lambda: of(local, "last", type="beat"), what="the beat")

    assert (beat["id"], beat["origin"]) == ("beat", "town")


def test_a_sequence_adds_the_replies_of_both_steps_in_turn(local: Local) -> None:
    """OBSERVED: a Sequence of two steps adds both steps' replies in turn. It is reached by way of a Trigger's ref."""
    assert post(local, "/broker/shop/default", "s1", "stepwise") == 202

    (end,) = eventually(lambda: of(local, "last", id="s1"), what="the end of the Sequence")
    assert end["data"] == '{"steps": ["step", "step"]}'


def test_a_parallel_gives_each_branch_what_its_filter_lets_through(local: Local) -> None:
    assert post(local, "/channel/shop/fork-kn-parallel", "p1") == 202

    (end,) = eventually(lambda: of(local, "last", id="p1"), what="the reply of the second branch")
    assert end["data"] == '{"steps": ["step"]}'
    eventually(lambda: of(local, "nobody-passes", id="p1"), what="the filter being asked")
    assert of(local, "first", id="p1") == []


def test_a_channels_events_reach_all_subscriptions_and_replies_go_on(local: Local) -> None:
    assert post(local, "/channel/shop/orders", "c1", mode="reply") == 202

    eventually(lambda: of(local, "first", id="c1") and of(local, "last", id="c1"), what="both Subscriptions")
    eventually(lambda: of(local, "last", id="c1-loud"), what="the reply, by way of the Broker")
    rows = {row["name"]: row for row in local.status()["triggers"]}
    assert (rows["to-first"]["broker"], rows["to-first"]["events_total"]) == ("orders", 1)


def test_a_job_sink_runs_a_process_once_for_each_event(local: Local) -> None:
    """OBSERVED: POST answered 202; the Job's process has the event as a structured JSON file."""
    headers = {"ce-specversion": "1.0", "ce-id": "j/1", "ce-source": "/test", "ce-type": "prints"}
    answers = [local.client.post("/jobsink/shop/print", headers=headers, json={"n": 1}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    place = answers[0].headers["location"]
    eventually(lambda: local.client.get(place).status_code == 200, what="the Job's success")
    assert of(local, "job", id="j/1") == [
        {
            "specversion": "1.0",
            "id": "j/1",
            "source": "/test",
            "type": "prints",
            "datacontenttype": "application/json",
            "data": {"n": 1},
            "mode": "batch",
        }
    ]


def test_a_job_that_fails_is_told(local: Local) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "j2", "ce-source": "/test", "ce-type": "fails"}
    place = local.client.post("/jobsink/shop/print", headers=headers).headers["location"]

    answer = eventually(lambda: (got := local.client.get(place)).status_code == 400 and got, what="the Job's failure")

    assert answer.headers["reason"] == "Failed"
    assert "status 3" in answer.text
    assert local.status()["job_sinks"][0]["failed"] == 1


def test_status_shows_them_all(local: Local) -> None:
    command = [sys.executable, "-m", "knative_local", "status", "--url", local.url]

    shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    assert all(word in shown for word in ("channel orders", "PingSources", "*/1 * * * * *", "JobSinks", "into-the-seq"))
    assert "fork-kn-parallel-0" in {row["name"] for row in local.status()["channels"]}


def test_addresses_that_nobody_has(local: Local) -> None:
    for path in ("/channel/shop/none", "/jobsink/shop/none", "/broker/channel/orders", "/channel/orders"):
        assert post(local, path, "x") == 404


def test_a_job_whose_process_a_crash_has_ended_runs_again(tmp_path: Path) -> None:
    """The event was on the disk before the 202."""
    local = Local(tmp_path, "eventing.yaml").start()
    headers = {"ce-specversion": "1.0", "ce-id": "j3", "ce-source": "/test", "ce-type": "hangs-once"}
    try:
        assert local.client.post("/jobsink/shop/print", headers=headers).status_code == 202
        eventually(lambda: len(of(local, "job", id="j3")) == 1, what="the Job's process")
        local.stop(signal.SIGKILL)
        local.start()
        eventually(lambda: len(of(local, "job", id="j3")) == 2, what="the Job after the crash")
        eventually(lambda: local.status()["job_sinks"][0]["succeeded"] == 1, what="its success")
    finally:
        local.stop()
        local.client.close()
