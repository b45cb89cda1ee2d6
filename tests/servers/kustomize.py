"""The real kustomize, built by Go into build/servers.

``python -m tests.servers.kustomize`` builds it ahead of the tests.
"""

import subprocess
from pathlib import Path

from tests.servers import go

PACKAGE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
FOLDER = go.FOLDER / "kustomize-5.7.1"


def program() -> Path:
    """The program; skips the test (fails in CI) where it cannot be built."""
    return go.installed(PACKAGE, FOLDER)


def build(folder: Path) -> str:
    """What a kustomization gives; fails with kustomize's own words."""
    done = subprocess.run([program(), "build", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


if __name__ == "__main__":
    program()
