"""The gateway on the Broker's Kafka topic: it starts under load without a gap, and replicas of all share the load.

What is posted tells of vehicles; what is stored and what pages are shown has to tell of all of them, and nothing twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from realtime_gateway.feeds.kafka import FeedUnavailable, KafkaFeed, KafkaTopic
from tests.local import Local
from tests.running import ROOT, eventually, free_port
from tests.unit.gateway.facts import position
from tests.unit.gateway.serving import fact_event
from tests.unit.knative_local.eventing import until
from trackway.events import Event, PositionRecorded, TripStarted, event_of, to_kafka
from trackway.events.envelope import to_binary
from trackway.storage import open_store

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TENANT = "default"
BEGUN = datetime.now(UTC) - timedelta(hours=1)
PARTITIONS = 10
NOT_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE)
"""What a Kafka answers that has just started."""


# The feed alone -------------------------------------------------------------------------------------------------------


class Topic:
    """A Broker's topic of the test's own, and the group that stores its events."""

    def __init__(self, address: str) -> None:
        own = uuid.uuid4().hex
        self.where = KafkaTopic(address, f"broker-{own}", (f"persist-{own}", f"connect-{own}"))
        self.producer = Producer({"bootstrap.servers": address, "partitioner": "murmur2_random"})

    def make(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.where.servers})
        admin.create_topics([NewTopic(self.where.topic, PARTITIONS)])[self.where.topic].result(10)

    def write(self, events: Sequence[Event]) -> None:
        for event in events:
            key, headers, value = to_kafka(event)
            self.producer.produce(self.where.topic, value, key, headers=list(headers))
        self.producer.flush()

    def store_up_to_here(self, group: int = 0) -> None:
        """Who stores events, of that group, is through with all that are there."""
        settings = {"bootstrap.servers": self.where.servers, "group.id": self.where.stored_by[group]}
        consumer = Consumer(settings)
        ends = [TopicPartition(self.where.topic, number) for number in range(PARTITIONS)]
        for each in ends:
            each.offset = consumer.get_watermark_offsets(each, timeout=10)[1]

        def committed() -> bool:
            try:
                consumer.commit(offsets=ends, asynchronous=False)
            except KafkaException as error:
                if error.args[0].code() not in NOT_YET:
                    raise
                return False
            return True

        eventually(committed, what="the group's coordinator")
        consumer.close()


def some(begin: int, end: int) -> list[Event]:
    return [fact_event(position(f"van-{number}"), f"e-{number}") for number in range(begin, end)]


def ids(events: Sequence[Event]) -> set[str]:
    return {event.id for event in events}


async def test_the_feed_begins_where_the_stores_picture_ends(kafka_address: str) -> None:
    topic = Topic(kafka_address)
    topic.make()
    topic.write(some(0, 100))
    topic.store_up_to_here()
    topic.write(some(100, 160))
    taken: list[Event] = []

    feed = KafkaFeed(topic.where, taken.extend)
    place = await feed.locate()
    topic.write(some(160, 170))
    async with feed.running(place):
        assert ids(taken) >= ids(some(100, 160)), "what was there before anybody may watch"
        topic.write(some(170, 180))
        await until(lambda: ids(taken) == ids(some(100, 180)))
        await until(lambda: feed.lag == 0)
    assert len(taken) == 80


async def test_what_one_of_several_groups_has_not_stored_yet_is_read(kafka_address: str) -> None:
    topic = Topic(kafka_address)
    topic.make()
    topic.write(some(0, 100))
    topic.store_up_to_here(1)
    topic.write(some(100, 160))
    topic.store_up_to_here(0)
    taken: list[Event] = []
    feed = KafkaFeed(topic.where, taken.extend)
    async with feed.running(await feed.locate()):
        assert ids(taken) == ids(some(100, 160))


async def test_the_feed_waits_for_its_topic_and_passes_over_what_is_no_event(kafka_address: str) -> None:
    topic = Topic(kafka_address)
    taken: list[Event] = []
    feed = KafkaFeed(topic.where, taken.extend)
    locating = asyncio.create_task(feed.locate())
    await asyncio.to_thread(topic.make)
    async with feed.running(await locating):
        topic.producer.produce(topic.where.topic, b"what is this?")
        topic.write(some(0, 3))
        await until(lambda: ids(taken) == ids(some(0, 3)))


async def test_no_kafka_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime_gateway.feeds.kafka.ANSWER_S", 0.2)
    where = KafkaTopic(f"127.0.0.1:{free_port()}", "broker", ("persist",))
    with pytest.raises(FeedUnavailable, match=f"no Kafka answers at {where.servers}"):
        await KafkaFeed(where, lambda _: None).locate()


# Whole processes ------------------------------------------------------------------------------------------------------


class Node(Local):
    """A runtime that serves the Broker and persist alone, on a store and a Kafka that it shares with others."""

    def __init__(self, folder: Path, namespace: str, store: Path, kafka: str) -> None:
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(
            KUSTOMIZATION.format(namespace=namespace, base=ROOT / "knative/base")
        )
        (folder / "config.yaml").write_text(CONFIG.format(store=store))
        self.folder, self.port, self.manifests = folder, free_port(), folder
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.process = None
        self.kafka = kafka

    def command(self, *more: str) -> list[str]:
        words = [sys.executable, "-m", "knative_local.runtime", str(self.manifests), "--port", str(self.port)]
        return [*words, "--state", str(self.folder / "state"), "--root", str(ROOT), "--log", self.kafka, *more]

    def kill(self) -> None:
        """kill -9 of it and of all that it started."""
        assert self.process is not None
        self.process.kill()
        for process in self.processes():
            process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None


KUSTOMIZATION = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
resources:
  - {base}/broker.yaml
  - {base}/config.yaml
  - {base}/persist.yaml
  - {base}/deadletter.yaml
patches:
  - path: config.yaml
"""
CONFIG = """apiVersion: v1
kind: ConfigMap
metadata: {{name: trackway}}
data:
  TRACKWAY_STORE: sqlite:///{store}
"""


class Gateway:
    """A replica of the gateway."""

    def __init__(self, namespace: str, store: Path, kafka: str) -> None:
        self.port = free_port()
        settings = {
            "PORT": str(self.port),
            "TRACKWAY_STORE": f"sqlite:///{store}",
            "TRACKWAY_KAFKA": kafka,
            "TRACKWAY_KAFKA_TOPIC": f"knative-broker-{namespace}-default",
            "TRACKWAY_KAFKA_STORED_BY": f"knative-trigger-{namespace}-persist",
        }
        self.process = subprocess.Popen([sys.executable, "-m", "realtime_gateway"], env={**os.environ, **settings})

    def ready(self) -> bool:
        assert self.process.poll() is None, "the gateway has ended"
        return httpx.get(f"http://127.0.0.1:{self.port}/healthz").is_success

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class Page:
    """A page that watches a gateway: every record of a vehicle that it was sent, in a thread of its own."""

    def __init__(self, gateway: Gateway) -> None:
        self.records: list[tuple[str, int]] = []
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(
            connect(f"ws://127.0.0.1:{gateway.port}/v1/live", proxy=None, max_size=None)
        )
        watch = {"kind": "watch", "box": None, "zoom": None, "vehicles": [], "trip": None, "resume": None}
        self._socket.send(json.dumps(watch))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def newest(self) -> dict[str, int]:
        return dict(self.records)

    def _listen(self) -> None:
        with suppress(ConnectionClosed):
            for message in self._socket:
                for vehicle in json.loads(message).get("vehicles", ()):
                    self.records.append((vehicle["vehicle_id"], vehicle["recorded_ms"]))

    def close(self) -> None:
        self._stack.close()
        self._thread.join(10)


def recorded(vehicle: str, number: int, trip: str | None = None) -> Event:
    """The vehicle's position so many seconds after it has begun."""
    moment = BEGUN + timedelta(seconds=number)
    fact = PositionRecorded(vehicle_id=vehicle, lat=-34.9, lng=-56.1, recorded_at=moment, trip_id=trip)
    return event_of(fact, id=f"{vehicle}:{number}", source="/tests", subject=vehicle, partitionkey=vehicle, time=moment)


def ms(number: int) -> int:
    return round((BEGUN + timedelta(seconds=number)).timestamp() * 1000)


def post(nodes: Sequence[Node], namespace: str, event: Event, client: httpx.Client) -> None:
    """Until one of the nodes has acknowledged it, as a device does."""
    headers, body = to_binary(event)
    for attempt in range(1_000):
        node = nodes[attempt % len(nodes)]
        try:
            answer = client.post(f"{node.url}/broker/{namespace}/default", headers=headers, content=body)
        except httpx.TransportError:
            continue
        if answer.status_code == 202:
            return
    raise AssertionError(f"nobody takes {event.id}")


@contextmanager
def posting(count: int, work: Callable[[int, httpx.Client], bool]) -> Iterator[None]:
    """So many threads that do `work(thread, client)` until it says False; leaving waits for them."""

    def go_on(number: int) -> None:
        with httpx.Client(timeout=30, trust_env=False) as client:
            while work(number, client):
                pass

    with ThreadPoolExecutor(count) as pool:
        working = [pool.submit(go_on, number) for number in range(count)]
        yield
        for each in working:
            each.result()


@pytest.fixture
def namespace() -> str:
    return f"n{uuid.uuid4().hex[:12]}"


@pytest.fixture
def nodes(tmp_path: Path, namespace: str, kafka_address: str) -> Iterator[list[Node]]:
    both = [Node(tmp_path / name, namespace, tmp_path / "trackway.db", f"kafka://{kafka_address}") for name in "ab"]
    yield both
    for node in both:
        node.client.close()
        if node.process is not None:
            node.stop(signal.SIGINT)
        eventually(lambda node=node: not node.processes(), what="no process that is left")


