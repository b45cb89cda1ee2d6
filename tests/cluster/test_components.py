"""The components that a small cluster does without, in a live one: figures, traces, and who may post to the Broker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cluster import pod_monitor
from tests.cluster.cluster import APPLY, Cluster
from tests.cluster.objects import kind_of_others
from tests.cluster.product import NAMESPACE, Product
from tests.collector import Collector, Span, collecting
from tests.running import ROOT
from tests.servers import prometheus

pytestmark = pytest.mark.timeout(300)
OPERATOR = [
    kind_of_others("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
    kind_of_others("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
]
OF_FUNCTIONS = {each.parent.name for each in (ROOT / "functions").glob("*/main.py")}
OURS = "app.kubernetes.io/part-of=trackway"
SCRAPED = "prometheus.io/scrape"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def authentication(cluster: Cluster) -> Iterator[None]:
    """Knative asks who posts to a Broker. It is the whole cluster's setting."""

    def set_to(value: str) -> None:
        patch = json.dumps({"data": {"authentication-oidc": value}})
        cluster.kubectl("-n", "knative-eventing", "patch", "configmap", "config-features", "-p", patch)

    set_to("enabled")
    try:
        yield
    finally:
        set_to("disabled")


def write_overlay(folder: Path, overlay: Path, collector: str) -> None:
    """What is deployed anyway, and the components; all traces are kept, and sent soon."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_TRACES_SAMPLER_ARG": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    metadata = {"name": "trackway", "namespace": NAMESPACE}
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": settings}
    components = [ROOT / "knative/components" / name for name in ("monitoring", "tracing")]
    kustomization = {
        "resources": [os.path.relpath(overlay, folder)],
        "components": [os.path.relpath(each, folder) for each in components],
        "patches": [{"patch": json.dumps(patch)}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))


@pytest.fixture(scope="module")
def collector(
    deployed: Cluster, overlay: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Collector]:
    """What the product tells of traces, with all of these components."""
    if pytestconfig.getoption("knative_host") is None or deployed.own_address is None:
        pytest.skip("they need kinds and a setting of the whole cluster: for one that is the tests' own (knative-host)")
    deployed.apply(yaml.safe_dump_all(OPERATOR))
    folder = tmp_path_factory.mktemp("components")
    with collecting(deployed.own_address) as collector:
        write_overlay(folder, overlay, collector.url)
        done = deployed.trackway("deploy", "apply", folder, "--patience", 120)
        assert done.returncode == 0, done.stdout + done.stderr
        yield collector


@pytest.fixture(scope="module")
def trip_id(collector: Collector, deployed: Cluster, product: Product) -> str:
    """A trip that was watched from its start to its end."""
    with closing(product.watch()) as frames:
        trip_id = product.start_trip("watched-1")
        for frame in frames:
            if any(each["trip_id"] == trip_id and each["status"] == "finished" for each in frame["trips"]):
                break
    deployed.until(lambda: product.has_each_position_once(trip_id), "each of its positions there once")
    return trip_id


def test_one_trace_leads_from_a_tick_through_the_broker_to_the_frame(
    collector: Collector, deployed: Cluster, trip_id: str
) -> None:
    def shown() -> list[Span] | None:
        ways = (collector.way_to_a_frame(tick) for tick in collector.named("tick"))
        return next((way for way in ways if way), None)

    tick, taken, frame = deployed.until(shown, "a tick's trace with a frame")
    assert [(each.service, each.name) for each in (tick, taken, frame)] == [
        ("simulate", "tick"),
        ("realtime-gateway", "process realtime-gateway"),
        ("realtime-gateway", "frame"),
    ]
    assert (tick.parent, {taken.trace, frame.trace}) == ("", {tick.trace})
    everyone = {"persist", "progress", "realtime-gateway"}
    deployed.until(lambda: {each.service for each in collector.below(tick)} == everyone, "all who take a position")


def test_a_report_goes_on_in_the_trace_of_who_sends_it(
    collector: Collector, deployed: Cluster, product: Product
) -> None:
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    fix = {"id": "watched-2", "lat": -34.9, "lng": -56.16}
    assert product.ask("POST", "ingest", "/v1/ingest", json=fix, headers=headers).status_code == 200

    def taken() -> bool:
        asked = next((each for each in collector.named("POST /v1/ingest") if each.trace == TRACE), None)
        return asked is not None and {each.service for each in collector.below(asked)} == {
            "persist",
            "progress",
            "realtime-gateway",
        }

    deployed.until(taken, "all who take a position, below the request")


def test_prometheus_finds_each_pod_and_what_the_trip_did_is_counted(
    deployed: Cluster, product: Product, trip_id: str, tmp_path: Path
) -> None:
    """By the PodMonitor, at the addresses that the cluster gives to Pods."""
    (monitor,) = deployed.get("podmonitors.monitoring.coreos.com", NAMESPACE)
    listed = tmp_path / "targets.json"
    pods = [each for each in deployed.get("pods", NAMESPACE) if "deletionTimestamp" not in each["metadata"]]
    listed.write_text(json.dumps(pod_monitor.targets(pods)))
    positions = len(product.sequence(trip_id))
    with (
        prometheus.running(tmp_path, *pod_monitor.jobs(monitor, listed), every_s=1) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
    ):

        def asked() -> list[dict[str, Any]]:
            found = client.get("/api/v1/targets", params={"state": "active"}).json()["data"]["activeTargets"]
            return found if found and all(each["health"] != "unknown" for each in found) else []

        def told(query: str, label: str = "app") -> dict[str, float]:
            found = client.get("/api/v1/query", params={"query": query}).json()["data"]["result"]
            return {each["metric"].get(label, ""): float(each["value"][1]) for each in found}

        everyone = deployed.until(asked, "each Pod asked")
        # Revisions from before the component was there end by and by.
        ours = {each["metadata"]["name"] for each in pods if SCRAPED in each["metadata"].get("annotations", {})}
        assert sorted(each["labels"]["pod"] for each in everyone) == sorted(ours), "each once"
        assert {each["health"] for each in everyone} == {"up"}, [each["lastError"] for each in everyone]
        assert {each["labels"]["app"] for each in everyone} >= {"dispatch", "persist", "realtime-gateway", "simulate"}
        emitted = 'sum by (app) (trackway_function_emitted_events_total{result="accepted"})'
        assert deployed.until(lambda: told(emitted), "what was emitted")["simulate"] >= positions
        assert told("sum by (app) (trackway_function_events_total)")["progress"] > 0
        rows = told('sum by (app) (trackway_store_written_rows_total{operation="append_positions"})')
        assert rows["persist"] >= positions
        assert told('trackway_gateway_events_total{result="applied"}')["realtime-gateway"] > positions
        assert told('trackway_gateway_trips{status="finished"}')["realtime-gateway"] >= 1


@pytest.mark.usefixtures("collector")
def test_nobody_but_ours_posts_to_the_broker(deployed: Cluster, product: Product) -> None:
    """Last, since Triggers that are there already learn one after the other that they have to say who they are."""
    stranger = {"type": "dev.trackway.trip.started.v1", "id": "stranger"}
    policy = (ROOT / "knative/components/event-policies/event-policy.yaml").read_text()
    assert "feature not enabled" in str(deployed.refusal(policy)), "refused before authentication is on"
    with authentication(deployed):
        deployed.until(lambda: deployed.run(*APPLY, stdin=policy).returncode == 0, "the policy admitted")

        def is_ready() -> bool:
            (found,) = deployed.get("eventpolicies.eventing.knative.dev", NAMESPACE, "-l", OURS)  # Knative has its own
            (broker,) = deployed.get("brokers", NAMESPACE)
            conditions = {each["type"]: each["status"] for each in found.get("status", {}).get("conditions", ())}
            known = {each["name"] for each in broker["status"].get("policies", ())}
            return conditions.get("Ready") == "True" and found["metadata"]["name"] in known

        deployed.until(is_ready, "the policy ready, and known to the Broker")
        deployed.until(lambda: product.emit(stranger, b"{}") == 401, "a stranger refused")
        deployed.kubectl("delete", "-f", "-", stdin=policy)
