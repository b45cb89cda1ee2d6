"""The commands, as a script uses them: what they print, and the exit codes they end with."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.running import ROOT, Running, eventually, free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TRACK = """<?xml version="1.0"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="-34.9011" lon="-56.1645"><time>2026-01-01T12:00:00Z</time></trkpt>
<trkpt lat="-34.9011" lon="-56.1640"><time>2026-01-01T12:00:04Z</time></trkpt>
<trkpt lat="-34.9011" lon="-56.1635"><time>2026-01-01T12:00:08Z</time></trkpt>
</trkseg></trk></gpx>
"""


def run(
    trackway: Running | None, module: str, *arguments: str, url: str | None = None
) -> subprocess.CompletedProcess[str]:
    address = url or (trackway.url if trackway else "")
    environment = os.environ | {"TRACKWAY_URL": address, "KNATIVE_LOCAL_URL": address, "NO_COLOR": "1", "COLUMNS": "80"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def said(trackway: Running, module: str, *arguments: str) -> str:
    """The output of a command that succeeds."""
    done = run(trackway, module, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_trip_is_started_listed_and_cancelled(trackway: Running) -> None:
    trip = json.loads(
        said(trackway, "trackway", "trip", "start", "Brasília · Asa Sul 1", "--name", "Van CLI", "--json")
    )
    assert trip["vehicle_name"] == "Van CLI"
    listed = said(trackway, "trackway", "trip", "list")
    assert trip["trip_id"] in listed, "ids are never cut, so that they can be copied"
    assert "cancelled" in said(trackway, "trackway", "trip", "cancel", trip["trip_id"], "--reason", "test")

    def cancelled() -> bool:
        found = json.loads(said(trackway, "trackway", "trip", "list", "--status", "cancelled", "--json"))
        return any(view["trip"]["trip_id"] == trip["trip_id"] for view in found)

    eventually(cancelled, what="the trip in the list of the cancelled")


def test_a_gpx_file_is_replayed_as_a_device(trackway: Running, tmp_path: Path) -> None:
    file = tmp_path / "track.gpx"
    file.write_text(TRACK)
    assert "3 positions" in said(trackway, "trackway", "replay", str(file), "--device", "gpx-1", "--speed", "100")

    def arrived() -> bool:
        vehicles = trackway.get("/v1/vehicles")["vehicles"]
        return any(v["vehicle_id"] == "gpx-1" and v["lng"] == pytest.approx(-56.1635) for v in vehicles)

    eventually(arrived, what="the device at the end of its track")
    near = json.loads(said(trackway, "trackway", "vehicles", "--near", "-34.9011,-56.16351,0.01", "--json"))
    assert [(each["vehicle"]["vehicle_id"], each["distance"] < 10) for each in near] == [("gpx-1", True)]
    assert "gpx-1" in said(trackway, "trackway", "vehicles")
    assert "km" in said(trackway, "trackway", "vehicles", "--near=-34.92,-56.1635,5")
    assert "No vehicles." in said(trackway, "trackway", "vehicles", "--near", "60,25,1")


def test_the_demo_puts_vehicles_on_the_road_once(trackway: Running) -> None:
    assert "2 vehicles are on the road" in said(trackway, "trackway", "demo", "2", "--speed", "1")
    said(trackway, "trackway", "demo", "2")
    trips = trackway.get("/v1/trips", limit=500)["trips"]
    ours = [view["trip"] for view in trips if view["trip"]["vehicle_id"] in {"demo-001", "demo-002"}]
    assert len(ours) == 2, "vehicles that are underway already are left to drive"
    for trip in ours:
        trackway.post(f"/v1/trips/{trip['trip_id']}/cancel", {})


def test_doctor_and_status_find_a_running_trackway_well(trackway: Running) -> None:
    assert "function dispatch" in run(trackway, "trackway", "doctor", "--url", trackway.url).stdout
    status = json.loads(said(trackway, "knative_local", "status", "--json"))
    assert {service["name"] for service in status["services"]} >= {"plan", "dispatch", "persist"}


def test_a_dead_letter_is_listed_and_replayed(trackway: Running) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "cli-bad",
        "ce-source": "/test",
        "ce-type": "dev.trackway.trip.finished.v1",
        "ce-partitionkey": "van-bad",
    }
    assert trackway.client.post("/broker/trackway/default", headers=headers, content=b"{}").status_code == 202

    def letters() -> list[dict[str, object]]:
        lines = said(trackway, "knative_local", "dead-letters", "list", "--json").splitlines()
        return [json.loads(line) for line in lines if "cli-bad" in line]

    (letter, *_) = eventually(letters, what="the dead letter")
    said(trackway, "knative_local", "dead-letters", "replay", str(letter["id"]))


@pytest.mark.parametrize(
    ("module", "arguments", "code"),
    [
        ("trackway", ["trip", "start", "No such route"], 1),
        ("trackway", ["trip", "cancel", "no-such-trip"], 1),
        ("trackway", ["trip", "list", "--status", "lost"], 2),
        ("trackway", ["replay", "no-such-file.gpx", "--device", "x"], 2),
        ("trackway", ["vehicles", "--near", "here"], 2),
        ("trackway", ["nonsense"], 2),
        ("knative_local", ["nonsense"], 2),
        ("knative_local", ["up", "no-such-folder", "--keep-for", "a day"], 2),
        ("knative_local", ["up", "no-such-folder", "--keep-size", "much"], 2),
        ("knative_local", ["up", "no-such-folder", "--log", "127.0.0.1:9092"], 2),
        ("trackway", ["--help"], 0),
        ("trackway", ["trip", "start", "--help"], 0),
        ("knative_local", ["--help"], 0),
        ("knative_local", ["events", "tail", "--help"], 0),
    ],
)
def test_exit_codes(trackway: Running, module: str, arguments: Sequence[str], code: int) -> None:
    done = run(trackway, module, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("trackway", ["trip", "list"]), ("knative_local", ["status"]), ("knative_local", ["dead-letters", "list"])],
)
def test_nobody_there_is_exit_code_3(module: str, arguments: Sequence[str]) -> None:
    done = run(None, module, *arguments, url=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
