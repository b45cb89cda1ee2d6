"""No request is lost to scaling: the program that shows it for a thousand scalings, here for some."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each start takes the time of all imports"),
]
BENCH = Path(__file__).parents[2] / "bench"


def test_no_event_fails_while_functions_go_up_from_zero_and_down_again() -> None:
    command = [sys.executable, str(BENCH / "scalings.py"), "--scalings", "24", "--functions", "4", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
