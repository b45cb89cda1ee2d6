"""Where Knative's classes of Broker, and its channels, differ in what can be seen from outside, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

CLASS_ANNOTATION: Final = "eventing.knative.dev/broker.class"


@dataclass(frozen=True, slots=True)
class BrokerClass:
    """How Brokers of one class behave.

    `ingress`: the host, without a cluster's domain, at which events for them are taken.
    `bad_reply`: a 2xx whose body is no event is a failure that is final at once, one that is retried, or a success
    without a reply.
    `first_wait_number`: what stands for n before the first retry in `delay * n` (linear) and `delay * 2^n`
    (exponential); it grows by one with each retry.
    `error_data_bytes`: how much of an answer's body goes into `knativeerrordata`.
    `tells_empty_answers`: whether `knativeerrordata` is there, and empty, when an answer's body was.
    `no_answer_code`: the `knativeerrorcode` of a delivery without an answer (`knativeerrordata` then says why), or
    None for neither.
    `explains_timeouts`, `explains_bad_replies`: whether dead letters for these reasons carry `knativeerrordest`.
    `extensions_from_answers`: whether a refusal's `Kne-Foo: bar` header becomes the dead letter's extension `foo`.
    `lends_sink`: whether a Trigger whose own `delivery` names no dead letter sink has its Broker's.
    `publishes_sink_replies`: whether an event in the dead letter sink's answer enters the Broker.
    `adds_arrival_time`: whether the ingress adds `knativearrivaltime`.
    `adds_position`: whether deliveries carry `knativekafkapartition` and `knativekafkaoffset`.
    `orders`: whether `kafka.eventing.knative.dev/delivery.order` means anything.
    `empty_is_present`: whether an empty value in `filter.attributes` asks that the attribute is there, or for nothing.
    `most_hops`: how many replies in a row an event may cause before its next one is refused, or None for no bound.
    """

    name: str
    ingress: str
    bad_reply: Literal["final", "retried", "passed over"]
    first_wait_number: int
    error_data_bytes: int
    tells_empty_answers: bool
    no_answer_code: int | None
    explains_timeouts: bool
    explains_bad_replies: bool
    extensions_from_answers: bool
    lends_sink: bool
    publishes_sink_replies: bool
    adds_arrival_time: bool
    adds_position: bool
    orders: bool
    empty_is_present: bool
    most_hops: int | None


KAFKA: Final = BrokerClass(
    name="Kafka",
    ingress="kafka-broker-ingress.knative-eventing",
    bad_reply="final",
    first_wait_number=1,
    error_data_bytes=1_024,
    tells_empty_answers=False,
    no_answer_code=None,
    explains_timeouts=True,
    explains_bad_replies=True,
    extensions_from_answers=True,
    lends_sink=False,
    publishes_sink_replies=True,
    adds_arrival_time=False,
    adds_position=True,
    orders=True,
    empty_is_present=False,
    most_hops=None,
)
CHANNEL: Final = BrokerClass(
    name="MTChannelBasedBroker",
    ingress="broker-ingress.knative-eventing",
    bad_reply="retried",
    first_wait_number=0,
    error_data_bytes=768,  # 1,024 characters of base64
    tells_empty_answers=True,
    no_answer_code=500,
    explains_timeouts=False,
    explains_bad_replies=False,
    extensions_from_answers=False,
    lends_sink=True,
    publishes_sink_replies=False,
    adds_arrival_time=True,
    adds_position=False,
    orders=False,
    empty_is_present=True,
    most_hops=255,
)
IN_MEMORY_CHANNEL: Final = replace(
    CHANNEL,
    name="InMemoryChannel",
    bad_reply="passed over",
    explains_timeouts=True,
    explains_bad_replies=True,
    adds_arrival_time=False,
    most_hops=None,
)
"""What a Subscription sees: no Broker, but the same questions."""

BROKER_CLASSES: Final = {each.name: each for each in (KAFKA, CHANNEL)}
"""By the value of the Broker's annotation; a Broker without it is of class Kafka here."""
