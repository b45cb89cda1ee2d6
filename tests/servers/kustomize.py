"""The real kustomize, built by Go into build/servers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MODULE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
FOLDER = Path(__file__).parents[2] / "build/servers/kustomize-5.7.1"


def program() -> Path:
    """The program; skips the test (fails in CI) where it cannot be built."""
    found = FOLDER / "kustomize"
    if not found.exists():
        if shutil.which("go") is None:
            pytest.skip("kustomize is built by Go: install Go 1.24 or newer (https://go.dev/dl)")
        environment = {**os.environ, "GOBIN": str(FOLDER), "GOFLAGS": "", "CGO_ENABLED": "0"}
        subprocess.run(["go", "install", MODULE], env=environment, check=True, timeout=600)
    return found


def build(folder: Path) -> str:
    """What a kustomization gives; fails with kustomize's own words."""
    done = subprocess.run([program(), "build", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout
