"""What the tests of Kafka Connect share: topics with events in them, connectors of the project, dead letters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.running import ROOT, eventually
from tests.servers.connect import Worker
from trackway.events import Event, to_kafka, to_structured

PARTITIONS = 4


class Topic:
    """A topic of the test's own, filled as Knative's KafkaSink does: structured mode, the vehicle as the key; or as its
    Broker does: binary mode."""

    def __init__(self, kafka: str) -> None:
        self.name, self.kafka = f"events-{uuid.uuid4().hex}", kafka
        admin = AdminClient({"bootstrap.servers": kafka})
        admin.create_topics([NewTopic(self.name, PARTITIONS, 1)])[self.name].result(30)

    def produce(self, events: Sequence[Event]) -> None:
        """Returns when Kafka has them."""
        self._send([((event.partitionkey or event.id).encode(), to_structured(event), []) for event in events])

    def produce_kept(self, events: Sequence[Event]) -> None:
        """As a Broker keeps them."""
        self._send([(key or b"", value, headers) for key, headers, value in map(to_kafka, events)])

    def produce_raw(self, *values: bytes) -> None:
        """Records that may be no events."""
        self._send([(b"bad", value, []) for value in values])

    def _send(self, records: Sequence[tuple[bytes, bytes | None, list[tuple[str, bytes]]]]) -> None:
        producer = Producer({"bootstrap.servers": self.kafka, "acks": "all", "linger.ms": 5})
        for key, value, headers in records:
            producer.produce(self.name, value, key, headers=list[tuple[str, str | bytes | None]](headers))
            producer.poll(0)
        assert producer.flush(60) == 0


class Connector:
    """A connector of connect/connectors that reads a topic of the test's own, applied by ``trackway connect``."""

    def __init__(self, worker: Worker, file: str, topic: Topic, folder: Path, **settings: str) -> None:
        self._worker, self._kafka = worker, topic.kafka
        self.dead = f"{topic.name}.dead"
        content = json.loads((ROOT / f"connect/connectors/{file}.json").read_text())
        self.name = content["name"] = f"{file}-{topic.name}"
        self._file = folder / f"{self.name}.json"
        self._file.write_text(json.dumps(content))
        own = {"topics": topic.name, "errors.deadletterqueue.topic.name": self.dead, **settings}
        self._settings = [f"--set={name}={value}" for name, value in own.items()]

    def apply(self) -> str:
        """What the command says; it has to succeed."""
        return command(self._worker, "apply", str(self._file), *self._settings)

    def restart_if_failed(self) -> None:
        """What an operator or ``restart --watch`` does."""
        command(self._worker, "restart", self.name, succeeds=None)

    def dead_letters(self, at_least: int) -> dict[tuple[str, int, int], tuple[bytes, str]]:
        """(value, why) of each record in the dead letter topic, by where it came from: one may be there twice."""
        consumer = Consumer({"bootstrap.servers": self._kafka, "group.id": self.dead, "enable.auto.commit": False})
        consumer.assign([TopicPartition(self.dead, 0, 0)])
        found: dict[tuple[str, int, int], tuple[bytes, str]] = {}

        def enough() -> bool:
            for message in consumer.consume(1000, 0.2):
                if message.error() is None:
                    headers = dict(message.headers() or [])
                    text = {name: (value or b"").decode() for name, value in headers.items()}
                    where = [text[f"__connect.errors.{name}"] for name in ("topic", "partition", "offset")]
                    why = text.get("__connect.errors.exception.message", "")
                    found[where[0], int(where[1]), int(where[2])] = (message.value() or b"", why)
            return len(found) >= at_least

        try:
            eventually(enough, 60, f"{at_least} dead letters")
        finally:
            consumer.close()
        return found


def command(worker: Worker, *arguments: str, succeeds: bool | None = True) -> str:
    """What ``trackway connect …`` prints on either output."""
    environment = os.environ | {"TRACKWAY_CONNECT": worker.url, "NO_COLOR": "1", "COLUMNS": "200"}
    line = [sys.executable, "-m", "trackway", "connect", *arguments]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)
    said = done.stdout + done.stderr
    assert succeeds is None or (done.returncode == 0) is succeeds, said
    return said


@contextmanager
def keeping_running(worker: Worker, name: str) -> Iterator[Callable[[], str]]:
    """``trackway connect restart --watch`` beside the worker; gives what it has printed so far."""
    environment = os.environ | {"TRACKWAY_CONNECT": worker.url, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    line = [sys.executable, "-m", "trackway", "connect", "restart", name, "--watch", "1"]
    with (
        TemporaryFile() as output,
        subprocess.Popen(line, cwd=ROOT, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            yield lambda: os.pread(output.fileno(), 10**6, 0).decode()
        finally:
            process.kill()


@contextmanager
def applied(connector: Connector, worker: Worker) -> Iterator[Connector]:
    """Applied for the time of a test."""
    connector.apply()
    try:
        yield connector
    finally:
        worker.delete(connector.name)
