"""Kibana's saved objects fit the mapping: each field that one uses exists, with a type that its operation works on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.kibana_objects import FILE, FITTING, by_id, fields_of, saved_objects, uses
from tools import kibana
from trackway.events import FACTS

OBJECTS = saved_objects()


def test_what_is_committed_is_what_the_source_gives() -> None:
    assert FILE.read_text() == kibana.written(), "run `make generate`"


@pytest.mark.parametrize("each", OBJECTS, ids=lambda each: each["id"])
def test_every_field_is_in_the_mapping_with_a_type_that_fits(each: dict[str, Any]) -> None:
    for use in uses(each):
        found = fields_of(use.view).get(use.field)
        assert found is not None, f"{each['id']}: {use.view} have no field {use.field}"
        assert found in FITTING[use.operation], f"{each['id']}: {use.operation} does not work on {use.field}, a {found}"


def test_every_reference_is_to_an_object_of_the_file() -> None:
    known = by_id()
    for each in OBJECTS:
        for reference in each["references"]:
            assert (reference["type"], reference["id"]) in known, f"{each['id']} refers to {reference}"


def test_the_dashboard_shows_every_chart_and_map_and_none_over_another() -> None:
    dashboard = by_id()["dashboard", "trackway-dashboard"]
    panels = json.loads(dashboard["attributes"]["panelsJSON"])
    shown = {reference["id"] for reference in dashboard["references"]}
    assert shown == {each["id"] for each in OBJECTS if each["type"] in {"lens", "map"}}
    covered: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridData"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert grid["x"] + grid["w"] <= 48
        assert not covered & cells, f"{panel['panelIndex']} lies over another"
        covered |= cells


def test_queries_name_types_of_events_that_there_are() -> None:
    for each in OBJECTS:
        text = json.dumps(each)
        for word in text.replace('\\"', '"').split('"'):
            if word.startswith("dev.trackway."):
                assert word in FACTS, f"{each['id']}: there is no {word}"
