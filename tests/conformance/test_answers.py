"""What a subscriber's answer means: success, another attempt, a reply, or the dead letter sink."""

from __future__ import annotations

import json
import threading

import pytest

from .broker import BATCH, STRUCTURED, Broker, event, from_base64, reply
from .subscriber import Delivery, Planned, Subscriber

ATTEMPTS = 4  # the Broker's `retry: 3`
BAD_REPLIES = [
    pytest.param(Planned(200, (("Content-Type", "text/plain"),), b"OK"), id="200, text"),
    pytest.param(Planned(200, (("Content-Type", "application/json"),), b"{}"), id="200, JSON"),
    pytest.param(Planned(202, (("Content-Type", "text/plain"),), b"OK"), id="202, text"),
    pytest.param(Planned(200, (("Content-Type", STRUCTURED),), b"{}"), id="200, an event that lacks all"),
    pytest.param(Planned(200, (("Content-Type", BATCH),), json.dumps([event()]).encode()), id="200, a batch"),
    pytest.param(Planned(200, (("Content-Type", BATCH),), b"[]"), id="200, an empty batch"),
    pytest.param(
        Planned(200, reply({"id": "1", "specversion": "1.0"}), b"{}"),
        id="200, half the attributes",
        marks=pytest.mark.known_defect(
            channel="posts it to itself, which refuses it: one attempt, and its own address"
        ),
    ),
]


def post(broker: Broker, subscriber: Subscriber, *answers: Planned, type: str = "answers") -> str:
    """Post an event whose deliveries are answered so; its id."""
    posted = event(f"conformance.{type}")
    subscriber.plan(f"/{type}", posted["id"], *answers)
    return broker.accepts(posted, b'{"kept": true}')


def settled(broker: Broker, subscriber: Subscriber, path: str, id: str) -> int:
    """How often the event came, once a later event has gone the longest way there is: four attempts and the sink."""
    later = post(broker, subscriber, Planned(503))
    subscriber.wait("/dead", later)
    return len(subscriber.deliveries(path, id))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(broker: Broker, subscriber: Subscriber, status: int) -> None:
    """Data plane, table: `200`, `202`, other `2xx`: no retry, delivery completed."""
    id = post(broker, subscriber, Planned(status))
    subscriber.wait("/answers", id)
    assert settled(broker, subscriber, "/answers", id) == 1
    assert subscriber.deliveries("/dead", id) == []


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 413, 415, 422])
def test_other_4xx_go_to_the_dead_letter_sink_at_once(broker: Broker, subscriber: Subscriber, status: int) -> None:
    """Data plane, table: `400`, `401`, `403`, other `4xx`: no retry; OBSERVED, answers: "400, 413 | 1"."""
    id = post(broker, subscriber, Planned(status))
    subscriber.wait("/dead", id)
    assert len(subscriber.deliveries("/answers", id)) == 1


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
def test_3xx_is_an_error(broker: Broker, subscriber: Subscriber, status: int) -> None:
    """Data plane, table: `3xx`: "No* / No* / Yes*", an error; OBSERVED-KAFKA, Delivery: "3xx: at once to the dead
    letters"."""
    id = post(broker, subscriber, Planned(status))
    subscriber.wait("/dead", id)
    assert len(subscriber.deliveries("/answers", id)) == 1


@pytest.mark.parametrize("status", [404, 408, 409, 429, 500, 501, 502, 503, 504, 599])
def test_some_4xx_and_5xx_are_tried_again(broker: Broker, subscriber: Subscriber, status: int) -> None:
    """Data plane, table: `404`, `408`, `409`, `429`, `5xx`: retry; OBSERVED, answers: 4 attempts with `retry: 3`."""
    id = post(broker, subscriber, Planned(status))
    subscriber.wait("/dead", id)
    assert len(subscriber.deliveries("/answers", id)) == ATTEMPTS


