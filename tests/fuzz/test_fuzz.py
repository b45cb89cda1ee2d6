"""Each target for a bounded number of runs, always the same ones: quick, and never red without a change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNS = {
    "answers": 1_000,
    "cesql": 4_000,
    "cloudevent": 6_000,
    "delivery": 4_000,
    "envelope": 6_000,
    "filters": 1_500,
    "ingress": 4_000,
    "manifests": 400,
}


@pytest.mark.parametrize("name", sorted(RUNS))
def test_finds_nothing(name: str, tmp_path: Path) -> None:
    bounds = ["-max_len=512", "-len_control=0", "-rss_limit_mb=1024"]
    options = [f"-runs={RUNS[name]}", "-seed=1", *bounds, f"-artifact_prefix={tmp_path}/"]

    found = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", name, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        check=False,
        capture_output=True,
        text=True,
    )

    assert found.returncode == 0, found.stderr[-4_000:]
    assert f"Done {RUNS[name]} runs" in found.stderr
