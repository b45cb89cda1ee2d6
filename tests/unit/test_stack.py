"""`make run STACK=full` leads to the program that starts all servers; what it starts is tested server by server."""

import subprocess
import sys

from tests.running import ROOT


def test_make_starts_the_program_and_the_program_starts() -> None:
    told = subprocess.run(
        ["make", "-n", "-o", "setup-dev", "run", "STACK=full", "DEMO=5"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "tools/stack.py --port 8080 --demo 5" in told.stdout
    helped = subprocess.run(
        [sys.executable, "tools/stack.py", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert helped.returncode == 0, helped.stderr
    assert "STACK=full" in helped.stdout
