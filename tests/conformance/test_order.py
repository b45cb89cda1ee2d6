"""When deliveries are made: waits between attempts, events side by side, and the order of an ordered Trigger."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from .broker import KAFKA, Broker, event
from .subscriber import Planned, Subscriber

DELAY = 0.1  # the manifests' backoffDelay, in seconds


def gaps(subscriber: Subscriber, path: str, id: str) -> list[float]:
    """Seconds between the attempts, of which there are four."""
    return [later.at - earlier.at for earlier, later in pairwise(subscriber.wait(path, id, 4))]


@pytest.mark.parametrize("policy", ["linear", "exponential"])
def test_waits_are_never_shorter_than_the_policy_says(broker: Broker, subscriber: Subscriber, policy: str) -> None:
    """OBSERVED-KAFKA, Delivery: "Exponential waits `delay * 2^n` with n from 1 … Linear at 0, 0.2, 0.6, 1.2 s. No
    jitter". OBSERVED, answers: linear 0, 0.2, 0.4 s from the channel broker: "The first retry comes at once"."""
    posted = event("conformance.backoff")
    for path in ("/linear", "/exponential"):
        subscriber.plan(path, posted["id"], Planned(503))
    broker.accepts(posted)
    first = 1 if broker.is_kafka else 0
    numbers = [first, first + 1, first + 2]
    least = [DELAY * (number if policy == "linear" else 2**number) for number in numbers]
    # An attempt is timed before it is answered, so nothing but the broker can make a gap shorter.
    assert all(
        gap >= wait * 0.99 for gap, wait in zip(gaps(subscriber, f"/{policy}", posted["id"]), least, strict=True)
    )


def test_exponential_waits_outgrow_linear_ones(broker: Broker, subscriber: Subscriber) -> None:
    """As above: the last of four attempts comes at 6 delays (linear) and 14 delays (exponential) on the Kafka broker,
    at 3 and 7 on the channel broker."""
    posted = event("conformance.backoff")
    for path in ("/linear", "/exponential"):
        subscriber.plan(path, posted["id"], Planned(503))
    broker.accepts(posted)
    exponential = subscriber.wait("/exponential", posted["id"], 4)
    assert subscriber.wait("/linear", posted["id"], 4)[3].number < exponential[3].number


def test_one_slow_event_does_not_hold_up_the_others(
    broker: Broker, subscriber: Subscriber, gate: threading.Event
) -> None:
    """OBSERVED-KAFKA, Dispatcher: "subscriber takes 15 s for one event | the others go on"."""
    slow = event("conformance.unordered", partitionkey="one")
    subscriber.plan("/unordered", slow["id"], Planned(gate=gate))
    broker.accepts(slow)
    subscriber.wait("/unordered", slow["id"])
    for _ in range(20):
        subscriber.wait("/unordered", broker.accepts(event("conformance.unordered", partitionkey="one")))
    assert len(subscriber.deliveries("/unordered", slow["id"])) == 1


def test_an_event_that_waits_for_its_retry_does_not_hold_up_the_others(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Dispatcher, unordered: the others go on."""
    failing = event("conformance.backoff")
    subscriber.plan("/exponential", failing["id"], Planned(503))
    broker.accepts(failing)
    subscriber.wait("/exponential", failing["id"])
    other = broker.accepts(event("conformance.backoff"))
    (arrived,) = subscriber.wait("/exponential", other)
    assert arrived.number < subscriber.wait("/exponential", failing["id"], 4)[3].number


@pytest.mark.promised_by(KAFKA)
def test_an_ordered_trigger_keeps_the_order_of_each_partition_key(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Dispatcher, ordered: "1 per partition"; a failed event is tried again before the next of its key
    is delivered."""
    keys, each = [f"key-{number}" for number in range(5)], 12
    posted: dict[str, list[str]] = {key: [] for key in keys}
    for number in range(each):
        for key in keys:
            one = event("conformance.ordered", partitionkey=key)
            subscriber.plan("/ordered", one["id"], *[Planned(503)] * (number % 3), Planned(202))
            posted[key].append(broker.accepts(one))
    for key in keys:
        subscriber.wait("/ordered", posted[key][-1], 1 + (each - 1) % 3)
    for key in keys:
        came = [one.id for one in subscriber.all_at("/ordered") if one.attributes.get("partitionkey") == key]
        without_repeats = [id for place, id in enumerate(came) if place == 0 or came[place - 1] != id]
        assert without_repeats == posted[key]


@pytest.mark.promised_by(KAFKA)
def test_an_ordered_trigger_waits_for_the_answer(broker: Broker, subscriber: Subscriber, gate: threading.Event) -> None:
    """OBSERVED-KAFKA, Dispatcher, ordered: "subscriber takes 15 s for one event | all of that partition wait"."""
    first, second = (event("conformance.ordered", partitionkey="held") for _ in range(2))
    subscriber.plan("/ordered", first["id"], Planned(gate=gate))
    broker.accepts(first)
    subscriber.wait("/ordered", first["id"])
    broker.accepts(second)
    # The same event reaches another Trigger, so the Broker has seen it; the ordered one still waits.
    subscriber.wait("/everything", second["id"])
    assert subscriber.deliveries("/ordered", second["id"]) == []
    gate.set()
    subscriber.wait("/ordered", second["id"])
