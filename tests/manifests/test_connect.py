"""Kafka Connect on a cluster is what it is elsewhere: Strimzi's objects are written from connect/."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

from tests.running import ROOT

SPEC = importlib.util.spec_from_file_location("strimzi", ROOT / "tools/strimzi.py")
assert SPEC is not None
assert SPEC.loader is not None
strimzi = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(strimzi)


@pytest.mark.parametrize(("path", "text"), strimzi.generated().items(), ids=lambda value: str(value)[-40:])
def test_what_is_committed_is_what_connect_says_now(path: Path, text: str) -> None:
    assert (ROOT / path).read_text() == text, f"{path} is stale: run `make generate`"


def test_every_connector_is_there_and_started_again_when_it_fails() -> None:
    for path in (ROOT / "connect/connectors").glob("*.json"):
        wanted = json.loads(path.read_text())
        it = yaml.safe_load((ROOT / strimzi.file_of(wanted["name"])).read_text())
        spec = it["spec"]
        again = {"connector.class": spec["class"], "tasks.max": str(spec["tasksMax"]), **spec["config"]}
        assert again == wanted["config"]
        assert spec["autoRestart"] == {"enabled": True}
        assert it["metadata"]["labels"]["strimzi.io/cluster"] == strimzi.NAME


def test_a_worker_has_the_settings_of_one_that_is_started_by_hand() -> None:
    """But for those that Strimzi decides: it refuses a KafkaConnect with them."""
    spec = yaml.safe_load((ROOT / strimzi.FOLDER / "kafka-connect.yaml").read_text())["spec"]
    lines = (ROOT / "connect/worker.properties").read_text().splitlines()
    wanted = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    fields = {setting: spec[field] for setting, field in strimzi.FIELDS.items()}
    assert {**spec["config"], **fields} == {name: wanted[name] for name in wanted.keys() - set(strimzi.STRIMZIS)}


def test_every_address_of_a_connector_is_given_to_the_workers() -> None:
    """And by a variable that they may read."""
    spec = yaml.safe_load((ROOT / strimzi.FOLDER / "kafka-connect.yaml").read_text())["spec"]
    given = {each["name"] for each in spec["template"]["connectContainer"]["env"]}
    named = {
        value.removeprefix("${env:").removesuffix("}")
        for path in (ROOT / "connect/connectors").glob("*.json")
        for value in json.loads(path.read_text())["config"].values()
        if value.startswith("${env:")
    }
    assert named == given
    assert all(name.startswith("TRACKWAY_") for name in given)
