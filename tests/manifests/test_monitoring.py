"""What the component `monitoring` adds: Prometheus finds every Pod of ours, gets in, and has our rules."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.__main__ import FOLDER, RULES
from monitoring.dashboards import DASHBOARDS
from tests.running import ROOT
from tests.servers import kustomize
from trackway.metrics import metrics_address

pytestmark = pytest.mark.integration  # the first of them builds a program

PART_OF = {"app.kubernetes.io/part-of": "trackway"}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """By kind and name, what a cluster with the component gets."""
    folder = tmp_path_factory.mktemp("monitored")
    knative = Path(os.path.relpath(ROOT / "knative", folder))
    components = [str(knative / "components" / name) for name in ("cluster", "monitoring")]
    text = yaml.safe_dump({"resources": [str(knative / "base")], "components": components})
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    built = [each for each in yaml.safe_load_all(kustomize.build(folder)) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in built}


def templates(objects: dict[tuple[str, str], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in objects.values():
        template = each.get("spec", {}).get("template")
        if template is not None:
            yield template


def test_prometheus_finds_every_pod_and_is_told_where_to_ask(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    monitor = objects["PodMonitor", "trackway"]["spec"]
    assert monitor["selector"] == {"matchLabels": PART_OF}
    assert [each["port"] for each in monitor["podMetricsEndpoints"]] == ["user-port", "http"]
    found = list(templates(objects))
    assert len(found) == len(list((ROOT / "functions").glob("*/main.py"))) + 1
    for template in found:
        assert PART_OF.items() <= template["metadata"]["labels"].items()
        asked = template["metadata"]["annotations"]
        assert (asked["prometheus.io/scrape"], asked["prometheus.io/path"]) == ("true", "/metrics")
        settings = objects["ConfigMap", "trackway"]["data"]
        assert {"configMapRef": {"name": "trackway"}} in template["spec"]["containers"][0]["envFrom"]
        address = metrics_address(settings)
        assert address is not None
        assert (address.host, str(address.port)) == ("0.0.0.0", asked["prometheus.io/port"])
    gateway = objects["Deployment", "realtime-gateway"]["spec"]["template"]["spec"]["containers"][0]
    assert "http" in [port["name"] for port in gateway["ports"]]


def test_prometheus_gets_in_and_nobody_else_does(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    policy = objects["NetworkPolicy", "monitoring"]["spec"]
    assert policy["podSelector"] == {"matchLabels": PART_OF}
    (rule,) = policy["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    assert {9102, 15020} == {port["port"] for port in rule["ports"]}


def test_the_rules_are_those_of_the_laptop(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    groups = objects["PrometheusRule", "trackway"]["spec"]["groups"]
    files = [yaml.safe_load((FOLDER / f"rules/{name}.yaml").read_text(encoding="utf-8"))["groups"] for name in RULES]
    assert groups == [group for file in files for group in file]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_grafana_finds_every_dashboard(objects: dict[tuple[str, str], dict[str, Any]], dashboard: Any) -> None:
    found = objects["ConfigMap", f"trackway-dashboard-{dashboard.name}"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"][f"{dashboard.name}.json"])["title"] == dashboard.title
