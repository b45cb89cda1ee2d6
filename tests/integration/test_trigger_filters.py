"""Filters of Triggers as a person runs them: one event, and who gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.local import Local
from tests.running import eventually

pytestmark = pytest.mark.integration

TRIGGER = """
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {{name: {name}, namespace: shop}}
spec:
  broker: default
  filters: {filters}
  subscriber: {{ref: {{apiVersion: serving.knative.dev/v1, kind: Service, name: {name}}}}}
"""


def post(local: Local, id: str, **attributes: str) -> None:
    event = {"specversion": "1.0", "id": id, "source": "/test", "type": "sq", **attributes}
    headers = {f"ce-{name}": value for name, value in event.items()}
    assert local.client.post("/broker/shop/default", headers=headers, json={}).status_code == 202


def test_an_expression_decides_who_gets_an_event_and_its_failures_are_told(tmp_path: Path) -> None:
    """OBSERVED, Deliveries: `type = 'sq' AND amount > 10`: `amount: 11` delivered, `amount: 9` not."""
    local = Local(tmp_path)
    before, _, _ = local.manifests.read_text().partition("---\napiVersion: eventing.knative.dev/v1\nkind: Trigger")
    rich = TRIGGER.format(name="first", filters="[{cesql: \"type = 'sq' AND amount > 10\"}]")
    rest = TRIGGER.format(name="second", filters="[{not: {cesql: amount > 10}}, {not: {exact: {type: loud}}}]")
    local.manifests.write_text(before + rich + rest)
    local.start()
    try:
        post(local, "rich", amount="11")
        post(local, "poor", amount="9")
        post(local, "odd")

        eventually(lambda: len(local.seen("first")) >= 1 and len(local.seen("second")) >= 2, what="the deliveries")
        assert [event["id"] for event in local.seen("first")] == ["rich"]
        assert sorted(event["id"] for event in local.seen("second")) == ["odd", "poor"]
        assert [local.trigger(name)["filter_failures"] for name in ("first", "second")] == [1, 1]
        command = [sys.executable, "-m", "knative_local", "status", "--url", local.url]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "first: its filter could not be evaluated for 1 events" in " ".join(said.split())
    finally:
        assert local.stop() == 0
        local.client.close()
