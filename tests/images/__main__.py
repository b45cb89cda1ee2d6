"""Builds both images for real and runs them as a Pod would: `python -m tests.images` (Linux, root, buildah).

No registry is asked: what stands for the official images of Python and Node is a Debian made by debootstrap, with this
machine's Node in it. So the steps of the Dockerfiles are proved, not the bases that they name. It takes some minutes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.running import ROOT, eventually, free_port

FOLDER = ROOT / "build/images"
BASE = "localhost/trackway-base"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
NOBODY = 65532
TOOLS = ("buildah", "debootstrap", "node", "unshare", "setpriv")
EVENT = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/tests/images",
    "ce-type": "dev.trackway.position.recorded.v1",
    "content-type": "application/json",
}
POSITION = '{"vehicle_id":"van-7","lat":-34.9,"lng":-56.16,"recorded_at":"2026-01-01T12:00:00Z"}'


def main() -> int:
    """0 when both images were built and did what is asked of them; 2 where they cannot be built."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if os.geteuid() or missing:
        print(f"Images are built here by root, with {', '.join(TOOLS)}; missing: {', '.join(missing) or 'root'}.")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    buildah = Buildah()
    if not buildah.has(BASE):
        make_base(buildah)
    for image, recipe in (("functions", "functions/Dockerfile"), ("realtime-gateway", "realtime-gateway/Dockerfile")):
        begun = time.monotonic()
        bases = ["--build-arg", f"PYTHON={BASE}", "--build-arg", f"NODE={BASE}"]
        options = ["--isolation", "chroot", "--layers", "--pull-never", "-q", *bases]
        buildah.run("build", *options, "-f", recipe, "-t", f"localhost/{image}", ".")
        sizes = f"{buildah.size(f'localhost/{image}')} with its base's {buildah.size(BASE)}"
        print(f"{image}: built in {time.monotonic() - begun:.0f} s, {sizes}", flush=True)
    with tempfile.TemporaryDirectory() as data:
        os.chown(data, NOBODY, NOBODY)
        a_function_stores_an_event(buildah, Path(data))
        the_gateway_shows_it_and_serves_the_page(buildah, Path(data))
    print("1 passed, 0 failed")
    return 0


def a_function_stores_an_event(buildah: Buildah, data: Path) -> None:
    """By the words of its manifest, on a read-only file system, as nobody; and a signal ends it well."""
    with running(buildah, "functions", data, "python", "-m", "trackway.functions", "persist") as here:
        answer = httpx.post(here.url, headers=EVENT, content=POSITION, timeout=30)
        assert answer.status_code == 204, answer.text
        here.ends_well()
        print(f"functions: persist was ready after {here.seconds:.1f} s, and answered an event with 204")


def the_gateway_shows_it_and_serves_the_page(buildah: Buildah, data: Path) -> None:
    """The page, the map, and the vehicle that the function stored."""
    with running(buildah, "realtime-gateway", data, "python", "-m", "realtime_gateway") as here:
        (vehicle,) = httpx.get(f"{here.url}/v1/vehicles", timeout=30).json()["vehicles"]
        assert vehicle["vehicle_id"] == "van-7"
        assert "<title>" in httpx.get(here.url, timeout=30).text
        for path in ("/map/index.json", "/docs/swagger-ui.css", "/theme.js"):
            assert httpx.get(here.url + path, timeout=30).status_code == 200, path
        here.ends_well()
        print(f"realtime-gateway: ready after {here.seconds:.1f} s, with the page, the map and the vehicle")


class Buildah:
    """buildah with a storage of its own."""

    def __init__(self) -> None:
        self._options = ["--root", str(FOLDER / "storage"), "--runroot", str(FOLDER / "run")]

    def run(self, *words: str) -> str:
        """What a call says that has to succeed."""
        command = ["buildah", *self._options, *words]
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def has(self, image: str) -> bool:
        """Whether it was made before."""
        return image in self.run("images", "--format", "{{.Name}}").split()

    def size(self, image: str) -> str:
        """What it takes, unpacked."""
        return self.run("images", "--noheading", "--format", "{{.Size}}", image)


def make_base(buildah: Buildah) -> None:
    """A Debian with Python and Node where the official images have them."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        root = Path(folder) / "root"
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        local = root / "usr/local"
        (local / "bin/python").symlink_to("/usr/bin/python3")
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))
        node = Path(shutil.which("node") or "").resolve()
        npm = Path(shutil.which("npm") or "").resolve().parents[1]
        shutil.copy(node, local / "bin/node")
        shutil.copytree(npm, local / "lib/node_modules/npm", symlinks=True)
        (local / "bin/npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
        made = buildah.run("from", "scratch")
        buildah.run("add", "-q", made, str(root), "/")
        buildah.run("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", made)
        buildah.run("config", "--env", f"PIP_CERT={CERTIFICATES}", "--env", f"NODE_EXTRA_CA_CERTS={CERTIFICATES}", made)
        buildah.run("commit", "-q", made, BASE)
        buildah.run("rm", made)


@dataclass
class Container:
    """A process of an image that listens."""

    process: subprocess.Popen[bytes]
    url: str
    seconds: float

    def ends_well(self) -> None:
        """SIGTERM ends it with 0."""
        (child,) = (int(each) for each in children(self.process.pid))
        os.kill(child, signal.SIGTERM)
        assert self.process.wait(30) == 0


def children(pid: int) -> list[str]:
    """The processes that a process has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@contextmanager
def running(buildah: Buildah, image: str, data: Path, *command: str) -> Iterator[Container]:
    """What a Pod of the manifests makes of an image: its root is read-only but for `/data`, and nobody runs it, without
    any privilege."""
    made = buildah.run("from", "--pull-never", f"localhost/{image}")
    root, port = buildah.run("mount", made), free_port()
    Path(root, "data").mkdir(exist_ok=True)
    prepare = 'mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount --bind "$1" "$0/data"'
    prepare += ' && mount -o remount,ro,bind "$0" && cd "$0" && shift && exec "$@"'
    settings = ["PATH=/opt/trackway/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1", f"PORT={port}"]
    settings += ["TRACKWAY_STORE=sqlite:////data/trackway.db"]
    inside = ["setpriv", "--no-new-privs", "chroot", f"--userspec={NOBODY}:{NOBODY}", "--groups=", root]
    inside += ["env", "-i", "-C", "/srv/trackway", *settings, *command]
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    begun = time.monotonic()
    process = subprocess.Popen([*apart, "sh", "-c", prepare, root, str(data), *inside])
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is not None or httpx.get(url).status_code, 60, f"{image} listening")
        assert process.poll() is None, f"{image} ended"
        yield Container(process, url, time.monotonic() - begun)
    finally:
        process.kill()
        process.wait()
        buildah.run("umount", made)
        buildah.run("rm", made)


if __name__ == "__main__":
    sys.exit(main())
