"""ingest at its own address, as devices use it: from zero and back, and no connection is closed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.running import ROOT, eventually, free_port

pytestmark = pytest.mark.integration

MANIFESTS = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, namespace: town}
---
apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {name: functions, namespace: town}
spec:
  subject: {apiVersion: serving.knative.dev/v1, kind: Service, name: ingest}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: ingest, namespace: town}
spec:
  template:
    metadata:
      annotations:
        local.knative.dev/listen: auto
        autoscaling.knative.dev/window: 6s
    spec:
      containers:
        - command: [python, -m, trackway.functions]
          args: [ingest]
"""
REQUEST = b"GET /v1/ingest/osmand?id=van-%d&lat=-34.9&lon=-56.1&timestamp=%d HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
BEGIN = 1_767_225_600


class Town:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        (folder / "town.yaml").write_text(MANIFESTS)
        words = ["-m", "knative_local.runtime", str(folder / "town.yaml"), "--port", self.url.rpartition(":")[2]]
        self.process = subprocess.Popen(
            [sys.executable, *words, "--state", str(folder / "state"), "--root", str(ROOT)], env=os.environ
        )
        eventually(self.answers, what="the start")
        host, _, port = self.ingest()["direct_url"].removeprefix("http://").partition(":")
        self.address = host, int(port)

    def answers(self) -> bool:
        try:
            return self.client.get("/_knative/status").is_success
        except httpx.TransportError:
            return False

    def ingest(self) -> dict[str, Any]:
        return self.client.get("/_knative/status").json()["services"][0]

    def instance(self) -> psutil.Process | None:
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):  # it may end while it is looked at
                if process.environ().get("K_SERVICE") == "ingest" and process.status() != psutil.STATUS_ZOMBIE:
                    return process
        return None

    def events(self) -> list[str]:
        records = self.client.get("/_knative/events", params={"after": 0, "limit": 1000}).json()["events"]
        return [record["event"]["subject"] for record in records]

    def stop(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.stop()


def report(connection: socket.socket, vehicle: int, second: int) -> bytes:
    """Post a position over a kept connection; the body of its answer."""
    connection.sendall(REQUEST % (vehicle, BEGIN + second))
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(4096)
        assert part, f"closed after {answer!r}"
        answer += part
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    return answer.partition(b"\r\n\r\n")[2]


@pytest.mark.timeout(120)
def test_connections_outlive_the_instances_that_serve_them(town: Town) -> None:
    connections = [socket.create_connection(town.address, timeout=30) for _ in range(20)]
    first: set[int] = set()
    for life in range(2):
        for vehicle, connection in enumerate(connections):
            assert json.loads(report(connection, vehicle, life)) == {"accepted": 1}
        instance = town.instance()
        assert instance is not None
        first.add(instance.pid)
        if life == 0:
            eventually(lambda: town.instance() is None, within=40, what="the scale to zero")
    assert len(first) == 2
    assert sorted(town.events()) == sorted(f"van-{vehicle}" for vehicle in range(20) for _ in range(2))
    for connection in connections:
        connection.close()


def test_a_killed_instance_is_replaced_for_whoever_connects(town: Town) -> None:
    with socket.create_connection(town.address, timeout=30) as connection:
        report(connection, 1, 1)
    instance = town.instance()
    assert instance is not None
    instance.kill()
    eventually(lambda: not instance.is_running(), what="its end")
    with socket.create_connection(town.address, timeout=30) as connection:
        report(connection, 1, 2)
    assert town.events() == ["van-1", "van-1"]


def test_other_sites_pages_are_kept_out(town: Town) -> None:
    url = f"http://{town.address[0]}:{town.address[1]}/v1/ingest/osmand?id=van-1&lat=1&lon=2"
    with httpx.Client(trust_env=False) as client:
        assert client.get(url, headers={"host": "evil.example"}).status_code == 421
        assert client.get(url, headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert client.post(url, headers={"origin": "http://evil.example"}).status_code == 403
        assert client.get(url).status_code == 200
    assert town.events() == ["van-1"]
