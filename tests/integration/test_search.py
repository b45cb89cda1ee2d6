"""What Connect has carried to Elasticsearch is found: by place, by time, by words, and by nobody of another company."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import BadRequestError, Elasticsearch

from tests.contract import kibana_objects
from tests.integration import indexed, story
from tests.running import ROOT, free_port
from tests.servers.elasticsearch import Server
from tests.unit.gateway.serving import serving
from trackway.domain.geometry import distance
from trackway.search import finding
from trackway.search.port import Near, Question, SearchUnavailable

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

OURS = {"term": {"tenant": "default"}}
PANELS = [each for each in kibana_objects.saved_objects() if each["type"] in {"lens", "map"}]
THE_TRIP = {"term": {"data.trip_id": "t-1"}}


@pytest.fixture(scope="module")
def client(story_in_elasticsearch: Server) -> Iterator[Elasticsearch]:
    with Elasticsearch(story_in_elasticsearch.url, request_timeout=60) as client:
        yield client


def ask(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "trackway", "search", *arguments, "--elasticsearch", server.url]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=indexed.plain())


def found(server: Server, *arguments: str) -> dict[str, Any]:
    done = ask(server, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_positions_in_a_circle(client: Elasticsearch) -> None:
    places = [story.trip_position(number) for number in range(story.TRIP_POSITIONS)]
    inside = sum(distance(story.LAT, story.LNG, at.lat, at.lng) <= 1000 for at in places)
    assert 0 < inside < story.TRIP_POSITIONS
    circle = {"geo_distance": {"distance": "1km", "location": {"lat": story.LAT, "lon": story.LNG}}}
    answer = client.count(index="trackway-positions-*", query={"bool": {"filter": [THE_TRIP, circle]}})
    assert answer["count"] == inside


def test_positions_by_minute(client: Elasticsearch) -> None:
    by_minute = {"minutes": {"date_histogram": {"field": "time", "fixed_interval": "1m"}}}
    answer = client.search(index="trackway-positions-*", query=THE_TRIP, aggs=by_minute, size=0)
    buckets = answer["aggregations"]["minutes"]["buckets"]
    assert [bucket["doc_count"] for bucket in buckets] == [60] * 10
    assert buckets[0]["key"] == story.BEGIN.timestamp() * 1000


def test_positions_by_tile(client: Elasticsearch) -> None:
    zoom = 16

    def tile(lat: float, lng: float) -> str:
        """https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames"""
        n, phi = 2**zoom, math.radians(lat)
        return f"{zoom}/{int((lng + 180) / 360 * n)}/{int((1 - math.asinh(math.tan(phi)) / math.pi) / 2 * n)}"

    places = [story.trip_position(number) for number in range(story.TRIP_POSITIONS)]
    tiles = {"tiles": {"geotile_grid": {"field": "location", "precision": zoom, "size": 100}}}
    answer = client.search(index="trackway-positions-*", query=THE_TRIP, aggs=tiles, size=0)
    counted = {bucket["key"]: bucket["doc_count"] for bucket in answer["aggregations"]["tiles"]["buckets"]}
    assert counted == Counter(tile(at.lat, at.lng) for at in places)
    assert len(counted) > 5


def test_an_event_is_in_the_index_of_its_kind_and_of_its_own_month(client: Elasticsearch) -> None:
    def count(index: str) -> int:
        return client.count(index=index, allow_no_indices=True)["count"]

    old = f"trackway-positions-{story.LONG_AGO:%Y.%m}"
    assert count(old) == story.OLD
    assert count("trackway-alerts-*") == 6
    assert count("trackway-trips-*") == 1 + 1 + 10 + 1
    kept = client.get(index=old, id="old:3")["_source"]
    assert kept["data"]["seq"] == 3
    assert kept["location"] == {"lat": story.LAT, "lon": story.LNG}


def test_a_field_that_no_event_has_is_refused(client: Elasticsearch) -> None:
    document = client.search(index="trackway-positions-*", query=THE_TRIP, size=1)["hits"]["hits"][0]["_source"]
    document["data"]["mood"] = "good"
    with pytest.raises(BadRequestError, match="strict_dynamic_mapping_exception"):
        client.index(index=f"trackway-positions-{story.BEGIN:%Y.%m}", id="x", document=document)


def test_setting_up_again_changes_nothing(story_in_elasticsearch: Server) -> None:
    said = indexed.setup(story_in_elasticsearch.url)
    assert "index template trackway-positions" in said
    assert "(is there)" in said


@pytest.mark.parametrize("text", ["Caminhão 12", "caminhao", "blanqueada", "Mercado", "pocitos", "t-1", "VAN-12"])
def test_a_trip_is_found_by_its_words(story_in_elasticsearch: Server, text: str) -> None:
    trips = found(story_in_elasticsearch, text)["trips"]
    assert [trip["trip_id"] for trip in trips] == ["t-1"]
    assert trips[0] | {"latest": ""} == {
        "trip_id": "t-1",
        "vehicle_id": "van-12",
        "status": "finished",
        "latest": "",
        "vehicle_name": "Caminhão 12",
        "route_id": "r-1",
        "started_at": story.BEGIN.isoformat().replace("+00:00", "Z"),
        "ended_at": (story.BEGIN + 10 * story.MINUTE).isoformat().replace("+00:00", "Z"),
        "delay": 540 / 5,
    }


def test_words_place_and_time_together(story_in_elasticsearch: Server) -> None:
    near = f"--near={story.LAT},{story.LNG},1"
    answer = found(story_in_elasticsearch, "caminhão", near, "--since", "2h")
    assert [trip["trip_id"] for trip in answer["trips"]] == ["t-1"]
    (position,) = answer["positions"]
    assert (position["vehicle_id"], position["trip_id"]) == ("van-12", "t-1")
    assert 900 < position["distance"] <= 1000
    assert answer["positions_total"] == sum(
        distance(story.LAT, story.LNG, at.lat, at.lng) <= 1000
        for at in map(story.trip_position, range(story.TRIP_POSITIONS))
    )
    elsewhere = found(story_in_elasticsearch, "caminhão", "--near=0,0,1", "--since", "2h")
    assert elsewhere == {"trips": [], "positions": [], "positions_total": 0}
    assert found(story_in_elasticsearch, "caminhão", "--since", "1m")["trips"] == []


def test_a_device_without_a_trip_is_found_where_it_was(story_in_elasticsearch: Server) -> None:
    answer = found(story_in_elasticsearch, "--near=-34.8,-56,2")
    assert [position["vehicle_id"] for position in answer["positions"]] == ["moto-7"]
    assert answer["positions_total"] == story.DEVICE_POSITIONS
    assert answer["trips"] == []


def test_nobody_finds_what_is_another_companys(story_in_elasticsearch: Server) -> None:
    near = f"--near={story.LAT},{story.LNG},0.01"
    theirs = found(story_in_elasticsearch, near, "--tenant", "acme")
    assert theirs["positions_total"] == story.OTHER_TENANTS
    assert {position["trip_id"] for position in theirs["positions"]} == {"t-9"}
    assert found(story_in_elasticsearch, "caminhão", "--tenant", "acme")["trips"] == []
    assert found(story_in_elasticsearch, "t-9")["positions"] == []


async def test_the_gateway_answers_the_page_as_the_command_answers_people(story_in_elasticsearch: Server) -> None:
    near = f"{story.LAT},{story.LNG},1"
    async with serving(elasticsearch=story_in_elasticsearch.url) as here:
        answer = await here.http.get("/v1/search", params={"q": "caminhao", "near": near})
        assert answer.status_code == 200
        assert answer.json() == found(story_in_elasticsearch, "caminhao", f"--near={near}")
        assert answer.json()["trips"][0]["vehicle_name"] == "Caminhão 12"


async def test_where_nothing_is_set_up_the_remedy_is_said(
    story_in_elasticsearch: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "POSITIONS", "elsewhere-*")
    finder = finding.Finder(story_in_elasticsearch.url)
    with pytest.raises(SearchUnavailable, match=r"elsewhere.*trackway search setup"):
        await finder.find(Question(tenant="default", near=Near(0, 0, 1)))
    await finder.close()


def test_people_read_a_table(story_in_elasticsearch: Server) -> None:
    done = ask(story_in_elasticsearch, "caminhão")
    assert done.returncode == 0
    assert "Caminhão 12" in done.stdout
    assert f"positions ({story.TRIP_POSITIONS})" in done.stdout
    assert "nothing was found" in ask(story_in_elasticsearch, "zeppelin").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["x", "--near", "1,2"], 2, "lat,lng,km"),
        (["x", "--near", "91,0,1"], 2, "latitude"),
        (["x", "--since", "yesterday"], 2, "an age such as"),
        (["x", "--elasticsearch", "es:9200"], 2, "no address of Elasticsearch"),
        (["x", "--elasticsearch", "http://user:secret@127.0.0.1:{port}"], 3, "does not answer"),
        ([], 2, "Usage"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(arguments: list[str], code: int, says: str) -> None:
    line = [sys.executable, "-m", "trackway", "search", *(each.format(port=free_port()) for each in arguments)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env=indexed.plain())
    assert done.returncode == code
    assert says in done.stderr + done.stdout
    assert "secret" not in done.stderr + done.stdout


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["id"])
def test_every_panel_of_the_dashboard_shows_something(client: Elasticsearch, panel: dict[str, Any]) -> None:
    """Its data view's own indices are asked what Kibana would ask."""
    view = kibana_objects.by_id()["index-pattern", f"trackway-{kibana_objects.view_of(panel)}"]
    answer = client.search(index=view["attributes"]["title"], body=kibana_objects.question(panel))
    buckets = answer["aggregations"]["by"]["buckets"]
    assert buckets, "nothing to see"
    for bucket in buckets:
        assert bucket["doc_count"] > 0
        for name in bucket.keys() & {"value", "split"}:
            assert bucket[name].get("value") or bucket[name].get("values") or bucket[name]["buckets"]


def test_the_delays_that_a_panel_shows_are_those_of_the_trip(client: Elasticsearch) -> None:
    panel = kibana_objects.by_id()["lens", "trackway-delay-over-time"]
    answer = client.search(index="trackway-trips*", body=kibana_objects.question(panel))
    shown = [bucket["value"]["values"]["95.0"] for bucket in answer["aggregations"]["by"]["buckets"]]
    assert shown == [number / 5 for number in range(0, story.TRIP_POSITIONS, 60)]
