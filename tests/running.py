"""A real Trackway for the tests: started as `make run` does, on a free port and with data of its own."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(ask: Callable[[], T | None], within: float = 30.0, what: str = "the condition") -> T:
    """What ``ask`` gives as soon as it is true; fails after ``within`` seconds. A refused connection is a not yet."""
    end = time.monotonic() + within
    while True:
        try:
            answer = ask()
        except httpx.TransportError:
            answer = None
        if answer:
            return answer
        assert time.monotonic() < end, f"{what} did not come true within {within} s; last: {answer!r}"
        time.sleep(0.05)  # the condition is another process's; there is nothing to await


class Running:
    """A Trackway with its own port and state."""

    def __init__(self, state: Path, root: Path = ROOT) -> None:
        self.state, self.root, self.port = state, root, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self.log = state / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> "Running":
        """Start and wait for the page's gateway."""
        self.state.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "trackway",
            "up",
            "--port",
            str(self.port),
            "--state",
            str(self.state),
            *options,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.root, stdout=log, stderr=log, start_new_session=True)
        eventually(self.healthy, 30, "GET /healthz")
        return self

    def healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"trackway up ended:\n{self.output()}"
        return self.client.get("/healthz").is_success

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def get(self, path: str, **params: str | int) -> Any:
        answer = self.client.get(path, params=params)
        assert answer.is_success, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, body: Any, **headers: str) -> Any:
        answer = self.client.post(path, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
        assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def tree(self) -> list[psutil.Process]:
        """The runtime's process and everything under it."""
        assert self.process is not None
        try:
            runtime = psutil.Process(self.process.pid)
            return [runtime, *runtime.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def named(self, *words: str) -> list[psutil.Process]:
        """The processes whose command line holds all the words."""
        found = []
        for process in self.tree():
            try:
                line = process.cmdline()
            except psutil.Error:
                continue
            if all(word in line for word in words):
                found.append(process)
        return found

    def stop(self) -> int:
        """Ctrl-C, and wait for the end; gives the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            for process in self.tree():
                process.kill()
            self.process.wait(10)
            raise

    def kill(self) -> None:
        """kill -9 of the runtime."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


def leave_nothing(running: Running) -> None:
    """Stop it if it runs, and fail when a process of it is left."""
    running.client.close()
    if running.process is None or running.process.poll() is not None:
        return
    before = running.tree()
    running.stop()
    _, alive = psutil.wait_procs(before, timeout=10)
    assert not alive, f"left behind: {alive}"
