"""What the log in Kafka promises beside the contract of all logs: it lies in Kafka as the Knative broker's does."""

import asyncio
import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,  # pyright: ignore[reportPrivateImportUsage] - documented to be here
)

from knative_local.admin import Admin
from knative_local.dispatcher import Dispatcher
from knative_local.filters import EVERYTHING
from knative_local.http_types import HttpRequest
from knative_local.log.kafka import KafkaEventLog
from knative_local.log.kafka_reader import KafkaReader
from knative_local.log.kafka_records import Header
from knative_local.log.kafka_topics import PARTITIONS, KafkaTopics
from knative_local.log.opening import LogOptions, kafka_servers, open_log
from knative_local.log.port import Failure, LogUnavailable, Record
from tests.running import free_port
from tests.unit.knative_local.eventing import FakeSubscribers, event, until


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
    stranger = Producer({"bootstrap.servers": kafka_address})
    stranger.produce(f"knative-broker-{namespace}-default", b"what is this?", partition=3)
    stranger.flush()
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


async def test_several_events_are_there_together_or_not_at_all(
    kafka_address: str, namespace: str, tmp_path: Path
) -> None:
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    broker = f"{namespace}/default"
    reader = log.reader(f"{namespace}/reader", broker, EVERYTHING, lambda: None)
    small = [event(f"small-{n}", partitionkey=f"van-{n}") for n in range(20)]
    bad = log.append(broker, [*small, event("large", data="x" * (1 << 20))])
    good = log.append(broker, [event(f"good-{n}", partitionkey=f"van-{n}") for n in range(20)])

    with pytest.raises(LogUnavailable, match="too large"):
        await bad
    await good

    expected = {f"good-{n}" for n in range(20)}
    assert {record.event.attributes["id"] for record in log.read(broker, 0, 100)} == expected
    await until(lambda: reader.ready == 20 and reader.backlog == 20)
    assert {record.event.attributes["id"] for record in reader.take(100, 1 << 20)} == expected
    log.close()


async def test_of_batches_written_together_only_the_one_that_kafka_does_not_take_is_refused(
    kafka_address: str, namespace: str, tmp_path: Path
) -> None:
    """Kafka says of a transaction that something in it is too large, not what."""
    admin = AdminClient({"bootstrap.servers": kafka_address})
    topic = NewTopic(f"knative-broker-{namespace}-default", PARTITIONS, 1, config={"max.message.bytes": "20000"})
    admin.create_topics([topic])[topic.topic].result()
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    broker = f"{namespace}/default"
    batches = [[event(f"{batch}-{n}", partitionkey="one", data="x") for n in range(5)] for batch in range(3)]
    batches[1][3] = event("large", partitionkey="one", data="x" * 30_000)
    appended = [log.append(broker, batch) for batch in batches]

    with pytest.raises(LogUnavailable, match="too large"):
        await appended[1]
    await asyncio.gather(appended[0], appended[2])
    expected = [f"{batch}-{n}" for batch in (0, 2) for n in range(5)]
    assert [record.event.attributes["id"] for record in log.read(broker, 0, 100)] == expected
    log.close()


async def test_events_that_lie_between_those_of_a_batch_are_not_taken_for_them(
    kafka_address: str, namespace: str, tmp_path: Path
) -> None:
    """Two nodes write to one partition at once, in transactions of more than one request each."""
    broker = f"{namespace}/default"
    logs = [KafkaEventLog.open(kafka_address, tmp_path / name / "log.db") for name in ("one", "two")]
    readers = [
        log.reader(f"{namespace}/{name}", broker, EVERYTHING, lambda: None)
        for log, name in zip(logs, ("one", "two"), strict=True)
    ]
    batches = [[event(f"{n}-{m}", partitionkey="same", data="x" * 100_000) for m in range(40)] for n in range(6)]
    await asyncio.gather(*(logs[n % 2].append(broker, batch) for n, batch in enumerate(batches)))

    read: list[list[Record]] = [[], []]
    for records, reader in zip(read, readers, strict=True):
        while len(records) < 240:
            records.extend(reader.take(1_000, 1 << 30))
            await asyncio.sleep(0.001)
    of_each = [{record.offset: record.event.attributes["id"] for record in records} for records in read]
    assert of_each[0] == of_each[1]
    assert sorted(of_each[0].values()) == sorted(f"{n}-{m}" for n in range(6) for m in range(40))
    for batch in range(6):
        own = [found for found in of_each[0].values() if found.startswith(f"{batch}-")]
        assert own == [f"{batch}-{m}" for m in range(40)]
    for log in logs:
        log.close()


