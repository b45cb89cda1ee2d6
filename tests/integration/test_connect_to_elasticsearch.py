"""Kafka Connect carries events to Elasticsearch: each is one document, whatever is killed, and what is bad is kept.

Collected where ``CONNECT_PLUGIN_PATH`` has a sink for it (conftest.py): none is on Maven Central.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch
from elasticsearch.helpers import scan

from tests.integration.connecting import Connector, Topic, applied
from tests.integration.drive import BAD, REFUSED, START, finish, position
from tests.running import ROOT, eventually
from tests.servers.connect import Worker, elasticsearch_sinks
from tests.servers.elasticsearch import Server
from trackway.search import templates

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

POSITIONS = 6000


@pytest.mark.parametrize("sink", elasticsearch_sinks())
def test_every_event_is_one_document_after_connect_and_elasticsearch_were_killed(
    sink: str, connect_worker: Worker, kafka_address: str, elasticsearch_server: Server, tmp_path: Path
) -> None:
    topic, half = Topic(kafka_address), POSITIONS // 2
    prefix = topic.name
    topic.produce([position(number) for number in range(half)])
    topic.produce_raw(*BAD, REFUSED)
    # Small batches, so that there is a middle.
    more = {"batch.size": "50", "consumer.override.max.poll.records": "50", "transforms.document.index.prefix": prefix}
    connector = Connector(connect_worker, sink, topic, tmp_path, **more)
    with Elasticsearch(elasticsearch_server.url, request_timeout=60, max_retries=0) as client:
        prepare(client, prefix)
        count = counting(client, prefix)
        with applied(connector, connect_worker):
            eventually(lambda: count() > 100, 120, "the first documents")
            connect_worker.kill()
            before = count()
            assert before < half
            connect_worker.start()
            eventually(lambda: count() > before + 100, 120, "more documents")

            elasticsearch_server.kill()
            topic.produce([position(number) for number in range(half - 500, POSITIONS)])  # the last 500 come again
            topic.produce([finish("van-1")])
            elasticsearch_server.start()

            def all_there() -> bool:
                connector.restart_if_failed()
                return count() >= POSITIONS + 1

            eventually(all_there, 300, "all documents")
            dead = connector.dead_letters(len(BAD) + 1)
        found = sorted(hit["_id"] for hit in scan(client, index=f"{prefix}-*", _source=False))
        assert found == sorted([*(position(number).id for number in range(POSITIONS)), finish("van-1").id])
        assert client.count(index=f"{prefix}-trips-{START:%Y.%m}")["count"] == 1
        assert sorted(value for value, _ in dead.values()) == sorted([*BAD, REFUSED])


def prepare(client: Elasticsearch, prefix: str) -> None:
    """The project's templates, for indices that begin otherwise; and the indices, as `trackway search setup` makes."""
    folder = ROOT / "connect/index-templates"
    client.cluster.put_component_template(name=templates.EVENT, body=templates.read(folder, templates.EVENT))
    for kind in templates.KINDS:
        template = templates.index_template(folder, kind, data_streams=False)
        template["index_patterns"] = [f"{prefix}-{kind}-*"]
        client.indices.put_index_template(name=f"{prefix}-{kind}", body=template)
        client.indices.create(index=f"{prefix}-{kind}-{START:%Y.%m}")


def counting(client: Elasticsearch, prefix: str) -> Callable[[], int]:
    """A function that counts the documents; 0 while Elasticsearch is on its way up."""

    def count() -> int:
        try:
            client.indices.refresh(index=f"{prefix}-*")
            return client.count(index=f"{prefix}-*")["count"]
        except (TransportError, ApiError):
            return 0

    return count
