"""Topics and groups of the log in Kafka: named as Knative names them, and legal in Kafka."""

import re

from knative_local.log.kafka_topics import KafkaNames

NAMES = KafkaNames()


def test_a_brokers_topic_and_its_triggers_groups() -> None:
    """OBSERVED-KAFKA: topic `knative-broker-<namespace>-<name>`, group `knative-trigger-<namespace>-<name>`."""
    assert NAMES.topic("town/default") == "knative-broker-town-default"
    assert NAMES.group("town/persist") == "knative-trigger-town-persist"


def test_a_channels_topic_is_another_and_legal() -> None:
    """KafkaChannel's controller: `knative-messaging-kafka.<channel-namespace>.<channel-name>`."""
    topic = NAMES.topic("channel/town/default")

    assert topic == "knative-messaging-kafka.town.default"
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,249}", topic)
    assert NAMES.group("subscription/town/persist") == "kafka.town.persist"