async def test_what_a_killed_process_wrote_in_part_is_not_there_and_holds_up_nobody(
    kafka_address: str, namespace: str, tmp_path: Path
) -> None:
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    broker = f"{namespace}/default"
    log.reader(f"{namespace}/reader", broker, EVERYTHING, lambda: None)
    await log.append(broker, [event("1"), event("2")])
    settings = log._transactions.lines[0].settings
    log.close()
    # As the process leaves it that dies between two events: its transaction is never ended.
    dead = Producer({**settings, "linger.ms": 0})
    dead.init_transactions()
    dead.begin_transaction()
    for number in range(PARTITIONS):
        dead.produce(f"knative-broker-{namespace}-default", b"{}", partition=number)
    dead.poll(1)
    dead.purge()

    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    await until(lambda: log._transactions.lines[0].is_ready)
    reader = log.reader(f"{namespace}/reader", broker, EVERYTHING, lambda: None)
    await log.append(broker, [event("3"), event("4")])
    await until(lambda: reader.ready == 4)
    assert {record.event.attributes["id"] for record in log.read(broker, 0, 100)} == {"1", "2", "3", "4"}
    log.close()


async def test_what_others_wrote_is_read_page_by_page_and_once(
    kafka_address: str, namespace: str, tmp_path: Path
) -> None:
    """Far more than one page, in some partitions more than in others, with transactions and without."""
    log = KafkaEventLog.open(kafka_address, tmp_path / "one" / "log.db")
    broker = f"{namespace}/default"
    keys = ["busy" if n % 3 else f"van-{n % 50}" for n in range(3_000)]
    events = [event(str(n), partitionkey=key) for n, key in enumerate(keys)]
    await asyncio.gather(
        *(log.append(broker, events[n : n + 100]) for n in range(0, 2_500, 100)),
        *(log.append(broker, [each]) for each in events[2_500:]),
    )
    log.end(broker)  # which waits until all that is committed can be read
    log.close()

    other = KafkaEventLog.open(kafka_address, tmp_path / "other" / "log.db")
    end = other.end(broker)
    newest = other.read(broker, end - 20, 1_000)
    assert 0 < len(newest) <= 20
    assert newest[-1].offset == end
    pages: list[Record] = []
    while more := other.read(broker, pages[-1].offset if pages else 0, 170):
        pages += more
    assert [record.offset for record in pages] == sorted({record.offset for record in pages})
    assert pages[-1].offset == end
    assert sorted(int(record.event.attributes["id"]) for record in pages) == list(range(3_000))
    assert other.read(broker, end, 10) == []

    stranger = Producer({"bootstrap.servers": kafka_address})
    headers: list[Header] = [("ce_specversion", b"1.0"), ("ce_id", b"new"), ("ce_source", b"/else"), ("ce_type", b"t")]
    stranger.produce(f"knative-broker-{namespace}-default", b"", headers=headers)
    stranger.flush()
    assert [record.event.attributes["id"] for record in other.read(broker, end, 10)] == ["new"]
    assert other.end(broker) > end
    other.close()


