"""A manifest is reloaded when its file changes: what is new runs, what is gone ends, and no event is lost meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local import Local
from tests.running import eventually

pytestmark = pytest.mark.integration

SECOND_BROKER = """
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: second, namespace: shop}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: of-second, namespace: shop}
spec:
  broker: second
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: second}}
"""


IN_BOTH = pytest.mark.parametrize("local", ["file", "kafka"], indirect=True)


@pytest.fixture
def local(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Local]:
    """One with its log in its file, or in Kafka for what also has to do with the log."""
    in_kafka = getattr(request, "param", "file") == "kafka"
    options = ["--log", f"kafka://{request.getfixturevalue('kafka_address')}"] if in_kafka else []
    local = Local(tmp_path).start(*options)
    yield local
    local.stop()
    local.client.close()
    assert local.processes() == []


def change(local: Local, *changes: tuple[str, str], more: str = "") -> None:
    """Edit the manifest, and wait until it is served, or refused."""
    before = local.status()["manifests"]
    text = local.manifests.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    local.manifests.write_text(text + more)
    eventually(lambda: local.status()["manifests"] != before, what="the change being noticed")


def problems(local: Local) -> list[str]:
    return local.status()["manifests"]["problems"]


def pids(local: Local, name: str) -> set[int]:
    return {event["pid"] for event in local.seen(name)}


def watches_something(local: Local) -> bool:
    assert local.process is not None
    return any("inotify" in str(link.readlink()) for link in Path(f"/proc/{local.process.pid}/fd").iterdir())


def deployment(local: Local) -> dict[str, Any]:
    (row,) = local.status()["deployments"]
    return row


@IN_BOTH
def test_a_new_broker_and_its_trigger_take_events(local: Local) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "n1", "ce-source": "/test", "ce-type": "any"}
    assert local.client.post("/broker/shop/second", headers=headers).status_code == 404

    assert sys.platform != "linux" or watches_something(local)
    change(local, more=SECOND_BROKER)

    assert local.client.post("/broker/shop/second", headers=headers).status_code == 202
    eventually(lambda: local.times("second", "n1"), what="the event by way of the new Broker")
    assert local.post("o1") == 202
    eventually(lambda: local.times("first", "o1"), what="an event by way of the old one")


@IN_BOTH
def test_a_trigger_that_is_gone_gets_nothing_and_one_that_changed_goes_on(local: Local) -> None:
    change(local, ("      type: order\n", "      type: invoice\n"))
    assert [local.post("i1", "invoice"), local.post("o1", "order")] == [202, 202]
    eventually(lambda: local.times("first", "i1"), what="what the filter takes now")
    eventually(lambda: local.trigger("first")["backlog"] == 0, what="the Trigger being through")
    assert local.times("first", "o1") == 0

    text = local.manifests.read_text()
    rest = text[text.index("---\napiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata:\n  name: second") :]
    change(local, (rest, ""))
    assert [row["name"] for row in local.status()["triggers"]] == ["first"]


def test_a_mistake_keeps_everything_as_it_was_and_is_told(local: Local) -> None:
    change(local, ("kind: Trigger", "kind: Triger"))

    assert any("did you mean" in line and "Trigger?" in line for line in problems(local))
    assert local.post("o1") == 202
    eventually(lambda: local.times("first", "o1"), what="an event as before")

    change(local, ("kind: Triger", "kind: Trigger"))
    assert problems(local) == []


def test_a_changed_service_gets_new_instances_and_keeps_its_name(local: Local) -> None:
    local.post("o1")
    eventually(lambda: local.times("first", "o1"), what="the old instance")

    change(local, ('command: ["python", "fn.py"]', 'command: ["python", "fn.py", "--again"]'))
    eventually(lambda: local.service("first")["revision"] == "first-00002", what="the new revision, once it is ready")
    local.post("o2")
    eventually(lambda: local.times("first", "o2"), what="the new instance")

    assert len(pids(local, "first")) == 2


def test_a_changed_config_map_reaches_those_who_use_it(local: Local, tmp_path: Path) -> None:
    local.post("o1")
    eventually(lambda: local.times("first", "o1"), what="an event with the old value")
    (tmp_path / "elsewhere").mkdir()

    change(local, (f"RECORD: {local.record}", f"RECORD: {tmp_path / 'elsewhere'}"))
    local.post("o2")

    local.record = tmp_path / "elsewhere"
    eventually(lambda: local.times("first", "o2"), what="an event with the new value")


def test_a_changed_deployment_is_replaced_without_a_gap(local: Local) -> None:
    assert deployment(local)["running"]
    text = local.manifests.read_text()

    change(local, ('command: ["python", "echo.py"]', 'command: ["python", "none.py"]'))
    assert deployment(local)["running"], "the old one serves while the new one does not start"

    change(local, ('command: ["python", "none.py"]', 'command: ["python", "echo.py", "--again"]'))
    eventually(lambda: [p for p in local.processes() if "--again" in p.cmdline()], what="the new process")
    eventually(lambda: not [p for p in local.processes() if p.cmdline()[-1] == "echo.py"], what="the old one's end")
    assert deployment(local)["running"]
    change(local, ('"echo.py", "--again"', '"echo.py"'))
    assert local.manifests.read_text() == text


@IN_BOTH
def test_no_acknowledged_event_is_lost_while_everything_changes(local: Local) -> None:
    """The order of the day: post all the time, and change the function, its settings, filters and Brokers."""
    acknowledged: list[str] = []

    def post_some(label: str) -> None:
        for number in range(30):
            id = f"{label}-{number}"
            if local.post(id) == 202:
                acknowledged.append(id)

    for round in range(4):
        post_some(f"{round}a")
        text = local.manifests.read_text()
        command = f'command: ["python", "fn.py", "--round-{round}"]'
        text = text.replace('command: ["python", "fn.py"]', command).replace(f"--round-{round - 1}", f"--round-{round}")
        local.manifests.write_text(text + (SECOND_BROKER if round == 1 else ""))
        post_some(f"{round}b")
        eventually(lambda r=round: local.service("first")["revision"] == f"first-0000{r + 2}", what="the reload")

    assert len(acknowledged) == 240
    eventually(lambda: {each["id"] for each in local.seen("first")} >= set(acknowledged), what="every event")
    assert local.trigger("first")["dead_letters"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks for inotify")
def test_changes_are_not_followed_when_that_is_not_wanted(tmp_path: Path) -> None:
    local = Local(tmp_path).start("--no-watch")
    try:
        assert not watches_something(local)
    finally:
        local.stop()
        local.client.close()
