"""The manifests are what runs: a changed filter sends events elsewhere, a new function is a folder and a manifest."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.running import ROOT, Running, eventually, leave_nothing

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a user edits, with the built things linked."""
    root = tmp_path / "project"
    for folder in ("knative", "istio", "functions"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "build").symlink_to(ROOT / "build")
    return root


def record_position(running: Running, vehicle: str) -> None:
    answer = running.client.post("/v1/ingest", json={"id": vehicle, "lat": -34.9, "lng": -56.16})
    assert answer.status_code == 200, answer.text


def test_a_changed_filter_sends_the_events_elsewhere(project: Path, tmp_path: Path) -> None:
    manifest = project / "knative/base/persist.yaml"
    text = manifest.read_text()
    changed = re.sub(r"  filters:\n(    .*\n)+", "  filters:\n    - exact:\n        subject: van-kept\n", text)
    assert changed != text
    manifest.write_text(changed)
    running = Running(tmp_path / "state", project).start()
    try:
        record_position(running, "van-passed-over")
        record_position(running, "van-kept")
        running.post("/v1/ingest", {"id": "van-kept", "lat": -34.91, "lng": -56.16})
        store = running.state / "trackway.db"
        eventually(lambda: "van-kept" in vehicles_kept(store), what="the position that the filter lets through")
        assert "van-passed-over" not in vehicles_kept(store)
    finally:
        leave_nothing(running)


def vehicles_kept(store: Path) -> set[str]:
    """The vehicles that have a position in the store, asked by its own port."""
    import asyncio  # noqa: PLC0415

    from trackway.events import DEFAULT_TENANT  # noqa: PLC0415
    from trackway.storage import open_store  # noqa: PLC0415

    async def ask() -> set[str]:
        opened = open_store(f"sqlite:///{store}")
        try:
            return {vehicle.vehicle_id for vehicle in await opened.vehicles(DEFAULT_TENANT)}
        finally:
            await opened.close()

    return asyncio.run(ask())


def readme_files() -> dict[str, str]:
    """The code blocks of the README that begin with a comment naming their file."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```\w+\n# (functions/\S+|knative/\S+)\n(.*?)```", text, re.DOTALL)
    return dict(blocks)


def test_the_readmes_function_works_as_written(project: Path, tmp_path: Path) -> None:
    files = readme_files()
    assert len(files) == 2, "the README shows the function and its manifest"
    for name, content in files.items():
        target = project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    kustomization = project / "knative/base/kustomization.yaml"
    manifest = next(Path(name) for name in files if name.startswith("knative/"))
    kustomization.write_text(kustomization.read_text() + f"  - {manifest.name}\n")
    running = Running(tmp_path / "state", project).start()
    try:
        headers = {
            "ce-specversion": "1.0",
            "ce-id": "t-1:finished",
            "ce-source": "/test",
            "ce-type": "dev.trackway.trip.finished.v1",
            "ce-subject": "t-1",
            "ce-partitionkey": "van-1",
        }
        data = {"trip_id": "t-1", "vehicle_id": "van-1", "finished_at": datetime.now(UTC).isoformat()}
        assert running.client.post("/broker/trackway/default", headers=headers, json=data).status_code == 202
        eventually(lambda: "van-1 has arrived" in running.output(), what="the new function's line in the output")
    finally:
        leave_nothing(running)


def test_a_typo_in_a_manifest_is_told_with_file_and_line_and_nothing_starts(project: Path, tmp_path: Path) -> None:
    manifest = project / "knative/base/persist.yaml"
    manifest.write_text(manifest.read_text().replace("  filters:", "  fliters:"))
    line = next(n for n, text in enumerate(manifest.read_text().splitlines(), 1) if "fliters" in text)
    running = Running(tmp_path / "state", project)
    with pytest.raises(AssertionError, match="trackway up ended"):
        running.start()
    assert running.process is not None
    assert running.process.returncode == 1
    assert f"persist.yaml:{line}" in running.output()
    assert "fliters" in running.output()


def test_a_taken_port_is_one_sentence(fresh: Running, tmp_path: Path) -> None:
    fresh.start()
    second = Running(tmp_path / "second")
    second.port = fresh.port
    with pytest.raises(AssertionError, match="trackway up ended"):
        second.start()
    assert second.process is not None
    assert second.process.returncode == 1
    said = [line for line in second.output().splitlines() if line.strip()]
    assert str(fresh.port) in said[-1]
    assert not any("Traceback" in line for line in said)


def test_another_address_than_loopback_is_refused(fresh: Running) -> None:
    with pytest.raises(AssertionError, match="trackway up ended"):
        fresh.start("--host", "0.0.0.0")
    assert fresh.process is not None
    assert fresh.process.returncode == 2
    assert "no authentication yet; use 127.0.0.1" in fresh.output()
