"""Channels, Subscriptions, Sequences and Parallels: what the manifests make of them."""

import pytest

from knative_local.broker_classes import IN_MEMORY_CHANNEL
from knative_local.model import Delivery, Destination, Ref, Trigger
from tests.unit.knative_local.manifest_texts import SERVICE, Read, errors_of

PERSIST = "ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: persist}"
CHANNEL = """
apiVersion: messaging.knative.dev/v1
kind: Channel
metadata: {name: orders, namespace: town}
spec:
  channelTemplate: {apiVersion: messaging.knative.dev/v1, kind: InMemoryChannel, spec: {delivery: {retry: 7}}}
"""
SUBSCRIPTION = f"""
apiVersion: messaging.knative.dev/v1
kind: Subscription
metadata: {{name: billing, namespace: town}}
spec:
  channel: {{apiVersion: messaging.knative.dev/v1, kind: Channel, name: orders}}
  subscriber: {{{PERSIST}}}
"""
SEQUENCE = f"""
apiVersion: flows.knative.dev/v1
kind: Sequence
metadata: {{name: steps, namespace: town}}
spec:
  channelTemplate: {{apiVersion: messaging.knative.dev/v1, kind: InMemoryChannel}}
  steps:
    - {PERSIST}
    - uri: http://127.0.0.1:9/second
      delivery: {{retry: 2}}
  reply: {{uri: "http://127.0.0.1:9/end"}}
"""
PARALLEL = f"""
apiVersion: flows.knative.dev/v1
kind: Parallel
metadata: {{name: fork, namespace: town}}
spec:
  branches:
    - filter: {{uri: "http://127.0.0.1:9/filter"}}
      subscriber: {{{PERSIST}}}
      reply: {{uri: "http://127.0.0.1:9/own"}}
    - subscriber: {{uri: "http://127.0.0.1:9/second"}}
      delivery: {{retry: 2}}
  reply: {{uri: "http://127.0.0.1:9/all"}}
"""


def channel(name: str) -> Destination:
    return Destination(Ref("InMemoryChannel", "town", name, "messaging.knative.dev/v1"))


def uri(path: str) -> Destination:
    return Destination(uri=f"http://127.0.0.1:9/{path}")


SERVICE_PERSIST = Destination(Ref("Service", "town", "persist", "serving.knative.dev/v1"))


def seen(subscription: Trigger) -> tuple[str, str, Destination, Destination | None]:
    return subscription.key, subscription.broker_key, subscription.subscriber, subscription.reply


def test_a_subscription_takes_its_channels_delivery_unless_it_has_its_own(read: Read) -> None:
    own = SUBSCRIPTION.replace("billing", "own") + "  delivery: {backoffDelay: PT1S}\n"

    first, second = read(CHANNEL, SUBSCRIPTION, own, SERVICE).triggers

    assert seen(first) == ("subscription/town/billing", "channel/town/orders", SERVICE_PERSIST, None)
    assert first.delivery == Delivery(retry=7)
    assert second.delivery == Delivery(backoff_delay=1.0)
    assert first.broker_class == IN_MEMORY_CHANNEL


def test_a_channel_lends_its_dead_letter_sink_to_a_subscription_whose_delivery_has_none(read: Read) -> None:
    sink = Destination(uri="http://127.0.0.1:9")
    channel = CHANNEL + "  delivery: {retry: 1, deadLetterSink: {uri: 'http://127.0.0.1:9'}}\n"
    own = SUBSCRIPTION + "  delivery: {retry: 2}\n"

    assert read(channel, own, SERVICE).triggers[0].delivery == Delivery(retry=2, dead_letter_sink=sink)


def test_a_channels_own_delivery_stands_before_its_templates(read: Read) -> None:
    (made,) = read(CHANNEL + "  delivery: {retry: 1}\n").channels

    assert (made.key, made.delivery) == ("channel/town/orders", Delivery(retry=1))


