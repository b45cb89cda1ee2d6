"""Topics and consumer groups in Kafka: named and made as the Knative Kafka broker does, asked for and deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import (
    Consumer,
    IsolationLevel,  # pyright: ignore[reportPrivateImportUsage] - documented to be here
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,  # pyright: ignore[reportPrivateImportUsage] - documented to be here
    OffsetSpec,  # pyright: ignore[reportPrivateImportUsage] - documented to be here
)

from knative_local.log.port import LogUnavailable
from knative_local.log.retention import Retention

PARTITIONS = 10
_ANSWER_S = 10.0
# A cluster that has just begun makes its own topics first.
_READY_S = 30.0
# For people, who ask again.
_SHORT_ANSWER_S = 2.0
_AGAIN_S = 0.05
# What a cluster answers while a topic or a coordinator is on its way.
_NOT_YET = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
# Who is in the group already stores what it has begun with.
_OTHERS_READ = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS)
# A group that is not there, or that another program reads as.
_NOTHING_TO_FORGET = (KafkaError.GROUP_ID_NOT_FOUND, KafkaError.NON_EMPTY_GROUP)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KafkaNames:
    """How topics and groups are named, from `namespace` and `name`: as Knative does, where nothing else is said.

    Knative's groups of a channel end in the Subscription's UID, which there is none of here.
    """

    topics: str = "knative-broker-{namespace}-{name}"
    groups: str = "knative-trigger-{namespace}-{name}"
    channel_topics: str = "knative-messaging-kafka.{namespace}.{name}"
    subscription_groups: str = "kafka.{namespace}.{name}"

    def topic(self, broker: str) -> str:
        """The topic of a Broker, or of a channel."""
        return _named(self.topics, self.channel_topics, broker)

    def group(self, trigger: str) -> str:
        """The consumer group of a Trigger, or of a Subscription."""
        return _named(self.groups, self.subscription_groups, trigger)


def _named(template: str, template_of_channels: str, key: str) -> str:
    """`key` is `<namespace>/<name>`, and of what belongs to channels has a word before it."""
    *kind, namespace, name = key.split("/")
    return (template_of_channels if kind else template).format(namespace=namespace, name=name)


class KafkaTopics:
    """Asks the cluster, and waits for its answers. All of it raises LogUnavailable."""

    def __init__(self, servers: str, settings: Mapping[str, Any], retention: Retention) -> None:
        self._servers = servers
        self._settings = {**settings, "bootstrap.servers": servers}
        # Its annotations leave out what the futures hold.
        self._admin: Any = AdminClient(self._settings)
        self._retention = retention

    def check(self) -> None:
        """See that the cluster is there."""
        try:
            self._admin.list_topics(timeout=_ANSWER_S)
        except KafkaException as error:
            raise LogUnavailable(
                f"no Kafka answers at {self._servers} ({error.args[0].str()}): start it first"
            ) from error

    def ensure(self, topic: str) -> None:
        """Make the topic unless it is there."""
        size = str(self._retention.bytes // PARTITIONS)
        kept = {"retention.ms": str(self._retention.age_ms), "retention.bytes": size}
        made = self._admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS, config=kept)])
        _answers(made, besides=(KafkaError.TOPIC_ALREADY_EXISTS,))

    def ends(self, topic: str) -> dict[int, int]:
        """By partition, the offset behind the newest record. Waits for a topic that was made just now."""
        return _patiently(lambda: self._ends(topic))

    def _ends(self, topic: str) -> dict[int, int]:
        described = self._admin.list_topics(topic, timeout=_ANSWER_S).topics[topic]
        if described.error is not None or not described.partitions:  # told so, and not raised
            raise KafkaException(described.error or KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
        newest = {TopicPartition(topic, number): OffsetSpec.latest() for number in described.partitions}
        found = self._admin.list_offsets(newest)
        return {partition.partition: answer.result(_ANSWER_S).offset for partition, answer in found.items()}

    def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """By partition, the first offset and that behind the last that is committed; nothing if it is not there."""
        try:
            described = self._admin.list_topics(topic, timeout=_SHORT_ANSWER_S).topics[topic]
            if described.error is not None:
                return {}
            places = [TopicPartition(topic, number) for number in described.partitions]
            first, end = (
                self._admin.list_offsets(
                    dict.fromkeys(places, spec),
                    isolation_level=IsolationLevel.READ_COMMITTED,
                    request_timeout=_SHORT_ANSWER_S,
                )
                for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
            )
            return {place.partition: (first[place].result().offset, end[place].result().offset) for place in places}
        except KafkaException as error:
            raise _unavailable(error) from error

    def begin(self, group: str, topic: str, ends: Mapping[int, int]) -> dict[int, int]:
        """By partition, where the group goes on: where it has stored nothing yet at the end, which is stored then."""
        # A consumer's way: the admin client of librdkafka 2.16 crashes on a coordinator that is not ready.
        consumer = Consumer({**self._settings, "group.id": group, "enable.auto.commit": False})
        try:
            stored = _patiently(
                lambda: consumer.committed([TopicPartition(topic, number) for number in ends], timeout=_ANSWER_S)
            )
            begin = {each.partition: each.offset for each in stored if each.offset >= 0}
            new = [TopicPartition(topic, number, end) for number, end in ends.items() if number not in begin]
            if new:
                _patiently(lambda: _commit(consumer, new))
        finally:
            consumer.close()
        return begin | {each.partition: each.offset for each in new}

    def forget(self, groups: Sequence[str]) -> None:
        """Delete groups, with what they have stored."""
        if groups:
            _answers(self._admin.delete_consumer_groups(groups), besides=_NOTHING_TO_FORGET)


def _commit(consumer: Consumer, offsets: list[TopicPartition]) -> None:
    try:
        consumer.commit(offsets=offsets, asynchronous=False)
    except KafkaException as error:
        if _code(error) not in _OTHERS_READ:
            raise


def _answers(asked: Mapping[Any, Future[Any]], besides: Sequence[int]) -> None:
    """Wait for all of them; refusals with the codes `besides` are none."""
    for answer in asked.values():
        try:
            answer.result(_ANSWER_S)
        except (KafkaException, TimeoutError) as error:
            if _code(error) not in besides:
                raise _unavailable(error) from error


def _patiently(ask: Callable[[], T]) -> T:
    """Ask until Kafka is ready to answer."""
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            return ask()
        except (KafkaException, TimeoutError) as error:
            if time.monotonic() > deadline or _code(error) not in _NOT_YET:
                raise _unavailable(error) from error
        # The log has to be open before anything else begins, and Kafka tells nobody when it is ready.
        time.sleep(_AGAIN_S)


def _code(error: Exception) -> int | None:
    return error.args[0].code() if isinstance(error, KafkaException) else None


def _unavailable(error: Exception) -> LogUnavailable:
    reason = error.args[0].str() if isinstance(error, KafkaException) else "no answer in time"
    return LogUnavailable(f"Kafka does not answer as it should: {reason}")
