"""A Trackway of the measurement's own: started as people start it, on a free port, with data in a temporary folder."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
TICK = 0.1


class Running:
    """The address, a client, and the processes."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self.process = process

    def get(self, path: str, **params: str | int) -> Any:
        """The decoded answer; an error ends the measurement."""
        return self.client.get(path, params=params).raise_for_status().json()

    def services(self) -> dict[str, dict[str, Any]]:
        """The runtime's figures of each function, by name."""
        return {service["name"]: service for service in self.get("/_knative/status")["services"]}

    def wait(self, condition: Callable[[], bool], within: float, what: str) -> None:
        """Look at ``condition`` ten times a second; ends the measurement after ``within`` seconds."""
        end = time.monotonic() + within
        while not condition():
            if self.process.poll() is not None:
                sys.exit(f"trackway ended with exit code {self.process.returncode}")
            if time.monotonic() > end:
                sys.exit(f"{what} did not happen within {within:.0f} s")
            time.sleep(TICK)  # the condition is another process's; there is nothing to await

    def wait_for_zero(self, within: float = 300) -> None:
        """Until no function has an instance."""
        self.wait(
            lambda: not any(s["instances"] + s["starting"] for s in self.services().values()), within, "scale to zero"
        )

    def tree(self) -> list[psutil.Process]:
        """The runtime's process and all below it."""
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def is_up(self) -> bool:
        """Whether Trackway answers."""
        return self._succeeds("/healthz")

    def tells_status(self) -> bool:
        """Whether the runtime answers."""
        return self._succeeds("/_knative/status")

    def _succeeds(self, path: str) -> bool:
        try:
            return self.client.get(path, timeout=2).is_success
        except httpx.TransportError:
            return False


@contextmanager
def trackway(keep: Path | None = None, *options: str) -> Generator[Running]:
    """Start it with fresh data (in ``keep``, or a folder that is deleted) and more ``options``, wait until it answers,
    and stop it with Ctrl-C."""
    with TemporaryDirectory(prefix="trackway-bench-") as folder:
        state = keep or Path(folder)
        state.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "trackway", "up", "--state", str(state), *options]
        with _started(command, state, Running.is_up) as running:
            yield running


@contextmanager
def knative(manifests: Callable[[Path], str], *options: str) -> Generator[Running]:
    """The same with a runtime of its own for ``manifests``, which are told the temporary folder; they may be a
    kustomization."""
    with TemporaryDirectory(prefix="knative-bench-") as folder:
        state = Path(folder)
        text = manifests(state)
        path = state / ("kustomization.yaml" if "kind: Kustomization" in text else "manifests.yaml")
        path.write_text(text)
        place = state if path.stem == "kustomization" else path
        command = [sys.executable, "-m", "knative_local.runtime", str(place), "--state", str(state / "state"), *options]
        with _started(command, state, Running.tells_status) as running:
            yield running


@contextmanager
def _started(command: list[str], folder: Path, is_up: Callable[[Running], bool]) -> Generator[Running]:
    port = free_port()
    log = folder / "output.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
    running = Running(f"http://127.0.0.1:{port}", process)
    try:
        try:
            running.wait(lambda: is_up(running), 60, "the start")
        except SystemExit as error:
            sys.exit(f"{error}:\n{log.read_text(errors='replace')[-2000:]}")
        yield running
    finally:
        running.client.close()
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, and kill what does not end within 30 s."""
    if process.poll() is not None:
        return
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    for child in below:
        if child.is_running():
            child.kill()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
