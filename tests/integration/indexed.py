"""The story in Elasticsearch, carried there by Kafka Connect.

With a sink for Elasticsearch at hand that sink writes it. Without one (none is on Maven Central) MongoDB's sink keeps
the documents that the project's transform makes, and they are indexed from there: so mapping, search and dashboards
are tested on what Connect makes, on every machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk
from pymongo import MongoClient

from tests.integration import story
from tests.integration.connecting import Connector, Topic, applied
from tests.running import ROOT, eventually
from tests.servers.connect import Worker, elasticsearch_sinks
from trackway.search.templates import KINDS

BY_KIND = "transforms.document.index.by.month"
STREAMS = ",".join(f"trackway-{kind}:trackway-{kind}" for kind in KINDS)
INTO_STREAMS = {
    "elasticsearch-events": {"external.resource.usage": "DATASTREAM", "topic.to.external.resource.mapping": STREAMS},
    "opensearch-events": {
        "data.stream.enabled": "true",
        "data.streams.existing.index.template.name": "trackway-positions-stream",
    },
}
"""By sink, as docs/operations.md has it."""


def setup(url: str, *options: str) -> str:
    """`trackway search setup`."""
    line = [sys.executable, "-m", "trackway", "search", "setup", "--elasticsearch", url, *options]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=plain())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def plain() -> dict[str, str]:
    """An environment in which a command prints no colours."""
    return os.environ | {"NO_COLOR": "1", "COLUMNS": "200"}


def carry(
    kafka: str, worker: Worker, mongo: str, url: str, folder: Path, *, data_streams: bool = False, **settings: str
) -> list[dict[str, Any]]:
    """Returns when Elasticsearch has the whole story; gives what was indexed by hand. The sink has these settings."""
    setup(url, *(["--data-streams"] if data_streams else []))
    own = {BY_KIND: "false"} if data_streams else {}
    by_hand: list[dict[str, Any]] = []
    topic = Topic(kafka)
    topic.produce(story.events())
    total = len(story.events())
    with Elasticsearch(url, request_timeout=60) as client:
        for sink in elasticsearch_sinks()[:1]:
            more = INTO_STREAMS[sink] if data_streams else {}
            connector = Connector(worker, sink, topic, folder, **own, **more, **settings)
            with applied(connector, worker):
                eventually(lambda: written(client) >= total, 120, "the story in Elasticsearch")
            break
        else:
            by_hand = _through_mongo(worker, mongo, topic, folder, total, own)
            bulk(client, by_hand, refresh=True)
        assert written(client) == total
    return by_hand


def written(client: Elasticsearch) -> int:
    """How many documents can be found."""
    client.indices.refresh(index="trackway-*")
    return client.count(index="trackway-*")["count"]


def _through_mongo(
    worker: Worker, mongo: str, topic: Topic, folder: Path, total: int, own: Mapping[str, str]
) -> list[dict[str, Any]]:
    kafkas = "org.apache.kafka.connect.transforms"
    settings = {
        "collection": f"documents_{topic.name}",
        "document.id.strategy": "com.mongodb.kafka.connect.sink.processor.id.strategy.BsonOidStrategy",
        # The index, which is the record's topic for a sink of Elasticsearch; this sink wants to know the topic.
        "transforms": "document,index,back",
        "transforms.document.type": "dev.trackway.connect.SearchDocument",
        "transforms.index.type": f"{kafkas}.InsertField$Value",
        "transforms.index.topic.field": "_index",
        "transforms.back.type": f"{kafkas}.RegexRouter",
        "transforms.back.regex": ".*",
        "transforms.back.replacement": topic.name,
        **own,
    }
    with MongoClient[dict[str, Any]](mongo) as client:
        kept = client["trackway"][settings["collection"]]
        with applied(Connector(worker, "mongo-positions", topic, folder, **settings), worker):
            eventually(lambda: kept.count_documents({}) >= total, 120, "the story's documents")
        return [
            # What is there stays, as a sink writes it.
            {"_op_type": "create", "_index": document.pop("_index"), "_id": document["id"], "_source": document}
            for document in kept.find({}, {"_id": 0})
        ]
