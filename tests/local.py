"""A runtime of knative_local for the tests: started as a person does, on a free port, in a folder of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import httpx
import psutil

from tests.running import free_port

PROJECT = Path(__file__).parent / "integration" / "project"


class Local:
    """A runtime of the test's own in a folder of its own."""

    def __init__(self, folder: Path, manifests: str = "manifests.yaml") -> None:
        self.folder, self.port = folder, free_port()
        self.record = folder / "record"
        self.record.mkdir()
        self.manifests = folder / "manifests.yaml"
        text = (PROJECT / manifests).read_text()
        self.manifests.write_text(text.replace("RECORD_FOLDER", str(self.record)))
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self.process: subprocess.Popen[str] | None = None

    def command(self, *more: str) -> list[str]:
        words = [sys.executable, "-m", "knative_local.runtime", str(self.manifests), "--port", str(self.port)]
        return [*words, "--state", str(self.folder / "state"), "--root", str(PROJECT), *more]

    def start(self, *more: str, stderr: IO[bytes] | None = None) -> Local:
        self.process = subprocess.Popen(self.command(*more), stdout=subprocess.PIPE, stderr=stderr, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Ctrl-C" in line:
                return self
        raise AssertionError(f"did not start, status {self.process.wait()}")

    def refusal(self, *more: str) -> tuple[int, str]:
        """Exit status and standard error of a start that has to be refused."""
        done = subprocess.run(self.command(*more), capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stderr

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(timeout=20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status

    def processes(self) -> list[psutil.Process]:
        """Everything that was started for this state folder and is alive, but the runtime."""
        mark = str((self.folder / "state").resolve())
        return [process for process in psutil.process_iter() if _mark(process) == mark]

    def instance_of(self, name: str) -> psutil.Process | None:
        return next((process for process in self.processes() if _environment(process).get("K_SERVICE") == name), None)

    def post(self, id: str, type: str = "order", mode: str = "take", data: Any = None) -> int:
        headers = {"ce-specversion": "1.0", "ce-id": id, "ce-source": "/test", "ce-type": type, "ce-mode": mode}
        return self.client.post("/broker/shop/default", headers=headers, json=data or {}).status_code

    def seen(self, name: str) -> list[dict[str, Any]]:
        """The events that a function got, in order."""
        path = self.record / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def times(self, name: str, id: str) -> int:
        return sum(event["id"] == id for event in self.seen(name))

    def status(self) -> dict[str, Any]:
        return self.client.get("/_knative/status").json()

    def service(self, name: str) -> dict[str, Any]:
        return next(row for row in self.status()["services"] if row["name"] == name)

    def trigger(self, name: str) -> dict[str, Any]:
        return next(row for row in self.status()["triggers"] if row["name"] == name)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ() if process.status() != psutil.STATUS_ZOMBIE else {}
    except psutil.Error:
        return {}


def _mark(process: psutil.Process) -> str | None:
    return _environment(process).get("KNATIVE_LOCAL_RUN")
