"""A function that fails, behind the real Broker and queue-proxy: ours fare as OBSERVED.md of knative-host tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.objects import broker, faulty_service, sequence, service, trigger
from tests.cluster.product import NAMESPACE, Product

pytestmark = pytest.mark.timeout(300)
TYPE = "dev.tests.asked"
Answers = list[int | str]

TAKEN: dict[str, tuple[Answers, int]] = {
    "204": ([204], 1),
    "202": ([202], 1),
    "twice-503": ([503, 503, 204], 3),
    "timeout-once": (["silence", 204], 2),
}
"""What the function answers, and how many times it is asked until that is that."""

FAILED: dict[str, tuple[Answers, int, int | None]] = {
    **{str(code): ([code], 1, code) for code in (400, 413)},
    **{str(code): ([code], 4, code) for code in (404, 408, 409, 429, 500, 503)},
    "no-event": (["no event"], 4, None),
    "batch": (["batch"], 4, None),
    "timeout": (["silence"], 4, None),
}
"""The same, and what the dead letter has as its code."""


class Faulty:
    """The function, asked what came to it."""

    def __init__(self, product: Product) -> None:
        self._product = product

    def came(self, event_id: str) -> list[dict[str, Any]]:
        """The deliveries of an event."""
        return self._product.ask("GET", "faulty", "/").raise_for_status().json().get(event_id, [])


@pytest.fixture(scope="module")
def faulty(deployed: Cluster, product: Product) -> Iterator[Faulty]:
    """The function and its Trigger, with a delivery of the Trigger's own and our function for dead letters."""
    services = deployed.get("services.serving.knative.dev", NAMESPACE)
    image = services[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    delivery = {"retry": 3, "backoffPolicy": "linear", "backoffDelay": "PT0.2S", "timeout": "PT2S"}
    delivery["deadLetterSink"] = service("deadletter")
    filters = [{"exact": {"type": TYPE}}]
    asked = trigger("faulty", "default", service("faulty"), filters=filters, delivery=delivery)
    with deployed.also([faulty_service(image), asked]):
        deployed.wait_ready(NAMESPACE)
        yield Faulty(product)


def letters(product: Product) -> dict[str, dict[str, Any]]:
    """The dead letters of this test, by event id."""
    return {each["event"]["id"]: each for each in product.dead_letters() if each["event"]["type"] == TYPE}


def test_what_fails_is_tried_again_as_knative_does_and_ends_in_deadletter(
    deployed: Cluster, product: Product, faulty: Faulty
) -> None:
    asked = {
        **{name: answers for name, (answers, _) in TAKEN.items()},
        **{name: each[0] for name, each in FAILED.items()},
    }
    for name, answers in asked.items():
        assert product.emit({"type": TYPE, "id": name}, json.dumps({"answers": answers}).encode()) == 202
    deployed.until(lambda: letters(product).keys() >= FAILED.keys(), "a dead letter of each that failed")
    deployed.until(lambda: all(len(faulty.came(name)) >= most for name, (_, most) in TAKEN.items()), "the others taken")
    found = letters(product)
    attempts = {name: len(faulty.came(name)) for name in asked}
    assert attempts == {name: each[1] for name, each in {**TAKEN, **FAILED}.items()}
    assert {name: each["code"] for name, each in found.items()} == {name: each[2] for name, each in FAILED.items()}
    refused = found["503"]
    assert (refused["reason"], "faulty" in refused["destination"]) == ("as asked", True)


def test_what_failed_is_replayed_once_the_function_is_well(deployed: Cluster, product: Product, faulty: Faulty) -> None:
    ill_at_first = json.dumps({"answers": [500, 500, 500, 500, 204]}).encode()
    assert product.emit({"type": TYPE, "id": "ill"}, ill_at_first) == 202
    letter = deployed.until(lambda: letters(product).get("ill"), "the dead letter")
    product.post("deadletter", f"/v1/dead-letters/{letter['letter_id']}/replay", None)
    deployed.until(lambda: len(faulty.came("ill")) == 5, "the event once more")
    assert "ill" not in letters(product)


def test_an_event_in_chunks_is_read(deployed: Cluster, product: Product, faulty: Faulty) -> None:
    """Knative passes on in chunks what comes out of a Sequence: here to a function that tells it, and to persist."""
    objects = [broker("chunks")]
    for name in ("faulty", "persist"):
        here = {"ref": {"apiVersion": "flows.knative.dev/v1", "kind": "Sequence", "name": f"chunks-{name}"}}
        objects += [
            sequence(f"chunks-{name}", service("faulty"), service(name)),
            trigger(f"chunks-{name}", "chunks", here, filters=[{"exact": {"subject": name}}]),
        ]
    position = {"vehicle_id": "chunks-2", "lat": -34.9, "lng": -56.16, "recorded_at": "2026-01-02T03:04:05Z"}
    event = {"type": "dev.trackway.position.recorded.v1", "id": "chunks-2"}
    with deployed.also(objects):
        deployed.wait_ready(NAMESPACE)
        for name in ("faulty", "persist"):
            assert product.emit({**event, "subject": name}, json.dumps(position).encode(), "chunks") == 202

        def vehicles() -> list[str]:
            return [each["vehicle_id"] for each in product.get("/v1/vehicles")["vehicles"]]

        deployed.until(lambda: "chunks-2" in vehicles(), "the position stored")
        deployed.until(lambda: len(faulty.came("chunks-2")) == 3, "the step twice, and what came out of it once")
    assert [each["chunked"] for each in faulty.came("chunks-2")] == [False, True, False]
