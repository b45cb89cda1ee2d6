"""How far the feed is behind, from what Kafka's client knows without asking."""

from confluent_kafka import KafkaException, TopicPartition

from realtime_gateway.feeds.kafka import KafkaFeed, KafkaTopic

UNREAD = -1001
"""The client's word for a position before the first event."""


class Client:
    """Kafka's client with partitions by number: (position, end)."""

    def __init__(self, partitions: dict[int, tuple[int, int]]) -> None:
        self.partitions = partitions

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition("t", number) for number in self.partitions]

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition("t", each.partition, self.partitions[each.partition][0]) for each in partitions]

    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int]:
        assert cached, "nobody is asked"
        return 0, self.partitions[partition.partition][1]


def feed(client: object, begun: dict[int, int]) -> KafkaFeed:
    made = KafkaFeed(KafkaTopic("127.0.0.1:1", "t", "g"), lambda _: None)
    vars(made).update(_consumer=client, _begun=begun)
    return made


def test_what_was_not_read_of_each_partition_counts_from_where_the_feed_began() -> None:
    client = Client({0: (7, 10), 1: (UNREAD, 25), 2: (4, 4), 3: (UNREAD, UNREAD)})
    assert feed(client, {0: 5, 1: 20, 2: 0, 3: 0}).lag() == 3 + 5


def test_a_feed_that_has_not_begun_or_has_ended_is_not_behind() -> None:
    class Closed(Client):
        def assignment(self) -> list[TopicPartition]:
            raise RuntimeError("consumer is closed")

    class Failing(Client):
        def assignment(self) -> list[TopicPartition]:
            raise KafkaException("no such state")

    assert feed(None, {}).lag() == 0
    assert feed(Closed({}), {}).lag() == 0
    assert feed(Failing({}), {}).lag() == 0