def test_a_gateway_that_starts_under_load_misses_no_vehicle_and_shows_none_twice(
    nodes: list[Node], namespace: str, tmp_path: Path, kafka_address: str
) -> None:
    """Each vehicle reports once, at some moment before, while or after the gateway starts."""
    (node, _) = nodes
    node.start()
    posted: list[str] = []
    enough = threading.Event()

    def one_more(thread: int, client: httpx.Client) -> bool:
        vehicle = f"van-{thread}-{len(posted)}-{uuid.uuid4().hex[:6]}"
        post([node], namespace, recorded(vehicle, 3_500), client)
        posted.append(vehicle)
        return not enough.is_set()

    with ExitStack() as stack:
        stack.enter_context(posting(4, one_more))
        stack.callback(enough.set)
        eventually(lambda: len(posted) > 300, what="some load before the gateway starts")
        gateway = Gateway(namespace, tmp_path / "trackway.db", kafka_address)
        stack.callback(gateway.stop)
        eventually(gateway.ready, what="the gateway, ready")
        page = Page(gateway)
        stack.callback(page.close)
        with_gateway = len(posted)
        eventually(lambda: len(posted) > with_gateway + 300, what="some load after it has started")
        enough.set()
        eventually(lambda: set(page.newest) >= set(posted), what="every vehicle on the page")
        shown = [vehicle for vehicle, _ in page.records]
    assert sorted(shown) == sorted(posted), "each once"


def test_two_of_each_share_the_load_and_one_that_is_killed_costs_nothing(
    nodes: list[Node], namespace: str, tmp_path: Path, kafka_address: str
) -> None:
    """Two runtimes, each with a persist of its own, and two gateways; one of each gets a kill -9 in the middle."""
    for node in nodes:
        node.start()
    vehicles = [f"van-{number}" for number in range(24)]
    rounds = 60
    done = dict.fromkeys(range(4), 0)

    def one_round(thread: int, client: httpx.Client) -> bool:
        for vehicle in vehicles[thread::4]:
            post(nodes[thread % 2 :] + nodes[: thread % 2], namespace, recorded(vehicle, done[thread], vehicle), client)
        done[thread] += 1
        return done[thread] < rounds

    with httpx.Client(timeout=30, trust_env=False) as client:
        for vehicle in vehicles:
            post(nodes, namespace, trip_of(vehicle), client)
    store = tmp_path / "trackway.db"
    with ExitStack() as stack:
        gateways = [Gateway(namespace, store, kafka_address) for _ in range(2)]
        for gateway in gateways:
            stack.callback(gateway.stop)
            eventually(gateway.ready, what="both gateways, ready")
        pages = [Page(gateway) for gateway in gateways]
        stack.callback(pages[1].close)
        with posting(4, one_round):
            eventually(lambda: min(done.values()) >= rounds // 4, what="a quarter of the load")
            eventually(
                lambda: all(node.trigger("persist")["events_total"] > 0 for node in nodes), what="both take part"
            )
            nodes[0].kill()
            gateways[0].process.kill()
            gateways[0].process.wait()
            pages[0].close()
        newest = dict.fromkeys(vehicles, ms(rounds - 1))
        eventually(lambda: pages[1].newest == newest, what="the newest position of each on the page that is left")
        numbers = list(range(rounds))
        eventually(lambda: stored(store, vehicles) == dict.fromkeys(vehicles, numbers), what="all in the store")
        assert newest_in(store) == dict.fromkeys(vehicles, BEGUN + timedelta(seconds=rounds - 1))
        for page in pages:
            assert len(page.records) == len(set(page.records)), "no record twice on a page"


def trip_of(vehicle: str) -> Event:
    fact = TripStarted(
        trip_id=vehicle, vehicle_id=vehicle, vehicle_name=vehicle, route_id="none", started_at=BEGUN,
        promised_at=BEGUN + timedelta(hours=2), simulated=False,
    )  # fmt: skip
    return event_of(fact, id=f"{vehicle}:start", source="/tests", subject=vehicle, partitionkey=vehicle, time=BEGUN)


def newest_in(path: Path) -> dict[str, datetime]:
    """Each vehicle's newest position in the store."""

    async def read() -> dict[str, datetime]:
        store = open_store(f"sqlite:///{path}")
        try:
            return {each.vehicle_id: each.position.recorded_at for each in await store.vehicles(TENANT)}
        finally:
            await store.close()

    return asyncio.run(read())


def stored(path: Path, vehicles: Sequence[str]) -> dict[str, list[int]]:
    """Which positions of each vehicle are in the store, by their seconds."""

    async def read() -> dict[str, list[int]]:
        store = open_store(f"sqlite:///{path}")
        try:
            found: dict[str, Any] = {}
            for vehicle in vehicles:
                positions = await store.positions(TENANT, vehicle, limit=10_000)
                found[vehicle] = [round((each.recorded_at - BEGUN).total_seconds()) for each in positions]
            return found
        finally:
            await store.close()

    return asyncio.run(read())