async def test_who_looks_at_events_holds_up_nobody(
    kafka_address: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = threading.Event(), threading.Event()
    bounds = KafkaTopics.bounds

    def slow_bounds(topics: KafkaTopics, topic: str) -> dict[int, tuple[int, int]]:
        asked.set()
        answered.wait(10)
        return bounds(topics, topic)

    monkeypatch.setattr(KafkaTopics, "bounds", slow_bounds)
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    broker = f"{namespace}/default"
    admin = Admin(log, Dispatcher([], log, FakeSubscribers()), [broker])
    await log.append(broker, [event("1")])
    looking = asyncio.create_task(admin.answer(HttpRequest("GET", "/events?after=0&wait=30")))
    await until(asked.is_set)
    await log.append(broker, [event("2")])  # while Kafka has not answered

    assert not looking.done()
    answered.set()
    answer = await looking
    assert answer is not None
    assert {each["event"]["id"] for each in json.loads(answer.body)["events"]} == {"1", "2"}
    log.close()


async def test_two_nodes_share_a_triggers_partitions_and_one_takes_over_what_the_other_has_not_done(
    kafka_address: str, namespace: str, tmp_path: Path
) -> None:
    broker, trigger = f"{namespace}/default", f"{namespace}/reader"
    logs = [KafkaEventLog.open(kafka_address, tmp_path / name / "log.db") for name in ("one", "two")]
    one, two = (log.reader(trigger, broker, EVERYTHING, lambda: None) for log in logs)
    assert isinstance(one, KafkaReader)
    assert isinstance(two, KafkaReader)
    await until(lambda: len(one._partitions) == len(two._partitions) == PARTITIONS // 2)
    first = [event(str(n), partitionkey=f"van-{n}") for n in range(200)]
    await logs[0].append(broker, first)
    await until(lambda: one.ready + two.ready == 200)
    taken = [one.take(1_000, 1 << 20), two.take(1_000, 1 << 20)]
    of_each = [{record.event.attributes["id"] for record in records} for records in taken]
    assert all(of_each)
    assert of_each[0].isdisjoint(of_each[1])

    # One is through with its part, the other with none of it, and then goes.
    one.finish(taken[0])
    logs[0].commit()
    two.close()
    await until(lambda: len(one._partitions) == PARTITIONS and one.ready == len(of_each[1]))
    again = one.take(1_000, 1 << 20)
    assert {record.event.attributes["id"] for record in again} == of_each[1]
    one.finish(again)
    await until(lambda: one.backlog == 0)
    for log in logs:
        log.close()


async def test_a_reader_that_waits_for_a_busy_trigger_stays_in_its_group(
    kafka_address: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knative_local.log.kafka_reader._PATIENCE_S", 0.0)
    monkeypatch.setattr("knative_local.log.kafka_reader.MOST_READY", 100)
    broker = f"{namespace}/default"
    log = KafkaEventLog.open(kafka_address, tmp_path / "log.db")
    reader = log.reader(f"{namespace}/reader", broker, EVERYTHING, lambda: None)
    assert isinstance(reader, KafkaReader)
    for begin in range(0, 6_000, 1_000):
        await log.append(broker, [event(str(n), partitionkey=f"van-{n}") for n in range(begin, begin + 1_000)])
    await until(lambda: reader.waits)
    assert reader.ready < 6_000

    other = KafkaEventLog.open(kafka_address, tmp_path / "other" / "log.db")
    second = other.reader(f"{namespace}/reader", broker, EVERYTHING, lambda: None)
    assert isinstance(second, KafkaReader)
    await until(lambda: len(second._partitions) == PARTITIONS // 2 == len(reader._partitions))
    ids: set[str] = set()
    while len(ids) < 6_000:
        await until(lambda: bool(reader.ready or second.ready))
        for each in (reader, second):
            records = each.take(1_000, 1 << 20)
            each.finish(records)
            ids |= {record.event.attributes["id"] for record in records}
    log.close()
    other.close()


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
