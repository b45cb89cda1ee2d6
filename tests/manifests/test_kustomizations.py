"""What the real kustomize makes of knative/: every overlay, components in any combination, and what holds in all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from knative_local import kustomization
from knative_local.yaml_tree import Errors, plain
from realtime_gateway.settings import Settings
from tests.running import ROOT
from tests.servers import kustomize
from trackway.functions.connection import HEALTH
from trackway.metrics.names import GATEWAY_CONNECTIONS

pytestmark = pytest.mark.integration  # the first of them builds a program

KNATIVE = ROOT / "knative"
OVERLAYS = sorted(path.name for path in (KNATIVE / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (KNATIVE / "components").iterdir())
SETS = [
    chosen
    for size in range(len(COMPONENTS) + 1)
    if os.environ.get("TRACKWAY_EVERY_COMBINATION") or size <= 2 or size >= len(COMPONENTS) - 2
    for chosen in combinations(COMPONENTS, size)
]
"""All of two at most, and all that lack two at most: what one component has against another, or needs of it, is seen in
them. There are some thousand others, which TRACKWAY_EVERY_COMBINATION=1 builds too."""

GATEWAY = "realtime-gateway"
OURS = {"function", "gateway"}
"""Components that run images of ours; the others are Istio's proxy and MongoDB."""

ON_A_CLUSTER = ["kind", "production"]
LONGEST_SLICE_S = 10
SERVERS_END_S = 7
"""What the gateway's server itself may take when its sockets are told (realtime_gateway.__main__)."""

DRAIN_S = 30
"""For so long queue-proxy keeps a function from being told to end; what a Pod has for its end is `timeoutSeconds`."""


def documents(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each]


def identity(document: dict[str, Any]) -> tuple[str, str, str]:
    return document["apiVersion"], document["kind"], document["metadata"]["name"]


@pytest.fixture(scope="session")
def overlays() -> dict[str, list[dict[str, Any]]]:
    """What each overlay gives."""
    return {name: documents(kustomize.build(KNATIVE / "overlays" / name)) for name in OVERLAYS}


