"""A knative-local with the suite's project: load that is acknowledged event by event, and kills at random moments."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from string import Template

import httpx
import psutil

from tests.chaos.checker import Posted, Recorded, Run, missing, violations
from tests.running import free_port

PROJECT = Path(__file__).parent / "project"
SUBSCRIBERS = ("ordered", "unordered", "batched", "deployed", "replier", "replied")
ORDERED = frozenset({"ordered"})
RUNTIME, FORK_SERVER = "the runtime", "a fork server"
VICTIMS = (*SUBSCRIBERS, FORK_SERVER, RUNTIME)
STOP, CHANGE = "Ctrl-C of the runtime, and a new start", "a change of every Service"
DISTURBANCES = (*VICTIMS, STOP, CHANGE)


class World:
    """A project in a folder of its own, driven by one seed. `say` gets a line for each kill."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        keys: int = 8,
        log: str | None = None,
        disturbances: Sequence[str] = DISTURBANCES,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder, self.seed, self.kills, self.restarts, self.changes = folder, seed, 0, 0, 0
        self._random = random.Random(seed)
        self._log = log
        self._disturbances = disturbances
        self._say = say
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self._keys = [f"key{number}" for number in range(keys)]
        self._posted: dict[str, Posted] = {}
        self._progress = threading.Condition()
        self._acknowledged = 0
        self._enough = False
        self._up = threading.Event()
        (folder / "record").mkdir()
        self._write_manifests()

    # the runtime

    def start(self) -> None:
        """Start the runtime, or start it again with what the last one left."""
        command = [sys.executable, "-m", "knative_local.runtime", str(self.folder / "manifests.yaml")]
        command += ["--port", str(self._port), "--state", str(self.folder / "state"), "--root", str(PROJECT)]
        command += [] if self._log is None else ["--log", self._log]
        with (self.folder / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output, text=True)
        assert self._process.stdout is not None
        assert any("Ctrl-C" in line for line in self._process.stdout), f"did not start:\n{self.output()}"
        self._up.set()

    def stop(self) -> int:
        """Ctrl-C; the exit status. No process may be left."""
        process = self._take()
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGINT)
        status = process.wait(30)
        _close(process)
        _, left = psutil.wait_procs(children, timeout=10)
        assert not left, f"left behind: {left}"
        return status

    def restart(self) -> None:
        """Ctrl-C, and start again."""
        assert self.stop() == 0, self.output()
        self.restarts += 1
        self.start()

    def change(self) -> None:
        """Change the template of every Service, so that each has a new revision."""
        self.changes += 1
        self._write_manifests()

    def kill_runtime(self) -> None:
        """kill -9 of the runtime, and start it again."""
        process = self._take()
        process.kill()
        process.wait(10)
        _close(process)
        self.restarts += 1
        self.start()

    def output(self) -> str:
        """What the runtimes and their processes wrote to standard error."""
        return (self.folder / "output.txt").read_text(errors="replace")

    def leave_nothing(self) -> None:
        """End what is still there, whatever went wrong."""
        self._enough = True
        self._up.set()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.stop()

    # a run

    def run(self, *, events: int, kills: int) -> Run:
        """`events` acknowledged events with `kills` kills (or stops, or changes of the manifests) among them; returns
        when all has arrived, and stops."""
        self.start()
        senders = [threading.Thread(target=self._send, args=(key,), daemon=True) for key in self._keys]
        for sender in senders:
            sender.start()
        for at in sorted(self._random.randrange(1, events) for _ in range(kills)):
            self._until_acknowledged(at)
            self._disturb()
        self._until_acknowledged(events)
        self._enough = True
        for sender in senders:
            sender.join(60)
            assert not sender.is_alive(), f"a sender got no answer:\n{self.output()}"
        self._until_all_arrived()
        letters = self._dead_letters()
        status = self.stop()
        assert status == 0, self.output()
        return self._as_run(letters)

    def check(self, run: Run) -> list[str]:
        """What the run broke, with the seed."""
        return [f"seed {self.seed}: {sentence}" for sentence in violations(run)]

    @property
    def repeats(self) -> int:
        """How many deliveries were repeats."""
        return sum(len(each) - len({one.id for one in each}) for each in self._recorded().values())

    # load

    def _send(self, key: str) -> None:
        """Post the events of one key one after the other, each again until it is acknowledged."""
        url = f"http://127.0.0.1:{self._port}/broker/default/default"
        number = 0
        with httpx.Client(timeout=30, trust_env=False) as client:
            while not self._enough:
                event = Posted(f"{key}-{number}", key, number, acknowledged=False)
                self._posted[event.id] = event
                while not self._post(client, url, event):
                    self._up.wait(30)
                self._posted[event.id] = replace(event, acknowledged=True)
                number += 1
                with self._progress:
                    self._acknowledged += 1
                    self._progress.notify_all()

    @staticmethod
    def _post(client: httpx.Client, url: str, event: Posted) -> bool:
        headers = {"ce-specversion": "1.0", "ce-id": event.id, "ce-source": "/chaos", "ce-type": "fact"}
        try:
            answer = client.post(
                url, headers={**headers, "ce-partitionkey": event.key}, json={"key": event.key, "number": event.number}
            )
        except httpx.TransportError:
            return False
        assert answer.status_code in {202, 503}, f"{event.id} was answered {answer.status_code} {answer.text}"
        return answer.status_code == 202

    # kills

    def _disturb(self) -> None:
        what = self._random.choice(self._disturbances)
        pick = self._random.random()
        self._say(f"{self._acknowledged} acknowledged: {what}")
        if what == STOP:
            self.restart()
        elif what == CHANGE:
            self.change()
        elif what == RUNTIME:
            self.kill_runtime()
            self.kills += 1
        elif found := self._processes(what):
            with suppress(psutil.NoSuchProcess):
                found[int(pick * len(found))].kill()
                self.kills += 1

    def _write_manifests(self) -> None:
        """In one step, since half a file is one with fewer Triggers."""
        text = (PROJECT / "manifests.yaml").read_text()
        new = self.folder / "new.txt"
        new.write_text(Template(text).substitute(RECORD=self.folder / "record", EDITION=self.changes))
        new.replace(self.folder / "manifests.yaml")

    def _processes(self, victim: str) -> list[psutil.Process]:
        assert self._process is not None
        word = "knative_local.fork_server" if victim == FORK_SERVER else victim
        found = []
        for process in psutil.Process(self._process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if word in process.cmdline():
                    found.append(process)
        return found

    # waiting, and what came of it

    def _until_acknowledged(self, count: int, within: float = 90.0) -> None:
        with self._progress:
            reached = self._progress.wait_for(lambda: self._acknowledged >= count, within)
        assert reached, f"seed {self.seed}: only {self._acknowledged} of {count} acknowledged:\n{self.output()}"

    def _until_all_arrived(self, within: float = 90.0) -> None:
        end = time.monotonic() + within
        while any(missing(records, self._expected(name)) for name, records in self._recorded().items()):
            if time.monotonic() > end:
                return  # the checker says what is missing
            time.sleep(0.05)  # the condition is in other processes' files; there is nothing to await

    def _expected(self, subscriber: str) -> dict[str, Posted]:
        if subscriber != "replied":
            return self._posted
        return {f"{id}-reply": replace(event, id=f"{id}-reply") for id, event in self._posted.items()}

    def _recorded(self) -> dict[str, list[Recorded]]:
        return {name: self._records(name) for name in SUBSCRIBERS}

    def _records(self, name: str) -> list[Recorded]:
        path = self.folder / "record" / f"{name}.jsonl"
        if not path.exists():
            return []
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [Recorded(line["id"], line["key"], line["data"]["number"]) for line in lines]

    def _dead_letters(self) -> int:
        url = f"http://127.0.0.1:{self._port}/_knative/dead-letters"
        return httpx.get(url, timeout=30, trust_env=False).json()["total"]

    def _as_run(self, dead_letters: int) -> Run:
        recorded = self._recorded()
        # A reply is an event of its own, with its own number of the same key.
        plain = [replace(each, id=each.id.removesuffix("-reply")) for each in recorded["replied"]]
        return Run(
            posted=dict(self._posted),
            recorded={**recorded, "replied": plain},
            ordered=ORDERED,
            restarts=self.restarts,
            dead_letters=dead_letters,
            tracebacks=re.findall(r"^.*(?:Traceback|unforeseen|Task exception).*$", self.output(), re.MULTILINE),
        )

    def _take(self) -> subprocess.Popen[str]:
        process, self._process = self._process, None
        assert process is not None
        self._up.clear()
        return process


def _close(process: subprocess.Popen[str]) -> None:
    if process.stdout is not None:
        process.stdout.close()