def test_without_any_delivery_there_is_one_attempt(read: Read) -> None:
    bare = "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\nmetadata: {name: orders, namespace: town}\n"
    asked = SUBSCRIPTION.replace("kind: Channel", "kind: InMemoryChannel")

    assert read(bare, asked, SERVICE).triggers[0].delivery == Delivery()
    assert read(CHANNEL, asked, SERVICE).triggers[0].delivery == Delivery(retry=7)  # the one that backs the Channel


def test_without_a_subscriber_events_go_to_the_reply_as_they_are(read: Read) -> None:
    """SubscriptionSpec: "no-op function (identity transformation): channel --> reply"."""
    (passed_on,) = read(CHANNEL, SUBSCRIPTION.replace("subscriber:", "reply:"), SERVICE).triggers

    assert seen(passed_on)[2:] == (SERVICE_PERSIST, None)


def test_a_sequence_is_a_channel_before_each_step(read: Read) -> None:
    """As Knative's controller names and links them."""
    manifests = read(SEQUENCE, SERVICE)

    assert [each.key for each in manifests.channels] == [
        "channel/town/steps-kn-sequence-0",
        "channel/town/steps-kn-sequence-1",
    ]
    assert [seen(each) for each in manifests.triggers] == [
        (
            "subscription/town/steps-kn-sequence-0",
            "channel/town/steps-kn-sequence-0",
            SERVICE_PERSIST,
            channel("steps-kn-sequence-1"),
        ),
        ("subscription/town/steps-kn-sequence-1", "channel/town/steps-kn-sequence-1", uri("second"), uri("end")),
    ]
    assert [each.delivery.retry for each in manifests.triggers] == [0, 2]
    assert [(each.kind, each.channel) for each in manifests.flows] == [("Sequence", "channel/town/steps-kn-sequence-0")]


def test_a_parallel_is_a_channel_for_all_and_one_behind_each_filter(read: Read) -> None:
    """As Knative's controller: without a filter the branch's channel is the subscriber, else it takes the replies."""
    manifests = read(PARALLEL, SERVICE)

    entry = "channel/town/fork-kn-parallel"
    assert [each.key for each in manifests.channels] == [entry, f"{entry}-0", f"{entry}-1"]
    assert [seen(each) for each in manifests.triggers] == [
        ("subscription/town/fork-kn-parallel-filter-0", entry, uri("filter"), channel("fork-kn-parallel-0")),
        ("subscription/town/fork-kn-parallel-0", f"{entry}-0", SERVICE_PERSIST, uri("own")),
        ("subscription/town/fork-kn-parallel-filter-1", entry, channel("fork-kn-parallel-1"), None),
        ("subscription/town/fork-kn-parallel-1", f"{entry}-1", uri("second"), uri("all")),
    ]
    assert [each.delivery.retry for each in manifests.triggers] == [0, 0, 0, 2]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            SUBSCRIPTION.replace("name: orders", "name: other"),
            "spec.channel names Channel town/other, which is",
        ),
        (SUBSCRIPTION.replace("kind: Channel", "kind: KafkaChannel"), "is Channel or InMemoryChannel here"),
        (SUBSCRIPTION.replace("subscriber:", "subscribe:"), "spec needs subscriber or reply"),
        (SUBSCRIPTION.replace("persist", "nobody"), "there is no Knative Service town/nobody"),
        (SEQUENCE.replace("InMemoryChannel", "KafkaChannel"), "spec.channelTemplate.kind is InMemoryChannel here"),
        (
            SEQUENCE.replace("uri: http://127.0.0.1:9/second", "uri: /second"),
            "spec.steps[1] has no ref, so uri is a",
        ),
        (PARALLEL.replace("subscriber: {uri", "subscribers: {uri"), "spec.branches[1].subscriber is missing"),
        (CHANNEL + "  subscribers: []", "spec.subscribers is filled in by Knative; write Subscriptions"),
        (
            SEQUENCE + "---" + CHANNEL.replace("orders", "steps-kn-sequence-1"),
            "the channel steps-kn-sequence-1 is there already, from town.yaml:1",
        ),
    ],
)
def test_mistakes(read: Read, text: str, error: str) -> None:
    found = errors_of(read, text, *([CHANNEL] if "kind: Subscription" in text else []), SERVICE)

    assert any(error in each for each in found), found
