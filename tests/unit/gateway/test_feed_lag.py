"""How far the feed is behind, from what Kafka's client knows without asking."""

from typing import Any

from confluent_kafka import TopicPartition

from realtime_gateway.feeds.kafka import behind

UNREAD = -1001
"""The client's word for a position before the first event."""


class Client:
    """Kafka's client with partitions by number: (position, end)."""

    def __init__(self, partitions: dict[int, tuple[int, int]]) -> None:
        self.partitions = partitions

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition("t", each.partition, self.partitions[each.partition][0]) for each in partitions]

    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int]:
        assert cached, "nobody is asked"
        return 0, self.partitions[partition.partition][1]


def test_what_was_not_read_of_each_partition_counts_from_where_the_feed_began() -> None:
    client: Any = Client({0: (7, 10), 1: (UNREAD, 25), 2: (4, 4), 3: (UNREAD, UNREAD)})
    assert behind(client, "t", {0: 5, 1: 20, 2: 0, 3: 0}) == 3 + 5
