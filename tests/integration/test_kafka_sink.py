"""A KafkaSink of the manifests, with the Broker's log in its file: a Trigger takes every fact to a topic of a Kafka."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message

from tests.local import Local
from tests.running import eventually

pytestmark = pytest.mark.integration

SINKS = """
---
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: {{name: facts, namespace: shop}}
spec: {{topic: {topic}, bootstrapServers: ["{kafka}"], numPartitions: 3, replicationFactor: 1}}
---
apiVersion: eventing.knative.dev/v1alpha1
kind: KafkaSink
metadata: {{name: binary, namespace: shop}}
spec:
  topic: {topic}.binary
  bootstrapServers: ["{kafka}"]
  contentMode: binary
  numPartitions: 1
  replicationFactor: 1
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: facts
  namespace: shop
  annotations: {{local.knative.dev/batch: "100", local.knative.dev/linger: 20ms}}
spec:
  broker: default
  subscriber: {{ref: {{apiVersion: eventing.knative.dev/v1alpha1, kind: KafkaSink, name: facts}}}}
"""


@pytest.fixture
def topic() -> str:
    return f"facts.{uuid.uuid4().hex}"


@pytest.fixture
def local(tmp_path: Path, kafka_address: str, topic: str) -> Iterator[Local]:
    local = Local(tmp_path)
    local.manifests.write_text(local.manifests.read_text() + SINKS.format(topic=topic, kafka=kafka_address))
    yield local.start()
    local.stop()
    local.client.close()


def records(kafka: str, topic: str, count: int) -> list[Message]:
    """The first ones of the topic."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[Message] = []
    while len(found) < count:
        found += consumer.consume(count - len(found), 1)
    consumer.close()
    return found


def test_a_trigger_takes_every_fact_to_a_topic_in_structured_mode(local: Local, kafka_address: str, topic: str) -> None:
    """OBSERVED-KAFKA.md, KafkaSink: one header, the content type; key = partitionkey; the value is the whole event."""
    headers = {"ce-specversion": "1.0", "ce-source": "/test", "ce-type": "order", "ce-mode": "take"}
    for number in range(30):
        own = {"ce-id": f"o-{number}", "ce-partitionkey": f"van-{number % 7}"}
        assert local.client.post("/broker/shop/default", headers=headers | own, json={"n": number}).status_code == 202

    found = records(kafka_address, topic, 30)
    documents = {(event := json.loads(message.value() or b""))["id"]: (event, message) for message in found}
    assert set(documents) == {f"o-{number}" for number in range(30)}
    event, message = documents["o-12"]
    assert message.headers() == [("content-type", b"application/cloudevents+json")]
    assert message.key() == b"van-5"
    assert (event["data"], event["datacontenttype"], event["partitionkey"]) == ({"n": 12}, "application/json", "van-5")
    (row,) = [each for each in local.status()["kafka_sinks"] if each["name"] == "facts"]
    assert (row["topic"], row["events_total"]) == (topic, 30)
    eventually(lambda: local.trigger("facts")["backlog"] == 0, what="the Trigger, through")


def test_binary_mode_by_way_of_the_front_door(local: Local, kafka_address: str, topic: str) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "b-1", "ce-source": "/test", "ce-type": "order"}
    assert local.client.post("/_knative/kafkasinks/shop/none", headers=headers).status_code == 404
    assert local.client.post("/_knative/kafkasinks/shop/binary", headers=headers, json={"n": 1}).status_code == 202
    (message,) = records(kafka_address, f"{topic}.binary", 1)
    assert message.value() == b'{"n":1}'
    assert ("ce_id", b"b-1") in (message.headers() or [])
