"""Options, and the cluster. Without `--kubeconfig` nothing here runs: the cluster that a shell points at by chance is
not for tests to write to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.running import ROOT
from tests.servers import kustomize

NAMESPACE = "trackway"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cluster", "tests against a cluster (tests/cluster)")
    group.addoption("--kubeconfig", help="the cluster to write to; `python -m tests.cluster` gives KUBECONFIG's")
    group.addoption("--own-address", help="by what Pods reach this machine; needed to receive deliveries here")
    group.addoption("--overlay", help="what is applied (knative/overlays/kind)")
    group.addoption("--knative-host", help="the tool whose validator's verdicts are compared")


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if config.getoption("kubeconfig", None) else True


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """The cluster under test."""
    return Cluster(pytestconfig.getoption("kubeconfig"), pytestconfig.getoption("own_address"))


@pytest.fixture(scope="session")
def manifests(pytestconfig: pytest.Config) -> str:
    """What is deployed."""
    return kustomize.build(Path(pytestconfig.getoption("overlay") or ROOT / "knative/overlays/kind"))


@pytest.fixture(scope="session")
def deployed(cluster: Cluster, manifests: str) -> Iterator[Cluster]:
    """The cluster with everything of ours in it, ready; it had nothing of ours before, and has nothing after."""
    there = cluster.run("get", "namespace", NAMESPACE).returncode == 0
    assert not there, f"the namespace {NAMESPACE} is there already, and not for tests to change: delete it first"
    cluster.apply(manifests)
    cluster.wait_ready(NAMESPACE)
    yield cluster
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
