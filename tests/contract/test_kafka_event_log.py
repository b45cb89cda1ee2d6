"""What the log in Kafka promises beside the contract of all logs: it lies in Kafka as the Knative broker's does."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from knative_local.filters import EVERYTHING
from knative_local.log.kafka import KafkaEventLog
from knative_local.log.kafka_topics import PARTITIONS
from knative_local.log.opening import LogOptions, kafka_servers, open_log
from knative_local.log.port import Failure, LogUnavailable, Record
from tests.running import free_port
from tests.unit.knative_local.eventing import event, until


@pytest.fixture
def namespace() -> str:
    """One that no other test uses, as all share the cluster."""
    return f"n{uuid.uuid4().hex}"


@pytest.fixture
def consumer(kafka_address: str, namespace: str) -> Iterator[Consumer]:
    """Another program that reads as the group of the Trigger `reader`, as Knative's dispatcher would."""
    group = f"knative-trigger-{namespace}-reader"
    consumer = Consumer({"bootstrap.servers": kafka_address, "group.id": group, "enable.auto.commit": False})
    yield consumer
    consumer.close()


def partitions(namespace: str) -> list[TopicPartition]:
    return [TopicPartition(f"knative-broker-{namespace}-default", number, 0) for number in range(PARTITIONS)]


async def test_events_lie_where_the_knative_broker_has_them(
    kafka_address: str, namespace: str, consumer: Consumer, tmp_path: Path
) -> None:
    """OBSERVED-KAFKA.md: topic knative-broker-<namespace>-<name>, 10 partitions; key = partitionkey; binary mode."""
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    keys = [f"van-{number}" for number in range(30)]
    await log.append(f"{namespace}/default", [event(key, partitionkey=key, data={"x": 1}) for key in keys])
    log.close()

    consumer.assign(partitions(namespace))
    messages: list[Message] = []
    while len(messages) < len(keys):
        messages += consumer.consume(len(keys), 1)
    assert sorted(str((message.key() or b"").decode()) for message in messages) == sorted(keys)
    found = {message.key(): message for message in messages}
    assert found[b"van-7"].value() == b'{"x":1}'
    assert found[b"van-7"].headers() == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"van-7"),
        ("ce_source", b"/tests"),
        ("ce_type", b"test.happened"),
        ("content-type", b"application/json"),
        ("ce_partitionkey", b"van-7"),
    ]
    # Java's partitioner (murmur2), which Knative's receiver uses; from Kafka's own client: toPositive(murmur2) % 10.
    assert {key: found[key].partition() for key in (b"van-0", b"van-1", b"van-2")} == {
        key: _murmur2(key) % PARTITIONS for key in (b"van-0", b"van-1", b"van-2")
    }


def _murmur2(data: bytes) -> int:
    """org.apache.kafka.common.utils.Utils.murmur2, made positive."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    for at in range(0, len(data) - len(data) % 4, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    rest = data[len(data) - len(data) % 4 :]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


async def test_what_is_stored_stays_before_the_oldest_open_event_of_a_partition(
    kafka_address: str, namespace: str, consumer: Consumer, tmp_path: Path
) -> None:
    """OBSERVED-KAFKA.md, Dispatcher: commit of the first unfinished record; group knative-trigger-<namespace>-…"""
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    reader = log.reader(f"{namespace}/reader", f"{namespace}/default", EVERYTHING, lambda: None)
    await log.append(f"{namespace}/default", [event(str(n), partitionkey="one") for n in range(5)])
    await until(lambda: reader.ready == 5)
    records = reader.take(5, 1 << 20)
    reader.finish([*records[:2], records[3]])
    log.commit()

    def stored() -> set[int]:
        return {each.offset for each in consumer.committed(partitions(namespace), timeout=5)} - {0}

    await until(lambda: stored() == {2})
    log.close()
    assert {record.partition for record in records} == {records[0].partition}


async def test_a_record_that_is_no_event_holds_up_nobody(
    kafka_address: str, namespace: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    reader = log.reader(f"{namespace}/reader", f"{namespace}/default", EVERYTHING, lambda: None)
    log._producer.produce(f"knative-broker-{namespace}-default", b"what is this?", partition=3)
    await log.append(f"{namespace}/default", [event("1")])

    await until(lambda: reader.ready == 1 and "is no event and is passed over" in caplog.text)
    assert [record.event.attributes["id"] for record in reader.take(10, 1 << 20)] == ["1"]
    log.close()


async def test_dead_letters_of_the_same_offset_in_two_partitions_are_two(kafka_address: str, tmp_path: Path) -> None:
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    for partition in (0, 4):
        record = Record(7, 5, event(str(partition)), partition)
        log.bury("t/x", record, "http://x", Failure("no"), attempts=1, delivered_to_sink=False)
    letters = log.dead_letters()
    log.close()

    assert [(letter.offset, letter.partition) for letter in letters] == [(7, 4), (7, 0)]


async def test_an_event_that_is_too_large_is_refused_and_its_neighbour_is_not(
    kafka_address: str, namespace: str, tmp_path: Path
) -> None:
    """OBSERVED-KAFKA.md, Receiver: a body of 1 MiB and more is 503."""
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    broker = f"{namespace}/default"
    large, small = log.append(broker, [event("large", data="x" * (1 << 20))]), log.append(broker, [event("small")])
    await small
    with pytest.raises(LogUnavailable, match="too large"):
        await large
    assert [record.event.attributes["id"] for record in log.read(broker, 0, 10)] == ["small"]
    log.close()


async def test_no_kafka_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knative_local.log.kafka_topics._ANSWER_S", 0.2)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(LogUnavailable, match=f"no Kafka answers at {address}"):
        open_log(tmp_path, LogOptions(address))
    assert asyncio.get_running_loop().is_running()
    open_log(tmp_path, LogOptions()).close()  # and the file is free again


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("kafka://127.0.0.1:9092", "127.0.0.1:9092"),
        ("kafka://a:1,b:2/", "a:1,b:2"),
        ("kafka://a", None),
        ("kafka://", None),
        ("127.0.0.1:9092", None),
        ("http://a:1", None),
    ],
)
def test_addresses(url: str, servers: str | None) -> None:
    assert kafka_servers(url) == servers