def containers(objects: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each object with a Pod template, and its container."""
    for each in objects:
        pod = each.get("spec", {}).get("template", {}).get("spec", {})
        for container in pod.get("containers", ()):
            yield each, container


@pytest.mark.parametrize("chosen", SETS, ids=lambda chosen: "+".join(chosen) or "base alone")
def test_every_combination_of_components_builds(tmp_path: Path, chosen: tuple[str, ...]) -> None:
    listed = [os.path.relpath(KNATIVE / "components" / name, tmp_path) for name in chosen]
    text = {"resources": [os.path.relpath(KNATIVE / "base", tmp_path)], "components": listed}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(text))
    built = documents(kustomize.build(tmp_path))
    names = [identity(each) for each in built]
    assert len(names) == len(set(names))
    assert {each["metadata"].get("namespace", "trackway") for each in built} == {"trackway"}


@pytest.mark.parametrize("overlay", ["local", "local-kafka"])
def test_knative_local_reads_what_kustomize_builds(overlays: dict[str, list[dict[str, Any]]], overlay: str) -> None:
    errors = Errors()
    read = kustomization.documents_of(KNATIVE / "overlays" / overlay, errors)
    assert not errors.found
    ours = {identity(each): each for each in map(plain, read)}
    assert ours == {identity(each): each for each in overlays[overlay]}


@pytest.mark.parametrize(("overlay", "on_kafka"), [("local", False), ("local-kafka", True), ("production", True)])
def test_events_come_to_the_gateway_by_kafka_or_by_a_trigger_and_not_by_both(
    overlays: dict[str, list[dict[str, Any]]], overlay: str, on_kafka: bool
) -> None:
    objects = {(each["kind"], each["metadata"]["name"]): each for each in overlays[overlay]}
    assert ("TRACKWAY_KAFKA" in objects["ConfigMap", "trackway"]["data"]) == on_kafka
    assert (("Trigger", "realtime-gateway") in objects) == (not on_kafka)
    assert (("KafkaSink", "history") in objects) == on_kafka


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_trigger_has_a_dead_letter_sink_that_is_there(
    overlays: dict[str, list[dict[str, Any]]], overlay: str
) -> None:
    """Without one Knative's Kafka broker drops what failed without a word."""
    objects = overlays[overlay]
    (broker,) = (each for each in objects if each["kind"] == "Broker")
    names = {(each["kind"], each["metadata"]["name"]) for each in objects}
    triggers = [each for each in objects if each["kind"] == "Trigger"]
    assert len(triggers) > 3
    for trigger in triggers:
        assert trigger["spec"]["broker"] == broker["metadata"]["name"]
        delivery = trigger["spec"].get("delivery", broker["spec"]["delivery"])
        for ref in (delivery["deadLetterSink"]["ref"], trigger["spec"]["subscriber"]["ref"]):
            assert (ref["kind"], ref["name"]) in names, f"{trigger['metadata']['name']} names what is not there: {ref}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_container_has_rights_that_it_does_not_need(overlays: dict[str, list[dict[str, Any]]], overlay: str) -> None:
    checked = 0
    for it, container in containers(overlays[overlay]):
        pod, security = it["spec"]["template"]["spec"], container["securityContext"]
        assert {**pod.get("securityContext", {}), **security}["runAsNonRoot"] is True
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert {"requests", "limits"} <= container["resources"].keys()
        checked += 1
    assert checked >= 8


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_is_asked_whether_it_is_ready(overlays: dict[str, list[dict[str, Any]]], overlay: str) -> None:
    """A port that takes connections may belong to a process that does not answer yet. A function is asked by its
    queue-proxy, which has no pause between questions while it starts if no period is set; a kubelet, which would ask
    about liveness, does not reach it (test_only_the_gateway_listens_beyond_its_pod)."""
    asked = {
        it["metadata"]["name"]: container.get("readinessProbe", {})
        for it, container in containers(overlays[overlay])
        if container["image"] != "auto"  # Istio's injector brings it
    }
    assert all(probe.keys() & {"httpGet", "tcpSocket"} for probe in asked.values()), asked
    functions = [(it, each) for it, each in containers(overlays[overlay]) if it["kind"] == "Service"]
    assert len(functions) == len(list((ROOT / "functions").glob("*/main.py")))
    for it, container in functions:
        assert container["readinessProbe"] == {"httpGet": {"path": HEALTH[1].decode()}}, it["metadata"]["name"]
        assert "livenessProbe" not in container
    ((_, gateway),) = (each for each in containers(overlays[overlay]) if each[0]["metadata"]["name"] == GATEWAY)
    assert gateway["livenessProbe"]["httpGet"] == gateway["readinessProbe"]["httpGet"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_function_has_time_to_end_its_work_after_the_drain(
    overlays: dict[str, list[dict[str, Any]]], overlay: str
) -> None:
    services = [each for each in overlays[overlay] if each["apiVersion"] == "serving.knative.dev/v1"]
    assert len(services) == len(list((ROOT / "functions").glob("*/main.py")))
    for service in services:
        assert service["spec"]["template"]["spec"]["timeoutSeconds"] >= DRAIN_S + 2 * LONGEST_SLICE_S


@pytest.mark.parametrize("overlay", ON_A_CLUSTER)
def test_every_image_has_a_place_and_a_tag(overlays: dict[str, list[dict[str, Any]]], overlay: str) -> None:
    for it, container in containers(overlays[overlay]):
        if container["image"] == "auto":  # by Istio's injector
            continue
        assert not container["image"].startswith("trackway/"), f"{it['metadata']['name']}: the overlay names no image"
        assert ":" in container["image"].rpartition("/")[2]


@pytest.mark.parametrize("overlay", ON_A_CLUSTER)
def test_every_pod_of_ours_is_within_the_walls(overlays: dict[str, list[dict[str, Any]]], overlay: str) -> None:
    """A NetworkPolicy closes everything; what a Pod may do is opened by labels, which all have to be there."""
    objects = overlays[overlay]
    policies = {each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "NetworkPolicy"}
    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["store"]["podSelector"] == {"matchLabels": {"app.kubernetes.io/part-of": "trackway"}}
    for it, container in containers(objects):
        template = it["spec"]["template"]
        if template["metadata"]["labels"]["app.kubernetes.io/component"] not in OURS:
            continue
        assert {"secretRef": {"name": "trackway-store"}} in container["envFrom"]
        own = "realtime-gateway" if it["kind"] == "Deployment" else "functions"
        assert template["spec"]["serviceAccountName"] == own


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_says_what_it_is(overlays: dict[str, list[dict[str, Any]]], overlay: str) -> None:
    """Kiali groups Pods by `app` and `version`; everything else that lists objects groups by Kubernetes' own labels."""
    for each in overlays[overlay]:
        labels, name = each["metadata"].get("labels", {}), f"{each['kind']} {each['metadata']['name']}"
        assert {"app.kubernetes.io/name", "app.kubernetes.io/part-of"} <= labels.keys(), name
        assert labels["app.kubernetes.io/part-of"] == "trackway", name
    for it, _ in containers(overlays[overlay]):
        labels, name = it["spec"]["template"]["metadata"]["labels"], it["metadata"]["name"]
        assert labels["app"] == labels["app.kubernetes.io/name"] == it["metadata"]["labels"]["app.kubernetes.io/name"]
        assert labels["app"] == name
        assert {"version", "app.kubernetes.io/component", "app.kubernetes.io/part-of"} <= labels.keys(), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_port_has_a_name_that_says_its_protocol(overlays: dict[str, list[dict[str, Any]]], overlay: str) -> None:
    """Istio takes the protocol from it, and a Service names the port of its Pods, not a number."""
    checked = 0
    for it, container in containers(overlays[overlay]):
        for port in container.get("ports", ()):
            assert port["name"].partition("-")[0] in {"http", "https", "mongo", "tcp"}, it["metadata"]["name"]
            checked += 1
    for each in overlays[overlay]:
        if (each["apiVersion"], each["kind"]) == ("v1", "Service"):
            for port in each["spec"]["ports"]:
                assert port["name"].partition("-")[0] in {"http", "https", "mongo", "tcp"}, each["metadata"]["name"]
                assert isinstance(port["targetPort"], str), each["metadata"]["name"]
                checked += 1
    assert checked >= 2


def test_gateways_grow_in_number_only_where_each_of_them_reads_all_events(
    overlays: dict[str, list[dict[str, Any]]],
) -> None:
    """A Trigger posts an event to one of them. And an autoscaler's number is not taken back by the next apply."""
    grown = {
        name for name, objects in overlays.items() if any(it["kind"] == "HorizontalPodAutoscaler" for it in objects)
    }
    assert grown == {"production"}
    objects = {(each["kind"], each["metadata"]["name"]): each for each in overlays["production"]}
    assert "replicas" not in objects["Deployment", "realtime-gateway"]["spec"]
    (metric,) = objects["HorizontalPodAutoscaler", "realtime-gateway"]["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == GATEWAY_CONNECTIONS.name
    assert int(metric["pods"]["target"]["averageValue"]) < Settings.model_fields["max_sockets"].default


@pytest.mark.parametrize("overlay", ON_A_CLUSTER)
def test_sockets_are_told_to_come_back_before_a_pod_has_to_end(
    overlays: dict[str, list[dict[str, Any]]], overlay: str
) -> None:
    (pod,) = (
        it["spec"]["template"]["spec"]
        for it, _ in containers(overlays[overlay])
        if it["metadata"]["name"] == "realtime-gateway"
    )
    (container,) = pod["containers"]
    drain = next(float(each["value"]) for each in container["env"] if each["name"] == "TRACKWAY_DRAIN_SECONDS")
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain > 5
    assert before + drain + SERVERS_END_S < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("overlay", ON_A_CLUSTER)
def test_every_secret_is_described_where_an_operator_looks(
    overlays: dict[str, list[dict[str, Any]]], overlay: str
) -> None:
    """What must be there before it is applied stands in docs/operations.md, or the overlay brings it along."""
    described = (ROOT / "docs/operations.md").read_text()
    brought = {each["metadata"]["name"] for each in overlays[overlay] if each["kind"] == "Secret"}
    wanted = {
        source["secretRef"]["name"]
        for _, container in containers(overlays[overlay])
        for source in container.get("envFrom", ())
        if "secretRef" in source
    }
    assert wanted
    assert not [name for name in wanted - brought if f"| `{name}` |" not in described]


@pytest.mark.parametrize("overlay", ON_A_CLUSTER)
def test_only_the_gateway_listens_beyond_its_pod(overlays: dict[str, list[dict[str, Any]]], overlay: str) -> None:
    """Functions answer their queue-proxy, on loopback."""
    open_ones = [
        it["metadata"]["name"]
        for it, container in containers(overlays[overlay])
        if any(each["name"] == "TRACKWAY_HOST" for each in container.get("env", ()))
    ]
    assert open_ones == ["realtime-gateway"]


def test_the_small_cluster_asks_for_the_broker_that_comes_with_knative_and_production_for_kafka(
    overlays: dict[str, list[dict[str, Any]]],
) -> None:
    classes = {
        name: each["metadata"].get("annotations", {}).get("eventing.knative.dev/broker.class")
        for name, objects in overlays.items()
        for each in objects
        if each["kind"] == "Broker"
    }
    assert classes == {"local": None, "local-kafka": None, "kind": "MTChannelBasedBroker", "production": "Kafka"}


def test_the_small_clusters_broker_does_not_make_who_posts_wait_for_the_end(
    overlays: dict[str, list[dict[str, Any]]],
) -> None:
    (broker,) = (each for each in overlays["kind"] if each["kind"] == "Broker")
    assert broker["metadata"]["annotations"]["messaging.knative.dev/async-handler"] == "true"
