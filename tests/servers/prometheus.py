"""A real Prometheus and promtool, as `make setup-dev` fetches them from Debian, or as they are on the path."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.running import free_port

ROOT = Path(__file__).parents[2]
FETCHED = ROOT / "build/servers/prometheus/usr/bin"
RULES = [ROOT / "monitoring/rules/recording.yaml", ROOT / "monitoring/rules/alerts.yaml"]
LONGEST_START_S = 60.0


def program(name: str) -> str:
    """`prometheus` or `promtool`; skips the test (fails in CI) where there is none."""
    fetched = FETCHED / name
    found = str(fetched) if fetched.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here: `make setup-dev` fetches it on Debian, or install the package prometheus")
    return found


def job(target: str, path: str) -> dict[str, Any]:
    """What asks `target` (host:port) at `path`."""
    return {"job_name": "trackway", "metrics_path": path, "static_configs": [{"targets": [target]}]}


@contextmanager
def running(
    folder: Path, *jobs: Mapping[str, Any], every_s: int = 15, port: int | None = None, rules: bool = True
) -> Iterator[str]:
    """A Prometheus whose data are in `folder`, and which asks what the `jobs` (scrape_configs) say; gives its URL."""
    port = port or free_port()
    settings = folder / "prometheus.yml"
    content = {
        "global": dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), f"{every_s}s"),
        "rule_files": [str(each) for each in RULES] if rules else [],
        "scrape_configs": list(jobs),
    }
    settings.write_text(yaml.safe_dump(content), encoding="utf-8")
    command = [
        program("prometheus"),
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    url = f"http://127.0.0.1:{port}"
    with (folder / "prometheus.out").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        _await(process, url, folder / "prometheus.out")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], url: str, output: Path) -> None:
    deadline = time.monotonic() + LONGEST_START_S
    while True:
        try:
            if httpx.get(f"{url}/-/ready", trust_env=False, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"Prometheus does not start: {output.read_text(errors='replace')[-3000:]}")
        time.sleep(0.1)  # nothing tells when another process listens
