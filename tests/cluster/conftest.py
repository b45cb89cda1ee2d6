"""Options, and the cluster. Without `--kubeconfig` nothing here runs: the cluster that a shell points at by chance is
not for tests to write to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.product import NAMESPACE, Product, Reach
from tests.running import ROOT


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cluster", "tests against a cluster (tests/cluster)")
    group.addoption("--kubeconfig", help="the cluster to write to; `python -m tests.cluster` gives KUBECONFIG's")
    group.addoption("--own-address", help="by what Pods reach this machine; needed to receive deliveries here")
    group.addoption("--ingress", help="what serves Knative Services by their Host, where their names lead nowhere")
    group.addoption("--brokers", help="where Brokers are, likewise")
    group.addoption("--gateway", help="where the gateway is, likewise")
    group.addoption("--overlay", help="what is applied (knative/overlays/kind)")
    group.addoption("--knative-host", help="the tool whose validator's verdicts are compared")


ORDER = ("deploy", "whole_way", "answers", "failures", "burst", "admission", "conformance", "zero", "components")
"""Of the test modules: functions scale to zero while what needs none of them is tested; more is deployed at the end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("kubeconfig", None):  # else the items are those of other folders
        items.sort(
            key=lambda item: ORDER.index(name) if (name := item.path.stem.removeprefix("test_")) in ORDER else -1
        )


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if config.getoption("kubeconfig", None) else True


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """The cluster under test."""
    return Cluster(pytestconfig.getoption("kubeconfig"), pytestconfig.getoption("own_address"))


@pytest.fixture(scope="session")
def reach(pytestconfig: pytest.Config) -> Reach:
    """The cluster's own addresses, or those that are given."""
    given = {name: pytestconfig.getoption(name) for name in Reach._fields}
    return Reach(**{name: url.rstrip("/") for name, url in given.items() if url})


@pytest.fixture(scope="session")
def product(deployed: Cluster, reach: Reach) -> Iterator[Product]:
    """What is deployed, once it is reached."""
    one = Product(reach)
    with closing(one.client):
        deployed.until(one.is_reached, "the gateway is reached (from outside of the cluster by --gateway)")
        yield one


@pytest.fixture(scope="session")
def overlay(pytestconfig: pytest.Config) -> Path:
    """What is deployed."""
    return Path(pytestconfig.getoption("overlay") or ROOT / "knative/overlays/kind")


@pytest.fixture(scope="session")
def deployed(cluster: Cluster, overlay: Path) -> Iterator[Cluster]:
    """The cluster with everything of ours in it, ready; it had nothing of ours before, and has nothing after."""
    there = cluster.run("get", "namespace", NAMESPACE).returncode == 0
    assert not there, f"the namespace {NAMESPACE} is there already, and not for tests to change: delete it first"
    done = cluster.trackway("deploy", "apply", overlay, "--patience", 180)
    assert done.returncode == 0, done.stdout + done.stderr
    yield cluster
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
