"""The conformance suite, which knative-local passes, passes on Knative's own channel broker too."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.product import Reach
from tests.running import ROOT, free_port

NAMESPACE = "conformance"


@pytest.mark.timeout(600)
def test_the_conformance_suite_passes_on_the_real_broker(cluster: Cluster, reach: Reach) -> None:
    if cluster.own_address is None:
        pytest.skip("the Broker has to reach this machine: say by what with --own-address")
    port = free_port()
    options = ["--broker-url", f"{reach.brokers}/{NAMESPACE}/conformance", "--broker-class", "channel"]
    options += ["--namespace", NAMESPACE, "--subscriber-host", "0.0.0.0", "--subscriber-port", str(port)]
    options += ["--subscriber-url", f"http://{cluster.own_address}:{port}", "-p", "no:cacheprovider"]
    options += ["--patience", "90"]  # what a busy machine takes is no defect
    suite = [sys.executable, "-m", "pytest", "tests/conformance", *options]
    printed = subprocess.run([*suite, "--print-manifests"], cwd=ROOT, capture_output=True, text=True, check=True)
    cluster.apply(printed.stdout)
    try:
        cluster.wait_ready(NAMESPACE)
        # With CI=true what only Kafka's class promises would be a skip that counts as failed.
        environment = {name: value for name, value in os.environ.items() if name != "CI"}
        done = subprocess.run(suite, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
