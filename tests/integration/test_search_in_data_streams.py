"""The history in data streams, for who prefers them to an index per month: the same is found, also after a rollover."""

from __future__ import annotations

from pathlib import Path

import pytest
from elasticsearch import BadRequestError, Elasticsearch
from elasticsearch.helpers import bulk

from tests.integration import indexed, story
from tests.integration.test_search import found
from tests.servers import elasticsearch, elasticsearch_info
from tests.servers.connect import Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

STREAMS = {f"trackway-{kind}" for kind in ("positions", "trips", "alerts")}


def test_streams_hold_each_event_once_and_search_finds_them(
    connect_worker: Worker, kafka_address: str, mongo_server: str, tmp_path: Path
) -> None:
    with (
        elasticsearch.running() as server,
        elasticsearch_info.before(server.url) as answering,
        Elasticsearch(server.url, request_timeout=60) as client,
    ):
        to_it = {"connection.url": answering}
        by_hand = indexed.carry(
            kafka_address, connect_worker, mongo_server, answering, tmp_path, data_streams=True, **to_it
        )
        assert "data stream trackway-trips (is there)" in indexed.setup(answering, "--data-streams")
        resolved = client.indices.resolve_index(name="trackway-*")
        assert {each["name"] for each in resolved["data_streams"]} == STREAMS
        assert resolved["indices"] == [], "nothing beside the streams"

        refused = bulk(client, by_hand, raise_on_error=False, stats_only=True)[1]
        assert refused == len(by_hand), "what comes again is there already"
        total = len(story.events())
        assert indexed.written(client) == total

        asked = ("caminhão", f"--near={story.LAT},{story.LNG},1", "--since", "2h")
        before = found(server, *asked)
        assert [trip["trip_id"] for trip in before["trips"]] == ["t-1"]
        assert before["positions_total"] > 0
        for stream in STREAMS:
            assert client.indices.rollover(alias=stream)["rolled_over"]
        assert found(server, *asked) == before
        document = {"@timestamp": story.BEGIN.isoformat(), "mood": "good"}
        with pytest.raises(BadRequestError, match="strict_dynamic_mapping_exception"):
            client.create(index="trackway-positions", id="x", document=document)
