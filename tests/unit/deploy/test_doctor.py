"""`trackway doctor --cluster`: what a cluster lacks, each with the remedy."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from tests.unit.deploy.fake_api import FakeApi, status
from tests.unit.deploy.test_checking import GOOD
from trackway.cli.commands import app
from trackway.deploy.manifest import parse
from trackway.deploy.needs import Finding, findings

SERVING = ("controller", "activator", "autoscaler", "webhook")
EVENTING = ("eventing-controller", "mt-broker-controller", "mt-broker-ingress", "mt-broker-filter")


def deployment(name: str, version: str = "1.21.0", available: int = 1) -> dict[str, Any]:
    labels = {"app.kubernetes.io/version": version}
    status = {"observedGeneration": 1, "availableReplicas": available, "updatedReplicas": 1}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


@pytest.fixture
def api() -> FakeApi:
    """A cluster that has all that GOOD needs."""
    one = FakeApi()
    for each in parse(GOOD):
        one.kinds.setdefault(each.api_version, {})[each.kind] = (f"{each.kind.lower()}s", True)
    one.kinds["v1"] |= {"Namespace": ("namespaces", False), "Pod": ("pods", True), "ConfigMap": ("configmaps", True)}
    one.kinds["apps/v1"] = {"Deployment": ("deployments", True)}
    for namespace, names in (("knative-serving", SERVING), ("knative-eventing", EVENTING)):
        for name in names:
            one.put(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}", deployment(name))
    network = {
        "metadata": {"name": "config-network"},
        "data": {"ingress-class": "istio.ingress.networking.knative.dev"},
    }
    one.put("/api/v1/namespaces/knative-serving/configmaps/config-network", network)
    gateway = {"metadata": {"name": "knative-local-gateway"}}
    one.put("/api/v1/namespaces/istio-system/services/knative-local-gateway", gateway)
    one.put("/api/v1/namespaces/town", {"metadata": {"name": "town", "labels": {"istio-injection": "enabled"}}})
    one.put("/api/v1/namespaces/town/secrets/by-hand", {"metadata": {"name": "by-hand"}, "data": {"KEY": "eA=="}})
    dns = {"metadata": {"name": "coredns-1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    one.put("/api/v1/namespaces/kube-system/pods/coredns-1", dns)
    return one


def found(api: FakeApi, text: str = GOOD) -> list[Finding]:
    with api.cluster() as cluster:
        return list(findings(cluster, parse(text)))


def told(api: FakeApi, text: str = GOOD) -> list[str]:
    return [f"{each.state}: {each.what}: {each.remedy}" for each in found(api, text) if each.state != "well"]


def test_a_cluster_that_has_all_is_well(api: FakeApi) -> None:
    """But for the certificate, whose namespace nobody can tell from the manifests."""
    assert told(api) == ["unsure: Secret town-certificate: see that it is in the ingress gateway's namespace"]
    whats = [each.what for each in found(api)]
    assert "Kubernetes v1.35.4" in whats
    assert "Knative Serving 1.21.0" in whats
    assert "Broker default of class MTChannelBasedBroker" in whats
    assert "Istio's sidecars in town" in whats
    assert "DNS: 1 Pods of kube-system answer" in whats


def test_what_one_may_not_do_oneself_is_told_a_line_for_each_kind(api: FakeApi) -> None:
    assert "you may do all that deploy apply does" in [each.what for each in found(api)]
    api.forbidden = {
        ("patch", "eventing.knative.dev", "triggers", "town"),
        ("create", "eventing.knative.dev", "triggers", "town"),
        ("list", "", "pods", "town"),
        ("delete", "apps", "deployments", "town"),  # which nobody wants to
    }
    lines = [each for each in told(api) if "you may" in each]
    role = "kubectl -n town create role"
    assert lines == [
        f"wrong: you may not list pods in town: {role} deploy-pod --verb=list --resource=pods, and bind it to yourself",
        "wrong: you may not create,patch triggers.eventing.knative.dev in town: "
        f"{role} deploy-trigger --verb=create,patch --resource=triggers.eventing.knative.dev, and bind it to yourself",
    ]


def remove(api: FakeApi, part: str) -> None:
    for path in [each for each in api.objects if part in each]:
        del api.objects[path]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            "/knative-serving/deployments",
            "wrong: Knative Serving: nothing of it is in the namespace knative-serving: inst",
        ),
        (
            "/knative-eventing/deployments",
            "wrong: Knative Eventing: nothing of it is in the namespace knative-eventing: ",
        ),
        (
            "mt-broker-filter",
            "MTChannelBasedBroker: mt-broker-filter is not in knative-eventing: install Knative Eventing",
        ),
        (
            "knative-local-gateway",
            "wrong: knative-local-gateway: it is not in istio-system: install Knative's net-istio",
        ),
        ("secrets/by-hand", "kubectl -n town create secret generic by-hand --from-literal=KEY=VALUE"),
        (
            "coredns",
            "unsure: DNS: none of its Pods is in kube-system; if it is elsewhere, open that in the NetworkPolicy",
        ),
    ],
)
def test_what_is_missing_is_told_with_the_remedy(api: FakeApi, part: str, said: str) -> None:
    remove(api, part)
    assert any(said in each for each in told(api)), told(api)


def test_an_old_version_is_told_with_the_oldest_that_will_do(api: FakeApi) -> None:
    for name in SERVING:
        api.put(f"/apis/apps/v1/namespaces/knative-serving/deployments/{name}", deployment(name, "1.9.2"))
    assert "wrong: Knative Serving 1.9.2: update it: 1.17 is the oldest that will do" in told(api)


def test_a_part_of_knative_that_does_not_run_is_told_with_why(api: FakeApi) -> None:
    api.put("/apis/apps/v1/namespaces/knative-serving/deployments/webhook", deployment("webhook", available=0))
    labels = {"app": "webhook"}
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}
    status = {"containerStatuses": [{"name": "webhook", "image": "gcr.io/webhook", "state": waiting}]}
    pod = {"metadata": {"name": "webhook-1", "labels": labels}, "status": status}
    api.put("/api/v1/namespaces/knative-serving/pods/webhook-1", pod)
    (line, *_) = [each for each in told(api) if "webhook" in each]
    assert "its image gcr.io/webhook cannot be pulled (ErrImagePull: no such host)" in line
    assert "kubectl -n knative-serving describe deployment webhook" in line


def test_a_kind_that_is_not_there_is_told_with_what_brings_it(api: FakeApi) -> None:
    del api.kinds["networking.istio.io/v1"]
    missing = "no Gateway of networking.istio.io/v1, no VirtualService of networking.istio.io/v1"
    assert any(f"the cluster knows {missing}: install Istio" in each for each in told(api))


def test_a_namespace_without_sidecars_is_told_when_policies_of_the_mesh_want_them(api: FakeApi) -> None:
    api.objects["/api/v1/namespaces/town"]["metadata"]["labels"] = {"istio-injection": "disabled"}
    said = "its policies bind nobody: kubectl label namespace town istio-injection=enabled"
    assert f"wrong: Istio's sidecars in town: {said}" in told(api)


def test_a_broker_of_a_class_that_nothing_serves(api: FakeApi) -> None:
    text = GOOD.replace("MTChannelBasedBroker", "Kafka")
    assert any("of class Kafka: kafka-controller, kafka-broker-receiver is not in" in each for each in told(api, text))
    config = {"metadata": {"name": "config-br-defaults"}, "data": {"default-br-config": "x:\n  brokerClass: Kafka\n"}}
    api.put("/api/v1/namespaces/knative-eventing/configmaps/config-br-defaults", config)
    without = GOOD.replace("annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker}", "labels: {}")
    assert any("Broker default of class Kafka" in each for each in told(api, without))


def test_a_networking_layer_that_is_not_istios_serves_no_virtual_service(api: FakeApi) -> None:
    path = "/api/v1/namespaces/knative-serving/configmaps/config-network"
    api.put(path, {"data": {"ingress-class": "kourier.ingress.networking.knative.dev"}})
    assert any("networking layer is kourier.ingress.networking.knative.dev, not Istio's" in each for each in told(api))


def test_a_secret_of_ours_without_its_key(api: FakeApi) -> None:
    text = GOOD.replace("by-hand", "trackway-store")
    assert any(
        "create secret generic trackway-store --from-literal=TRACKWAY_STORE=" in each for each in told(api, text)
    )
    path = "/api/v1/namespaces/town/secrets/trackway-store"
    api.put(path, {"metadata": {"name": "trackway-store"}, "data": {"STORE": "eA=="}})
    assert any("it has no TRACKWAY_STORE; make it anew with" in each for each in told(api, text))


def test_what_one_may_not_see_is_said_so_and_the_rest_is_told(api: FakeApi) -> None:
    original = api.answer

    def nosy(request: httpx2.Request) -> httpx2.Response:
        secret = "/secrets/" in request.url.path
        return status(403, 'secrets "by-hand" is forbidden') if secret else original(request)

    api.answer = nosy
    lines = told(api)
    assert 'unsure: what secrets there are: not for you to see: secrets "by-hand" is forbidden' in lines
    assert any(each.what.startswith("DNS") for each in found(api))


MORE = """---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: town}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: eventing.knative.dev/v1alpha1
kind: EventPolicy
metadata: {name: ours, namespace: town}
spec: {from: [{sub: "system:serviceaccount:town:functions"}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: gateway, namespace: town}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: gateway}
  maxReplicas: 8
  metrics: [{type: Pods, pods: {metric: {name: sockets}, target: {type: AverageValue, averageValue: "100"}}}]
"""


def test_storage_event_policies_and_metrics_are_looked_at_where_they_are_wanted(api: FakeApi) -> None:
    lines = told(api, GOOD.replace("  replicas: 2\n", "") + MORE)
    assert any(
        "storage for PersistentVolumeClaim data: the cluster has no default storage class" in each for each in lines
    )
    assert any("wrong: Eventing's OIDC: EventPolicies are refused without it" in each for each in lines)
    assert any("unsure: metrics for scaling (custom.metrics.k8s.io/v1beta1)" in each for each in lines)


def test_the_command_prints_a_line_each_and_ends_with_1_when_something_is_wrong(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackway.deploy.cluster.connect", lambda *_: nullcontext(api.cluster()))
    file = tmp_path / "town.yaml"
    file.write_text(GOOD)
    words = ["doctor", "--cluster", "--overlay", str(file)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stdout
    assert done.stdout.startswith("✓ Kubernetes v1.35.4\n")
    assert "! Secret town-certificate: see that" in done.stdout
    remove(api, "secrets/by-hand")
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "✗ Secret by-hand in town: kubectl -n town create secret" in done.stdout
    assert json.dumps("eA==") not in done.stdout
