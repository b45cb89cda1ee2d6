"""Go for the tests: this machine's where it is new enough, else a toolchain from the module proxy; and what it builds.

``python -m tests.servers.go`` fetches the toolchain ahead of the tests (`make setup-dev`).
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from zipfile import ZipFile

import pytest

FOLDER = Path(__file__).parents[2] / "build/servers"
OLDEST = (1, 26)
"""What the newest of the programs that are built here (istioctl) asks for."""

VERSION = "go1.26.8"
DIGESTS = {
    "linux-amd64": "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7",
    "linux-arm64": "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99",
}
"""SHA-256 of the toolchain's zip for each platform."""

DEFAULT_PROXY = "https://go.dev/dl/mod"
"""Go's own site, which serves toolchains (and nothing else) as a proxy does."""

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class NoGo(Exception):
    """There is no Go that is new enough, and why none could be had."""


@cache
def program() -> str:
    """The `go` to build with. Raises NoGo."""
    own = shutil.which("go")
    return own if own is not None and version_of(own) >= OLDEST else str(toolchain() / "bin/go")


def version_of(go: str) -> tuple[int, int]:
    """Its major and minor number; (0, 0) for what does not say one. A switch to another toolchain is not counted."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    said = subprocess.run([go, "version"], env=environment, capture_output=True, text=True, check=False).stdout
    found = re.search(r"\bgo(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def toolchain() -> Path:
    """The folder of VERSION, which the module proxy serves as a zip. Raises NoGo."""
    name = f"{platform.system().lower()}-{MACHINES.get(platform.machine(), platform.machine())}"
    if name not in DIGESTS:
        raise NoGo(f"Go {OLDEST[0]}.{OLDEST[1]} or newer is missing: https://go.dev/dl (none is known for {name})")
    found = FOLDER / VERSION
    if not found.exists():
        sys.stderr.write(f"» {VERSION} for the tests of the manifests\n")
        part = FOLDER / f"part-{uuid.uuid4().hex}"
        with TemporaryFile() as file:
            fetch(f"golang.org/toolchain/@v/v0.0.1-{VERSION}.{name}.zip", DIGESTS[name], file)
            unpack(file, part)
        try:
            part.rename(found)
        except OSError:  # somebody else was first
            shutil.rmtree(part)
    return found


def proxies() -> Iterator[str]:
    """The module proxies of GOPROXY, or those that a Go which is too old knows, in their order; else Go's own site."""
    listed = os.environ.get("GOPROXY") or _known_to_go()
    named = [each for each in re.split(r"[,|]", listed) if each.startswith(("http", "file:"))]
    return iter(named or [DEFAULT_PROXY])


def _known_to_go() -> str:
    own = shutil.which("go")
    return subprocess.run([own, "env", "GOPROXY"], capture_output=True, text=True, check=False).stdout if own else ""


def fetch(path: str, digest: str, file: IO[bytes]) -> None:
    """Write what a proxy has under `path` into `file`, if it is what it has to be. Raises NoGo."""
    failures: list[str] = []
    for proxy in proxies():
        file.seek(0)
        file.truncate()
        try:
            with urllib.request.urlopen(f"{proxy.rstrip('/')}/{path}", timeout=60) as answer:
                shutil.copyfileobj(answer, file)
        except OSError as error:
            failures.append(str(error))
            continue
        file.seek(0)
        if (found := hashlib.file_digest(file, "sha256").hexdigest()) == digest:
            return
        failures.append(f"its SHA-256 is {found}, not {digest}")
    raise NoGo(f"Go {OLDEST[0]}.{OLDEST[1]} or newer is missing, and could not be fetched: {'; '.join(failures)}")


def unpack(file: IO[bytes], folder: Path) -> None:
    """Unpack a toolchain's zip without its first two folders. A module's files have no modes: as Go itself does it,
    what is a program is said to be one."""
    with ZipFile(file) as zipped:
        zipped.extractall(folder)
    (top,) = folder.glob("golang.org/toolchain@*")
    for each in top.iterdir():
        each.rename(folder / each.name)
    shutil.rmtree(folder / "golang.org")
    for each in (*folder.glob("bin/*"), *folder.glob("pkg/tool/*/*")):
        each.chmod(0o755)


def installed(package: str, folder: Path, timeout: float = 600) -> Path:
    """The program of a `package@version`, built into `folder` unless it is there; skips the test (fails in CI) without
    a Go."""
    name = re.sub(r"/v\d+$", "", package.partition("@")[0]).rpartition("/")[2]
    if not (folder / name).exists():
        # Neither flags of this shell nor a switch to another toolchain change what is built.
        environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
        try:
            subprocess.run([program(), "install", "-trimpath", package], env=environment, check=True, timeout=timeout)
        except NoGo as error:
            pytest.skip(str(error))
    return folder / name


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{program()}\n")
    except NoGo as error:
        sys.exit(str(error))
