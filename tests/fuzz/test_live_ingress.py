"""A running knative-local is talked to in random bytes: it answers or closes, says nothing wrong, and does not grow."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from atheris import FuzzedDataProvider

from tests.fuzz.targets.requests import request, statuses_of
from tests.local import Local

pytestmark = pytest.mark.integration
WARM, RUNS = 200, 500
MOST_GROWTH = 24 << 20


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    running = Local(tmp_path)
    with (tmp_path / "output.txt").open("wb") as output:
        running.start(stderr=output)
    yield running
    if running.process is not None:
        running.stop()
    running.client.close()


def connected(local: Local, family: socket.AddressFamily) -> socket.socket:
    client = socket.socket(family)
    client.settimeout(30)
    path = local.folder / "state" / "run" / "ingress.sock"
    client.connect(str(path) if family == socket.AF_UNIX else ("127.0.0.1", local.port))
    return client


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX], ids=["public", "internal"])
def test_random_bytes_are_answered_or_refused(local: Local, family: socket.AddressFamily) -> None:
    """Issue 4: "only 4xx and clear errors, no traceback, no growth of memory"."""
    assert local.process is not None
    path = b"/shop/default" if family == socket.AF_UNIX else b"/broker/shop/default"
    process, chance = psutil.Process(local.process.pid), random.Random(4)
    statuses: list[int] = []
    memory = 0
    for number in range(WARM + RUNS):
        if number == WARM:
            memory = process.memory_info().rss
        with connected(local, family) as client:
            said = b"".join(request(FuzzedDataProvider(chance.randbytes(400))) for _ in range(chance.randint(1, 3)))
            said = said.replace(b"/town/Kafka", path)
            statuses += statuses_of(_answers_to(client, said))
    assert process.memory_info().rss - memory < MOST_GROWTH
    assert {202, 400} <= set(statuses)
    assert local.post("after-all", mode="take") == 202
    local.stop()
    said_by_runtime = (local.folder / "output.txt").read_text()
    assert "Traceback" not in said_by_runtime, said_by_runtime
    assert "exception" not in said_by_runtime.lower(), said_by_runtime


def _answers_to(client: socket.socket, said: bytes) -> bytes:
    """What comes back until the other side closes; a reset in the middle of junk is an answer, too."""
    found = b""
    try:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        while part := client.recv(1 << 16):
            found += part
    except (ConnectionError, OSError) as error:
        assert not isinstance(error, TimeoutError), f"no end after {said!r}"
    return found
