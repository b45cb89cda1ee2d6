"""No function answers what Knative takes for a bad reply, whichever event of its kind it gets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.objects import broker, service, trigger
from tests.cluster.product import NAMESPACE, SOURCE, Product
from tests.running import ROOT

SAMPLES = sorted((ROOT / "tests/contract/samples").glob("*.json"))
NOT_KEPT = ("geofence", "notification")
PING = "dev.knative.sources.ping"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture(scope="module")
def judge(deployed: Cluster) -> Iterator[str]:
    """The name of a Broker with the Triggers of ours, none of which tries again. It answers when all of them are
    through, what they replied included, and with 500 when an answer was none for Knative."""
    once = {"retry": 0}
    ours = [
        trigger(f"judge-{each['metadata']['name']}", **{**each["spec"], "broker": "judge", "delivery": once})
        for each in deployed.get("triggers.eventing.knative.dev", NAMESPACE)
        if each["spec"]["broker"] == "default"
    ]
    assert len(ours) > 3
    others = (("deadletter", {"source": SOURCE}), ("archive", {"type": PING}))
    ours += [
        trigger(f"judge-{name}", "judge", service(name), filters=[{"exact": exact}], delivery=once)
        for name, exact in others
    ]
    with deployed.also([broker("judge"), *ours]):
        deployed.wait_ready(NAMESPACE)
        yield "judge"


def sample(file: Path) -> tuple[dict[str, str], bytes]:
    """The attributes and data of a golden sample that happens now."""
    text = file.read_text()
    then = datetime.fromisoformat(json.loads(text)["time"])
    shift = datetime.now(UTC).replace(microsecond=0) - then

    def moved(found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found[0]) + shift).strftime("%Y-%m-%dT%H:%M:%SZ")

    event: dict[str, Any] = json.loads(MOMENT.sub(moved, text))
    data = event.pop("data")
    del event["datacontenttype"]
    return event, json.dumps(data).encode()


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_each_event_of_ours_is_answered_well_by_all_who_want_it(product: Product, judge: str, file: Path) -> None:
    """But for those that nobody keeps yet: they are refused, with 400 and why."""
    event, data = sample(file)
    is_kept = not any(word in file.stem for word in NOT_KEPT)
    assert product.emit(event, data, judge) == (202 if is_kept else 500)
    if not is_kept:
        headers = {"content-type": "application/json", **{f"ce-{name}": value for name, value in event.items()}}
        answer = product.ask("POST", "persist", "/", headers=headers, content=data)
        assert (answer.status_code, answer.json()["field"]) == (400, "type")


def test_a_ping_is_answered_well(product: Product, judge: str) -> None:
    assert product.emit({"type": PING, "id": "ping", "source": "/apis/v1/pingsources/archive"}, b"{}", judge) == 202


@pytest.mark.parametrize("data", [b'{"lat": "north"}', b"nothing that could be read", b""])
def test_a_dead_letter_is_answered_well_whatever_it_is(product: Product, judge: str, data: bytes) -> None:
    """By the function for them, which nobody comes after."""
    assert product.emit({"type": "dev.tests.dead", "id": "dead", "knativeerrorcode": "400"}, data, judge) == 202


def test_a_refusal_would_be_seen(product: Product, judge: str) -> None:
    bad = {"type": "dev.trackway.position.recorded.v1", "id": "bad-2", "source": "/elsewhere"}
    assert product.emit(bad, b'{"lat": "north"}', judge) == 500
