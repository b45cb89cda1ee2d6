"""Runs the tests of a cluster: on that of KUBECONFIG, or else on one that knative-host starts for them and ends."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST_TOOL = Path(os.environ.get("KNATIVE_HOST") or ROOT.parent / "shared/knative-host/knative-host")
NODE = "10.244.0.1"
"""The address of knative-host's node, by which Pods reach what `exec` runs."""


def main(options: list[str]) -> int:
    """The exit status of pytest; 2 when there is no cluster to test."""
    tests = [sys.executable, "-m", "pytest", "tests/cluster"]
    given = os.environ.get("KUBECONFIG")
    if given:
        return subprocess.run([*tests, "--kubeconfig", given, *options], cwd=ROOT, check=False).returncode
    if not HOST_TOOL.exists():
        print(f"There is no cluster: set KUBECONFIG, or KNATIVE_HOST (there is none at {HOST_TOOL}).", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="trackway-cluster-"))
    try:
        status = on_a_cluster_of_its_own(folder, tests, options)
    finally:
        subprocess.run([HOST_TOOL, "down", folder], check=False)
    if status == 0:
        shutil.rmtree(folder)
    else:
        print(f"What the cluster's processes wrote is in {folder} (pods/, logs/).", file=sys.stderr)
    return status


def on_a_cluster_of_its_own(folder: Path, tests: list[str], options: list[str]) -> int:
    """Start a cluster in `folder` and run the tests inside of its network."""
    # All connections to Services pass through one process of knative-host.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    (folder / "images.json").write_text(
        json.dumps({"mongo:*": [sys.executable, str(Path(__file__).with_name("mongo.py"))]})
    )
    overlay = overlay_for(folder)
    # Manifests say `python`; a container of knative-host finds it where we do.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run([HOST_TOOL, "build"], check=True)
    subprocess.run([HOST_TOOL, "up", folder, "--images", folder / "images.json"], env=environment, check=True)
    inside = ["--kubeconfig", str(folder / "kubeconfig"), "--own-address", NODE, "--overlay", str(overlay)]
    inside += ["--knative-host", str(HOST_TOOL)]
    command = [HOST_TOOL, "exec", folder, "--", *tests, *inside, *options]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def overlay_for(folder: Path) -> Path:
    """The overlay of a small cluster, told where this checkout is: containers there are processes of this machine."""
    overlay = folder / "overlay"
    overlay.mkdir()
    settings = {
        "TRACKWAY_FUNCTIONS": ROOT / "functions",
        "TRACKWAY_STREETS": ROOT / "build/map/streets.json",
        "TRACKWAY_FRONTEND": ROOT / "build/frontend",
        "TRACKWAY_MAP": ROOT / "build/map",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'realtime-gateway'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    patch = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "trackway", "namespace": "trackway"},
        "data": {name: str(value) for name, value in settings.items()},
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(ROOT / "knative/overlays/kind", overlay)],
        "patches": [{"patch": json.dumps(patch)}],
    }
    (overlay / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1))
    return overlay


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
