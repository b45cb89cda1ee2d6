"""Runs the tests of a cluster: on that of KUBECONFIG, or else on one that knative-host starts for them and ends."""

import os
import subprocess
import sys

from tests.cluster import host

WHERE_POSSIBLE = "--where-possible"
"""With it, to have no cluster is no failure: said, and passed over (.ci/run)."""


def main(options: list[str]) -> int:
    """The exit status of pytest, which gets the options; 2 when there is no cluster to test."""
    lenient = WHERE_POSSIBLE in options
    tests = [sys.executable, "-m", "pytest", "tests/cluster", *(each for each in options if each != WHERE_POSSIBLE)]
    given = os.environ.get("KUBECONFIG")
    if given:
        return subprocess.run([*tests, "--kubeconfig", given], cwd=host.ROOT, check=False).returncode
    missing = host.missing()
    if missing:
        # Who names a tool wants it used; else it may not be there.
        skipped = lenient and "KNATIVE_HOST" not in os.environ
        print(f"{'SKIPPED tests/cluster' if skipped else 'There is no cluster to test'}: no KUBECONFIG, and {missing}.")
        return 0 if skipped else 2
    # From within the cluster's network no module can be fetched. Where this fails it says why, and so does each test
    # that needs the program.
    subprocess.run([sys.executable, "-m", "tests.servers.kustomize"], check=False)
    with host.running() as cluster:
        inside = ["--kubeconfig", cluster.kubeconfig, "--own-address", host.NODE, "--overlay", cluster.overlay]
        status = cluster.run([*tests, *inside, "--knative-host", host.tool()])
        cluster.keep = status != 0
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
