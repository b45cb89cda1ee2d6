"""A real Kubernetes and Knative as processes of this machine, by knative-host, which is not part of the project."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE = "10.244.0.1"
"""The address of the node, by which Pods reach what `exec` runs."""

SOURCES = ("src", "functions", "realtime-gateway")
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "true"]


def tool() -> Path:
    """The program: of the folder that KNATIVE_HOST names (or itself), by default ../shared/knative-host."""
    place = Path(os.environ.get("KNATIVE_HOST") or ROOT.parent / "shared/knative-host")
    return place / "knative-host" if place.is_dir() else place


def missing() -> str | None:
    """Why no cluster can be started here, in a sentence; None when one can."""
    if not tool().exists():
        return f"there is no knative-host at {tool()} (KNATIVE_HOST names its folder)"
    if os.geteuid():
        return "knative-host needs root, for namespaces of its own"
    if shutil.which("go") is None:
        return "knative-host is built by Go: install Go 1.25 or newer (https://go.dev/dl)"
    if shutil.which("unshare") is None or subprocess.run(NAMESPACES, capture_output=True, check=False).returncode:
        return "knative-host needs network, mount and pid namespaces, which cannot be made here"
    return None


class Host:
    """A cluster that is up; its files, among them what its processes wrote, are in `folder`, and stay with `keep`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.overlay = folder / "overlay"
        self.kubeconfig = folder / "kubeconfig"
        self.keep = False

    def run(self, command: Sequence[str | Path]) -> int:
        """The exit status of a command that runs in the cluster's network, as a process of its node."""
        inside = [tool(), "exec", self.folder, "--", *command]
        return subprocess.run(inside, cwd=ROOT, env=_environment(), check=False).returncode


@contextmanager
def running() -> Generator[Host]:
    """A fresh cluster with Knative, which is ended; its files stay where the start or the body fails."""
    # All connections to Services pass through one process of knative-host.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    subprocess.run([tool(), "build"], check=True)
    # As in an image: else each Pod compiles all that it loads, for a second.
    subprocess.run([sys.executable, "-m", "compileall", "-q", *SOURCES], cwd=ROOT, check=True)
    host = Host(Path(tempfile.mkdtemp(prefix="trackway-cluster-")))
    images = host.folder / "images.json"
    images.write_text(json.dumps({"mongo:*": [sys.executable, str(Path(__file__).with_name("mongo.py"))]}))
    _write_overlay(host.overlay)
    keep = True
    try:
        subprocess.run([tool(), "up", host.folder, "--images", images], env=_environment(), check=True)
        yield host
        keep = host.keep
    finally:
        subprocess.run([tool(), "down", host.folder], check=False)
        if keep:
            print(f"What the cluster's processes wrote is in {host.folder} (pods/, logs/).", file=sys.stderr)  # noqa: T201 - for a terminal
        else:
            shutil.rmtree(host.folder)


def _environment() -> dict[str, str]:
    """Manifests say `python`; a container of knative-host finds it where we do."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _write_overlay(folder: Path) -> None:
    """The overlay of a small cluster, told where this checkout is: containers there are processes of this machine."""
    folder.mkdir()
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
        "resources": [os.path.relpath(ROOT / "knative/overlays/kind", folder)],
        "patches": [{"patch": json.dumps(patch)}],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1))
