"""Builds an overlay with the real kustomize, which is found, never fetched."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from trackway.deploy.manifest import InvalidManifests, Manifest, parse

PROGRAM = "TRACKWAY_KUSTOMIZE"
"""Names a kustomize that is not on the PATH."""
LEAST = (5, 0)
INSTALL = (
    f"install kustomize 5 or newer (https://kubectl.docs.kubernetes.io/installation/kustomize) "
    f"or kubectl 1.27 or newer, or name one by {PROGRAM}"
)
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.\d+")


class BuildFailed(Exception):
    """kustomize has something against an overlay, in its words."""


class NoKustomize(Exception):
    """There is none that can build our overlays; the message says what to install."""


def kustomize() -> list[str]:
    """The command that builds a folder: ``kustomize build``, or ``kubectl kustomize``. Raises NoKustomize."""
    named = os.environ.get(PROGRAM)
    if named:
        return [named, "build"]
    if shutil.which("kustomize"):
        _check_version("kustomize", ["kustomize", "version"])
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        _check_version("the kustomize in kubectl", ["kubectl", "version", "--client"])
        return ["kubectl", "kustomize"]
    raise NoKustomize(f"there is no kustomize to build the overlay with: {INSTALL}")


def _check_version(whose: str, command: list[str]) -> None:
    """Components came with 4, and what patches of ours need with 5; an old one's own words would not say so."""
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    line = next((each for each in said.splitlines() if "Kustomize Version" in each), said.strip().partition("\n")[0])
    found = _VERSION.search(line)
    version = (int(found[1]), int(found[2])) if found else None
    if whose != "kustomize" and "Kustomize Version" not in said:
        version = None  # kubectl older than 1.24, which does not tell
    if version is not None and version < LEAST:
        raise NoKustomize(f"{whose} is {version[0]}.{version[1]}, too old: {INSTALL}")
    if version is None and whose != "kustomize":
        raise NoKustomize(f"{whose} does not tell its version, so it is too old: {INSTALL}")


def build(overlay: Path) -> str:
    """The YAML that an overlay gives. Raises BuildFailed, NoKustomize."""
    try:
        done = subprocess.run([*kustomize(), str(overlay)], capture_output=True, text=True, check=False, timeout=120)
    except OSError as error:
        raise NoKustomize(f"{error.filename} cannot be run ({error.strerror}): {INSTALL}") from error
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"kustomize was not through with {overlay} after two minutes") from error
    if done.returncode:
        raise BuildFailed(" ".join(done.stderr.split()) or f"kustomize ended with {done.returncode} and said nothing")
    return done.stdout


def manifests(overlay: Path) -> list[Manifest]:
    """The objects that an overlay gives, each with the file that it stems from. Raises BuildFailed, NoKustomize."""
    with tempfile.TemporaryDirectory(prefix="trackway-deploy-") as folder:
        here = Path(folder).resolve()
        around = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(overlay.resolve(), here)],
            "buildMetadata": ["originAnnotations"],
        }
        (here / "kustomization.yaml").write_text(json.dumps(around))
        try:
            found = parse(build(here))
        except InvalidManifests as error:
            raise BuildFailed(str(error)) from error
        return [replace(each, file=_shown(here, each.file)) for each in found]


def _shown(here: Path, file: str) -> str:
    """A file of ours by its path from where we are; of others by what kustomize calls it."""
    if not file or not (here / file).exists():
        return file
    return os.path.relpath((here / file).resolve())
