"""The real istioctl, built by Go into build/servers (some four minutes where Go has built nothing of it yet)."""

import subprocess
from pathlib import Path

from tests.servers import go

VERSION = "v0.0.0-20260827124520-eed52ebb66ad"
FOLDER = go.FOLDER / f"istioctl-{VERSION}"
BUILD_S = 1500


def analyze(*files: Path) -> str:
    """What `istioctl analyze` has to say of manifests, without a cluster; nothing when all is well."""
    program = go.installed(f"istio.io/istio/istioctl/cmd/istioctl@{VERSION}", FOLDER, timeout=BUILD_S)
    command = [program, "analyze", "--all-namespaces", "--use-kube=false", "--color=false", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout + done.stderr).strip()
