"""What a KafkaSink refuses before anything goes to Kafka, and what its manifest may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from knative_local.http_types import HttpRequest
from knative_local.kafka_sinks import MOST_BYTES, KafkaSinks
from knative_local.manifests import ManifestErrors, load
from knative_local.model import KafkaSink
from tests.unit.knative_local.eventing import SOMEWHERE

EVENT = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/here"), (b"ce-type", b"t")]


@pytest.mark.parametrize(
    ("key", "method", "headers", "body", "status"),
    [
        ("town/nobody", "POST", EVENT, b"", 404),
        ("town/facts", "GET", EVENT, b"", 405),
        ("town/facts", "POST", [], b"", 400),
        ("town/facts", "POST", EVENT, b"x" * (MOST_BYTES + 1), 413),
        ("town/facts", "POST", [(b"content-type", b"application/cloudevents-batch+json")], b"[1]", 400),
    ],
)
async def test_what_is_refused(
    key: str, method: str, headers: list[tuple[bytes, bytes]], body: bytes, status: int
) -> None:
    sinks = KafkaSinks()
    sinks.apply([KafkaSink("town", "facts", "127.0.0.1:1", "facts", SOMEWHERE)])
    answer = await sinks.receive(key, HttpRequest(method, "/", headers, body))
    assert answer.status == status


def manifest(spec: str) -> str:
    head = "apiVersion: eventing.knative.dev/v1alpha1\nkind: KafkaSink\nmetadata: {name: facts, namespace: town}\n"
    return f"{head}spec: {{{spec}}}\n"


def test_a_manifest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sink.yaml"
    file.write_text(manifest("topic: facts, bootstrapServers: ['a:1', 'b:2']"))
    assert load(file).kafka_sinks == (KafkaSink("town", "facts", "a:1,b:2", "facts", SOMEWHERE),)
    more = "contentMode: binary, numPartitions: 4, replicationFactor: 3"
    file.write_text(manifest(f"topic: facts, bootstrapServers: ['a:1'], {more}"))
    (sink,) = load(file).kafka_sinks
    assert (sink.structured, sink.partitions, sink.replicas) == (False, 4, 3)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("bootstrapServers: ['a:1']", "topic"),
        ("topic: facts, bootstrapServers: []", "bootstrapServers"),
        ("topic: facts, bootstrapServers: ['a']", "host:port"),
        ("topic: 'a topic', bootstrapServers: ['a:1']", "a topic's name"),
        ("topic: facts, bootstrapServers: ['a:1'], contentMode: batch", "binary or structured"),
        ("topic: facts, bootstrapServers: ['a:1'], numPartitions: 3", "both"),
        ("topic: facts, bootstrapServers: ['a:1'], numPartitions: 0, replicationFactor: 1", "at least 1"),
        ("topic: facts, bootstrapServers: ['a:1'], auth: {secret: {ref: {name: x}}}", "TLS"),
        ("topic: facts, bootstrapServers: ['a:1'], partitions: 3", "partitions"),
    ],
)
def test_a_manifest_is_refused_in_words(tmp_path: Path, spec: str, words: str) -> None:
    file = tmp_path / "sink.yaml"
    file.write_text(manifest(spec))
    with pytest.raises(ManifestErrors) as raised:
        load(file)
    assert words in str(raised.value)
    assert "sink.yaml:4" in str(raised.value)