def test_a_connection_that_is_closed_is_tried_again(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Delivery: "Retried: … closed"."""
    id = post(broker, subscriber, Planned(hang_up=True))
    subscriber.wait("/dead", id)
    assert len(subscriber.deliveries("/answers", id)) >= ATTEMPTS


def test_an_attempt_that_succeeds_ends_it(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED, answers: "503 twice, then 200 | 3 | nothing"."""
    id = post(broker, subscriber, Planned(503), Planned(503), Planned(200))
    subscriber.wait("/answers", id, 3)
    assert settled(broker, subscriber, "/answers", id) == 3
    assert subscriber.deliveries("/dead", id) == []


def test_every_attempt_carries_the_same_event(broker: Broker, subscriber: Subscriber) -> None:
    """Data plane, Observability: only attributes of observability may differ between attempts."""
    id = post(broker, subscriber, Planned(503), Planned(500), Planned(429), Planned(200))
    deliveries = subscriber.wait("/answers", id, ATTEMPTS)
    assert len({one.body for one in deliveries}) == 1
    assert len({tuple(sorted(one.attributes.items())) for one in deliveries}) == 1


def test_retry_after_has_no_effect(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED, answers: "429 with `Retry-After: 3`, then 200 | 2, at once"; OBSERVED-KAFKA: "has no effect"."""
    id = post(broker, subscriber, Planned(429, (("Retry-After", "86400"),)), Planned(200))
    subscriber.wait("/answers", id, 2)


def test_no_answer_in_time_is_tried_again(broker: Broker, subscriber: Subscriber, gate: threading.Event) -> None:
    """OBSERVED, answers: "no answer within `timeout` (retry 1) | 2 | dead letter sink"; without knativeerror* from the
    channel broker, with `knativeerrordest` alone from the Kafka broker."""
    id = post(broker, subscriber, Planned(gate=gate), type="timeout")
    (dead,) = subscriber.wait("/own-dead", id)
    assert len(subscriber.deliveries("/timeout", id)) == 2
    expected = {"knativeerrordest"} if broker.is_kafka else set[str]()
    assert errors(dead).keys() == expected


def test_nobody_there_is_tried_and_goes_to_the_dead_letter_sink(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED, Dead letters: code 500 and `dispatch error: …` when refused; OBSERVED-KAFKA: only
    `knativeerrordest`."""
    id = post(broker, subscriber, type="refused")
    found = errors(subscriber.wait("/own-dead", id)[0])
    assert found.pop("knativeerrordest").endswith("/refused")
    if broker.is_kafka:
        assert found == {}
    else:
        assert found["knativeerrorcode"] == "500"
        assert from_base64(found["knativeerrordata"]).startswith(b"dispatch error: ")


def test_a_dead_letter_says_what_was_answered(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED, Dead letters: the subscriber's status, base64 of the answer's body, the subscriber's URL; "event itself
    | unchanged"."""
    id = post(broker, subscriber, Planned(400, (("Content-Type", "text/plain"),), b"not \xc3\xa0 la carte"))
    (first,) = subscriber.wait("/answers", id)
    (dead,) = subscriber.wait("/dead", id)
    found = errors(dead)
    assert found["knativeerrorcode"] == "400"
    assert from_base64(found["knativeerrordata"]) == b"not \xc3\xa0 la carte"
    assert found["knativeerrordest"].endswith("/answers")
    # Of the channel broker's, the hop count is still there, which no subscriber sees.
    assert ("knativebrokerttl" in dead.attributes) == (not broker.is_kafka)
    own = {name: value for name, value in dead.attributes.items() if name not in {*found, "knativebrokerttl"}}
    assert own == first.attributes
    assert (dead.body, dead.method) == (first.body, "POST")


def test_an_empty_answer_leaves_no_error_data(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Delivery: `knativeerrordata` is "absent when empty"; from the channel broker it is empty."""
    id = post(broker, subscriber, Planned(422))
    (dead,) = subscriber.wait("/dead", id)
    assert errors(dead).get("knativeerrordata") == (None if broker.is_kafka else "")
    assert errors(dead)["knativeerrorcode"] == "422"


@pytest.mark.known_crash(channel="its dispatcher panics at more than 768 bytes, and what it has in memory is lost")
def test_error_data_are_cut(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Delivery: "base64 of the first 1,024 bytes of the body"; Knative's Go code keeps 1,024
    characters of base64."""
    body = b"x" * 10_000
    id = post(broker, subscriber, Planned(400, (), body))
    data = from_base64(errors(subscriber.wait("/dead", id)[0])["knativeerrordata"])
    assert data == body[: 1_024 if broker.is_kafka else 768]


def test_a_header_of_the_answer_becomes_an_extension(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Delivery: "A response header `Kne-Foo: bar` becomes extension `foo`"."""
    id = post(broker, subscriber, Planned(400, (("Kne-Foo", "bar"),)))
    attributes = subscriber.wait("/dead", id)[0].attributes
    if broker.is_kafka:
        assert attributes["foo"] == "bar"
    else:
        assert "kne-foo" not in attributes


def test_a_triggers_delivery_stands_in_place_of_its_brokers(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED, answers: "A Trigger's own `delivery` is used instead of the Broker's: its dead letters go to its own
    sink"."""
    posted = event("conformance.own")
    subscriber.plan("/own-delivery", posted["id"], Planned(503))
    broker.accepts(posted)
    subscriber.wait("/own-dead", posted["id"])
    assert settled(broker, subscriber, "/own-delivery", posted["id"]) == 1
    assert subscriber.deliveries("/dead", posted["id"]) == []


def test_without_a_sink_the_event_is_given_up_and_the_next_ones_arrive(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Dispatcher: "An event that failed and has no dead letter sink is dropped". A Trigger's `delivery`
    without one falls back to its Broker's sink in the channel broker (whose Broker is a channel), and in no other."""
    posted = event("conformance.nosink")
    subscriber.plan("/no-sink", posted["id"], Planned(503))
    broker.accepts(posted)
    assert len(subscriber.wait("/no-sink", posted["id"], 2)) == 2
    subscriber.wait("/no-sink", broker.accepts(event("conformance.nosink")))
    if not broker.is_kafka:
        subscriber.wait("/dead", posted["id"])
    assert settled(broker, subscriber, "/no-sink", posted["id"]) == 2
    assert len(subscriber.deliveries("/dead", posted["id"])) == (0 if broker.is_kafka else 1)


def test_a_dead_letter_sink_gets_the_same_retries(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Delivery: "The dead letter sink gets the same retries, then the event is dropped"."""
    posted = event("conformance.failingsink")
    subscriber.plan("/failing-sink", posted["id"], Planned(400))
    subscriber.plan("/failing-dead", posted["id"], Planned(503))
    broker.accepts(posted)
    assert len(subscriber.wait("/failing-dead", posted["id"], 3)) == 3
    assert settled(broker, subscriber, "/failing-dead", posted["id"]) == 3
    assert len(subscriber.deliveries("/failing-sink", posted["id"])) == 1


@pytest.mark.parametrize("answer", BAD_REPLIES)
def test_a_success_whose_body_is_no_event_is_a_failed_delivery(
    broker: Broker, subscriber: Subscriber, answer: Planned
) -> None:
    """OBSERVED, answers: "200 with a body that is no event | 4 | dead letter sink, without `knativeerror*`";
    OBSERVED-KAFKA, Replies: "failure, **no retry**, dead letters without code"."""
    id = post(broker, subscriber, answer)
    (dead,) = subscriber.wait("/dead", id)
    assert len(subscriber.deliveries("/answers", id)) == (1 if broker.is_kafka else ATTEMPTS)
    found = errors(dead)
    assert "knativeerrorcode" not in found
    assert ("knativeerrordest" in found) == broker.is_kafka


def errors(dead: Delivery) -> dict[str, str]:
    """The attributes that say why it is a dead letter."""
    return {name: value for name, value in dead.attributes.items() if name.startswith("knativeerror")}
