"""Events in a subscriber's answer, which enter the Broker like any other."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from .broker import CHANNEL, STRUCTURED, Broker, event, reply
from .subscriber import Planned, Subscriber


def ask(broker: Broker, subscriber: Subscriber, *answers: Planned) -> str:
    """Post an event to the Trigger `asked`, whose subscriber answers so; its id."""
    posted = event("conformance.asked")
    subscriber.plan("/asked", posted["id"], *answers)
    return broker.accepts(posted)


def test_an_event_in_binary_mode_is_a_reply(broker: Broker, subscriber: Subscriber) -> None:
    """Data plane, Derived (Reply) Events: "a `200` response which includes a CloudEvent encoded using the binary or
    structured formats"; OBSERVED, answers, row 1: "the reply enters the broker as an event"."""
    answer = event("conformance.replied", subject="50% €")
    asked = ask(broker, subscriber, Planned(200, reply(answer), b'{"so": "be it"}'))
    (delivery,) = subscriber.wait("/replied", answer["id"])
    assert {name: delivery.attributes[name] for name in answer} == answer
    assert (delivery.headers["content-type"], delivery.body) == ("application/json", b'{"so": "be it"}')
    assert len(subscriber.deliveries("/asked", asked)) == 1


def test_an_event_in_structured_mode_is_a_reply(broker: Broker, subscriber: Subscriber) -> None:
    """As above. Without `datacontenttype` the data are JSON (JSON format 3.1.1), which the channel broker forgets."""
    answer = event("conformance.replied")
    body = json.dumps({**answer, "datacontenttype": "application/json", "data": {"so": "be it"}}).encode()
    ask(broker, subscriber, Planned(200, (("Content-Type", f"{STRUCTURED}; charset=utf-8"),), body))
    (delivery,) = subscriber.wait("/replied", answer["id"])
    assert {name: delivery.attributes[name] for name in answer} == answer
    assert json.loads(delivery.body) == {"so": "be it"}


@pytest.mark.known_defect(channel="arrives as text/plain with a space in front")
def test_a_structured_reply_without_a_content_type_is_json(broker: Broker, subscriber: Subscriber) -> None:
    """JSON 3.1.2: "the `datacontenttype` in the re-serialized event SHOULD be set explicitly to the implied
    `application/json`"."""
    answer = event("conformance.replied")
    body = json.dumps({**answer, "data": {"so": "be it"}}).encode()
    ask(broker, subscriber, Planned(200, (("Content-Type", STRUCTURED),), body))
    (delivery,) = subscriber.wait("/replied", answer["id"])
    assert delivery.headers["content-type"] == "application/json"


def test_a_reply_without_data_is_a_reply(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Replies: "200 … with ce- headers … published"."""
    answer = event("conformance.replied")
    headers = tuple((name, value) for name, value in reply(answer) if name != "Content-Type")
    ask(broker, subscriber, Planned(200, headers))
    assert subscriber.wait("/replied", answer["id"])[0].body == b""


def test_a_reply_goes_to_all_triggers_that_want_it(broker: Broker, subscriber: Subscriber) -> None:
    """Control plane, Content Based Routing: a reply "MUST be evaluated against all Triggers associated with the Broker,
    including the Trigger that generated the reply"."""
    answer = event("conformance.asked")
    ask(broker, subscriber, Planned(200, reply(answer), b"{}"))
    subscriber.wait("/asked", answer["id"])
    subscriber.wait("/everything", answer["id"])


def test_the_reply_to_a_later_attempt_counts(broker: Broker, subscriber: Subscriber) -> None:
    """Control plane, Event Delivery, 3: "either the original request or a retry"."""
    answer = event("conformance.replied")
    asked = ask(broker, subscriber, Planned(503), Planned(500), Planned(200, reply(answer), b"{}"))
    subscriber.wait("/replied", answer["id"])
    assert len(subscriber.deliveries("/asked", asked)) == 3


@pytest.mark.known_defect(kafka="publishes what comes with 202", channel="publishes what comes with 202")
def test_an_event_that_comes_with_202_is_no_reply(broker: Broker, subscriber: Subscriber) -> None:
    """Data plane, Derived (Reply) Events: "Responses with a `202` response code MUST NOT be processed as reply events;
    even if the response can be interpreted as a CloudEvent"."""
    unwanted, wanted = event("conformance.replied"), event("conformance.replied")
    first = ask(broker, subscriber, Planned(202, reply(unwanted), b"{}"))
    subscriber.wait("/asked", first)
    # What follows on the same way has arrived, and then another one: the first would have by now.
    for later in (wanted, event("conformance.replied")):
        ask(broker, subscriber, Planned(200, reply(later), b"{}"))
        subscriber.wait("/replied", later["id"])
    assert subscriber.deliveries("/replied", unwanted["id"]) == []
    assert len(subscriber.deliveries("/asked", first)) == 1


@pytest.mark.parametrize("status", [400, 503])
def test_an_event_in_a_refusal_is_no_reply(broker: Broker, subscriber: Subscriber, status: int) -> None:
    """Data plane, table: an error is not "Accepted, event in reply"."""
    unwanted = event("conformance.replied")
    asked = ask(broker, subscriber, Planned(status, reply(unwanted), b"{}"))
    subscriber.wait("/dead", asked)
    later = event("conformance.replied")
    ask(broker, subscriber, Planned(200, reply(later), b"{}"))
    subscriber.wait("/replied", later["id"])
    assert subscriber.deliveries("/replied", unwanted["id"]) == []


@pytest.mark.promised_by(CHANNEL)
def test_replies_do_not_follow_one_another_for_ever(broker: Broker, subscriber: Subscriber) -> None:
    """Control plane, Content Based Routing: "Implementations MAY implement event-loop detection"; Knative's channel
    broker counts `knativebrokerttl` down from 255, which no subscriber sees."""
    chain = [event("conformance.asked") for _ in range(300)]
    for this, following in pairwise(chain):
        subscriber.plan("/asked", this["id"], Planned(200, reply(following), b"{}"))
    broker.accepts(chain[0])
    subscriber.wait("/asked", chain[250]["id"])
    # By the time that these have gone the same way, one after the other, the chain would have come to its last.
    for _ in range(50):
        later = event("conformance.replied")
        ask(broker, subscriber, Planned(200, reply(later), b"{}"))
        subscriber.wait("/replied", later["id"])
    came = [subscriber.deliveries("/asked", each["id"]) for each in chain]
    assert 250 < sum(map(len, came)) <= 256
    assert all("knativebrokerttl" not in one.attributes for each in came for one in each)


def test_an_event_in_the_dead_letter_sinks_answer(broker: Broker, subscriber: Subscriber) -> None:
    """OBSERVED-KAFKA, Delivery: "An event in the sink's 200 answer is published as a reply"; Knative's Go dispatcher
    drops it."""
    answer = event("conformance.replied")
    posted = event("conformance.asked")
    subscriber.plan("/asked", posted["id"], Planned(400))
    subscriber.plan("/dead", posted["id"], Planned(200, reply(answer), b"{}"))
    broker.accepts(posted)
    subscriber.wait("/dead", posted["id"])
    if broker.is_kafka:
        subscriber.wait("/replied", answer["id"])
    else:
        later = event("conformance.replied")
        ask(broker, subscriber, Planned(200, reply(later), b"{}"))
        subscriber.wait("/replied", later["id"])
        assert subscriber.deliveries("/replied", answer["id"]) == []
