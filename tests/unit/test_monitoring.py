"""Dashboards, rules and runbooks are whole: what is committed is what the program writes, and no alert lacks a word."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from knative_local.metrics.names import METRICS as RUNTIMES
from monitoring.__main__ import FOLDER, RULES, generated
from monitoring.dashboards import DASHBOARDS
from tests.running import ROOT
from tests.servers import prometheus
from trackway.metrics.names import METRICS

RULE_FILES = [FOLDER / "rules" / f"{name}.yaml" for name in RULES]
PANELS = [panel for each in DASHBOARDS for _, row in each.rows for panel in row]
EXPRESSIONS = [query.expression for panel in PANELS for query in panel.queries]
KNATIVES = re.compile(r"kn_\w+|kafka_consumergroup_lag|up|process_\w+")
METRIC = re.compile(r"\b(?:trackway_|knative_local_|kn_|kafka_|process_)\w+")


def rules() -> list[dict[str, Any]]:
    groups = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = [rule for rule in rules() if "alert" in rule]


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_what_is_committed_is_what_the_program_writes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generated()[path], "run `make generate`"


def test_nothing_else_lies_among_the_dashboards() -> None:
    assert set((FOLDER / "grafana").iterdir()) == {path for path in generated() if path.suffix == ".json"}
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))["configMapGenerator"]
    assert [each["files"] for each in listed] == [[f"grafana/{each.name}.json"] for each in DASHBOARDS]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_every_panel_has_a_place_of_its_own_and_tells_what_it_shows(dashboard: Any) -> None:
    document = json.loads((FOLDER / "grafana" / f"{dashboard.name}.json").read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"]
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)


def test_dashboards_and_rules_ask_only_for_what_there_is() -> None:
    there = {
        f"{metric.name}{suffix}"
        for metric in (*METRICS, *RUNTIMES)
        for suffix in {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}[metric.kind]
    }
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for expression in (*EXPRESSIONS, *(rule["expr"] for rule in rules())):
        asked = set(METRIC.findall(expression))
        assert {name for name in asked if not KNATIVES.fullmatch(name)} <= there
        assert set(re.findall(r"trackway:\w+:?\w*", expression)) <= recorded


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_a_paragraph_of_the_runbook(alert: dict[str, Any]) -> None:
    file, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert anchor == alert["alert"].lower()
    text = (ROOT / file).read_text(encoding="utf-8")
    heading = f"\n#### {alert['alert']}\n"
    assert heading in text
    assert len(text.partition(heading)[2].partition("\n#")[0].strip()) > 80
    assert alert["labels"]["severity"] in {"critical", "warning"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_a_test_that_fires_and_one_that_does_not(alert: dict[str, Any]) -> None:
    tests = yaml.safe_load((FOLDER / "rules/tests.yaml").read_text(encoding="utf-8"))["tests"]
    about = [each for test in tests for each in test.get("alert_rule_test", ()) if each["alertname"] == alert["alert"]]
    assert {bool(each["exp_alerts"]) for each in about} == {True, False}


def test_the_rules_do_what_their_tests_say() -> None:
    command = [prometheus.program("promtool"), "test", "rules", "tests.yaml"]
    done = subprocess.run(command, cwd=FOLDER / "rules", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout + done.stderr
