"""Where the events of a transaction lie is known from the first and the last of each partition, and never guessed."""

from dataclasses import dataclass

from confluent_kafka import KafkaError

from knative_local.log.kafka_recent import UNKNOWN
from knative_local.log.kafka_transactions import Placing
from knative_local.log.kafka_writing import Append
from tests.unit.knative_local.eventing import event


@dataclass
class Told:
    """What Kafka's client says of a record."""

    number: int
    at: int

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at


def appends(*sizes: int) -> list[Append]:
    return [Append("t/default", "topic", [event()] * size) for size in sizes]


async def test_of_each_partition_the_first_and_the_last_are_told_of() -> None:
    placing = Placing(appends(7), [3, 3, 1, 3, 1, 3, 0])

    assert placing.telling == {0, 5, 2, 4, 6}


async def test_what_lies_between_them_follows_in_order_over_all_appends() -> None:
    both = appends(4, 3)
    placing = Placing(both, [3, 3, 1, 3, 1, 3, 0])
    for told in (Told(1, 70), Told(3, 20), Told(3, 23), Told(0, 5), Told(1, 71)):
        placing.told(None, told)
    placing.place()

    assert [append.places for append in both] == [
        [(3, 20), (3, 21), (1, 70), (3, 22)],
        [(1, 71), (3, 23), (0, 5)],
    ]


async def test_where_something_of_others_lies_between_them_only_the_two_are_known() -> None:
    (append,) = appends(4)
    placing = Placing([append], [3, 3, 3, 3])
    placing.told(None, Told(3, 20))
    placing.told(None, Told(3, 24))
    placing.place()

    assert append.places == [(3, 20), (3, UNKNOWN), (3, UNKNOWN), (3, 24)]


async def test_nothing_has_a_place_when_something_could_not_be_written() -> None:
    (append,) = appends(3)
    placing = Placing([append], [3, 3, 1])
    placing.told(None, Told(3, 20))
    placing.told(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), Told(3, -1001))
    placing.place()

    assert {offset for _, offset in append.places} == {UNKNOWN}
