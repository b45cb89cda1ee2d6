"""A server of MongoDB's protocol for the tests: a development package of ours, started once, on this machine only."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure

from tests.running import free_port

LONGEST_START_S = 60.0


class Server:
    """A node whose data are in ``folder``; every write that it acknowledges is on the disk."""

    def __init__(self, folder: Path) -> None:
        if find_spec("secantus") is None:
            pytest.skip("the tests of the MongoDB store need SecantusDB: pip install -r requirements-dev.lock")
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without a database."""
        return f"mongodb://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--storage-path", str(self._folder / "data"), "--log-level", "WARNING", "--sync-on-commit"]
        output = self._folder / "secantus.out"
        with output.open("ab") as file:
            self._process = subprocess.Popen(command, stdout=file, stderr=file, cwd=self._folder, process_group=0)
        deadline = time.monotonic() + LONGEST_START_S
        with MongoClient[dict[str, object]](self.url, serverSelectionTimeoutMS=100) as client:
            while True:
                try:
                    client.admin.command("ping")
                except ConnectionFailure:
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        pytest.fail(f"the MongoDB server does not start: {output.read_text()[-3000:]}")
                else:
                    return

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address, without a database, of ``TRACKWAY_TEST_MONGO_URL``, or else of a server started here."""
    given = os.environ.get("TRACKWAY_TEST_MONGO_URL")
    if given:
        yield given.rstrip("/")
        return
    server = Server(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
