"""A subscriber that misbehaves delays nobody but itself, and costs no memory."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.chaos.faults import FAULTS, FaultyServer
from tests.conformance.subscriber import Subscriber
from tests.running import eventually, free_port

pytestmark = pytest.mark.integration
EVENTS = 60
BODY = b'"' + b"x" * 60_000 + b'"'
MOST_GROWTH = 192 << 20
MOST_MEMORY = 1 << 30  # so that a runtime that is wrong about it takes nothing from the rest of the machine

BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata:
  name: default
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: healthy
spec:
  broker: default
  subscriber:
    uri: http://127.0.0.1:{healthy}/healthy
"""
TRIGGER = """---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: {fault}
spec:
  broker: default
  filter:
    attributes:
      type: {fault}
  subscriber:
    uri: http://127.0.0.1:{port}/
  delivery:
    retry: 1
    backoffPolicy: linear
    backoffDelay: PT0.01S
    deadLetterSink:
      uri: http://127.0.0.1:{healthy}/dead
"""


class Runtime:
    """A runtime with a healthy Trigger, and one for each fault."""

    def __init__(self, folder: Path, servers: dict[str, FaultyServer], healthy: int) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self._output = folder / "output.txt"
        text = BROKER.format(healthy=healthy)
        text += "".join(TRIGGER.format(fault=name, port=each.port, healthy=healthy) for name, each in servers.items())
        (folder / "manifests.yaml").write_text(text)
        command = [sys.executable, "-m", "knative_local.runtime", str(folder / "manifests.yaml"), "--port", str(port)]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--state", str(folder / "state")], stdout=subprocess.PIPE, stderr=output, text=True
            )
        assert self.process.stdout is not None
        assert any("Ctrl-C" in line for line in self.process.stdout), self.output()
        psutil.Process(self.process.pid).rlimit(psutil.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))

    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def memory(self) -> int:
        """Resident bytes."""
        return psutil.Process(self.process.pid).memory_info().rss

    def trigger(self, name: str) -> dict[str, Any]:
        return next(row for row in self.client.get("/_knative/status").json()["triggers"] if row["name"] == name)

    def stop(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert status == 0
        assert "Traceback" not in self.output(), self.output()


@pytest.fixture(scope="module")
def subscriber() -> Iterator[Subscriber]:
    """The healthy subscriber, and the dead letter sink."""
    server = Subscriber("127.0.0.1", 0, 60.0)
    yield server
    server.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, FaultyServer]]:
    """A server for each fault, by its name."""
    made = {name: FaultyServer(fault) for name, fault in FAULTS.items()}
    yield made
    for each in made.values():
        each.close()


@pytest.fixture(scope="module")
def runtime(
    servers: dict[str, FaultyServer], subscriber: Subscriber, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    running = Runtime(tmp_path_factory.mktemp("faults"), servers, subscriber.port)
    yield running
    for each in servers.values():
        each.gate.set()
    running.stop()


class Watch:
    """The most memory that a process had while this was open."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._over = threading.Event()
        self.first = self.most = runtime.memory()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            self.most = max(self.most, self._runtime.memory())


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_subscriber_delays_no_other_and_its_events_end_as_dead_letters(
    runtime: Runtime, servers: dict[str, FaultyServer], subscriber: Subscriber, name: str
) -> None:
    """Issue 4, chaos: "hangs, resets in mid-body, answers garbage, answers slowly byte by byte, 100 MB body, never
    reads. None of them delays another Trigger."."""
    server, lasting = servers[name], FAULTS[name].lasting
    ids = [f"{name}-{number}" for number in range(EVENTS)]
    with Watch(runtime) as watch:
        for id in ids:
            headers = {"ce-specversion": "1.0", "ce-id": id, "ce-source": "/faults", "ce-type": name}
            answer = runtime.client.post(
                "/broker/default/default", headers=headers | {"content-type": "application/json"}, content=BODY
            )
            assert answer.status_code == 202
        for id in ids:
            subscriber.wait("/healthy", id)
        if lasting:
            # The healthy one is through with everything; the faulty one still has its first.
            assert server.connections > 0
            assert runtime.trigger(name)["backlog"] == EVENTS
            assert subscriber.all_at("/dead") == [one for one in subscriber.all_at("/dead") if one.id not in ids]
            server.gate.set()
        for id in ids:
            (dead, *_) = subscriber.wait("/dead", id)
            assert dead.attributes["knativeerrordest"] == f"http://127.0.0.1:{server.port}/"
        eventually(lambda: runtime.trigger(name)["backlog"] == 0, what="the faulty Trigger's end")
    if name == "refuses-with-100-mb":
        assert dead.attributes["knativeerrorcode"] == "400"
    assert all(len(subscriber.deliveries("/healthy", id)) == 1 for id in ids)
    assert watch.most - watch.first < MOST_GROWTH, f"grew by {(watch.most - watch.first) >> 20} MiB"
