"""Search over HTTP: what is asked wrongly, or where there is no search, is said; the rest is tests/integration's."""

from __future__ import annotations

import pytest

from realtime_gateway.settings import Settings
from tests.running import free_port
from tests.unit.gateway.serving import serving


async def test_without_an_elasticsearch_it_is_not_there_and_the_remedy_is_named() -> None:
    async with serving() as here:
        answer = await here.http.get("/v1/search", params={"q": "van"})
        assert answer.status_code == 404
        assert "TRACKWAY_ELASTICSEARCH" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "q"),
        ({"q": "  "}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"near": "1,2"}, "near"),
        ({"near": "91,0,1"}, "near"),
        ({"near": "0,0,nan"}, "near"),
        ({"since": "2026-11-23T17:00:00"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"q": "x", "limit": "501"}, "limit"),
    ],
)
async def test_a_wrong_question_is_refused_naming_the_parameter(parameters: dict[str, str], field: str) -> None:
    async with serving(elasticsearch=f"http://127.0.0.1:{free_port()}") as here:
        answer = await here.http.get("/v1/search", params=parameters)
        assert answer.status_code == 400
        assert answer.json()["field"] == field


async def test_an_elasticsearch_that_is_away_is_said_without_its_password() -> None:
    port = free_port()
    async with serving(elasticsearch=f"http://user:secret@127.0.0.1:{port}") as here:
        answer = await here.http.get("/v1/search", params={"q": "van"})
        assert answer.status_code == 503
        assert f"127.0.0.1:{port}" in answer.json()["detail"]
        assert "secret" not in answer.text
        assert answer.headers["retry-after"]


@pytest.mark.parametrize("address", ["es:9200", "ftp://es", "http://", "http://es:port", "http://user:secret@:9200"])
def test_an_address_that_is_none_ends_the_start_without_its_password(address: str) -> None:
    with pytest.raises(ValueError, match="no address of Elasticsearch") as raised:
        Settings(elasticsearch=address)
    assert "secret" not in str(raised.value.errors(include_input=False) if hasattr(raised.value, "errors") else raised)
