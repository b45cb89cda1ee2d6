"""The index templates know every field of every event, with a type that keeps what the field means."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, cast, get_args, get_type_hints

import pytest
from elasticsearch import AsyncElasticsearch

from tests.contract.kibana_objects import TEMPLATES, fields_of
from trackway.events import FACTS
from trackway.events.registry import PREFIX
from trackway.search.templates import KINDS, index_template, install, read

ALERTS = {
    "trip.delayed.v1",
    "trip.deviated.v1",
    "trip.rejoined.v1",
    "geofence.entered.v1",
    "geofence.exited.v1",
    "notification.failed.v1",
}
"""What SearchDocument puts there (tests/integration/test_search.py holds it to that)."""
TYPES: dict[type, set[str]] = {
    str: {"keyword", "text"},
    bool: {"boolean"},
    int: {"long", "integer"},
    float: {"float", "double"},
    datetime: {"date"},
}


def kind_of(type: str) -> str | None:
    name = type.removeprefix(PREFIX)
    if name.startswith("simulation."):
        return None  # internal: does not leave the broker
    if name.startswith("position."):
        return "positions"
    return "alerts" if name in ALERTS else "trips"


@pytest.mark.parametrize("type", [type for type in FACTS if kind_of(type)])
def test_every_field_of_an_event_is_mapped(type: str) -> None:
    kind = kind_of(type)
    assert kind is not None
    mapped = fields_of(kind)
    for name, hint in get_type_hints(FACTS[type]).items():
        field = f"data.{name}"
        plain = [each for each in (hint, *get_args(hint)) if each in TYPES]
        if plain:
            assert mapped.get(field) in TYPES[plain[0]], f"{kind}: {field} is {mapped.get(field)}"
        else:  # the path and the stops of a route
            assert any(each == field or each.startswith(f"{field}.") for each in mapped), f"{kind}: no {field}"


def test_places_are_geo_points_and_filters_keywords() -> None:
    for kind in KINDS:
        mapped = fields_of(kind)
        assert mapped["location"] == "geo_point"
        assert mapped["time"] == "date"
        keywords = {"id", "type", "source", "subject", "tenant", "data.trip_id", "data.vehicle_id"}
        assert {mapped[name] for name in keywords} == {"keyword"}


@pytest.mark.parametrize("data_streams", [False, True])
def test_no_unknown_field_gets_in(data_streams: bool) -> None:
    assert read(TEMPLATES, "trackway-event")["template"]["mappings"]["dynamic"] == "strict"
    for kind in KINDS:
        template: dict[str, Any] = index_template(TEMPLATES, kind, data_streams=data_streams)
        assert template["template"]["mappings"]["properties"]["data"]["dynamic"] == "strict"
        assert ("data_stream" in template) is data_streams


class Asked:
    """Stands for a client of a server that grants everything; keeps what it was asked for."""

    def __init__(self, area: str = "", asked: list[tuple[str, dict[str, Any]]] | None = None) -> None:
        self._area = area
        self.asked: list[tuple[str, dict[str, Any]]] = [] if asked is None else asked

    def __getattr__(self, name: str) -> Asked:
        return Asked(f"{self._area}.{name}".lstrip("."), self.asked)

    async def __call__(self, **with_: Any) -> None:
        self.asked.append((self._area, with_))


async def test_an_index_that_is_made_a_month_before_is_as_old_as_its_month() -> None:
    """Its age is what the lifecycle goes by: it is merged when its month is over, and dropped thirteen months later."""
    client = Asked()
    done = install(cast(AsyncElasticsearch, client), TEMPLATES, date(2026, 12, 24), lifecycle=True)
    assert "index trackway-alerts-2027.01" in [each async for each in done]
    ages = {
        with_["index"]: with_["settings"]["index.lifecycle.origination_date"]
        for what, with_ in client.asked
        if what == "indices.put_settings"
    }
    assert ages.keys() == {f"trackway-{kind}-{month}" for kind in KINDS for month in ("2026.12", "2027.01")}
    assert ages["trackway-trips-2027.01"] == datetime(2027, 1, 1, tzinfo=UTC).timestamp() * 1000


async def test_without_a_lifecycle_nothing_is_asked_that_not_every_server_has() -> None:
    client = Asked()
    assert [each async for each in install(cast(AsyncElasticsearch, client), TEMPLATES, date(2026, 12, 24))]
    assert {what for what, _ in client.asked} == {
        "cluster.put_component_template", "indices.put_index_template", "indices.create",
    }  # fmt: skip


async def test_data_streams_are_there_before_a_sink_looks_for_them() -> None:
    client = Asked()
    done = [each async for each in install(cast(AsyncElasticsearch, client), TEMPLATES, date.min, data_streams=True)]
    assert done[-3:] == ["data stream trackway-positions", "data stream trackway-trips", "data stream trackway-alerts"]
    made = [with_ for what, with_ in client.asked if what == "indices.create_data_stream"]
    assert made == [{"name": f"trackway-{kind}"} for kind in KINDS]
    assert "indices.create" not in {what for what, _ in client.asked}
