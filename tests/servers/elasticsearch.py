"""A real Elasticsearch of one node for the tests: fetched by Maven, started once, on this machine only.

What Maven Central has is the distribution that Elastic tests with: the server without its modules, so without scripts,
pipelines, ILM and data streams, and without an answer to ``GET /``.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.running import free_port
from tests.servers import maven

VERSION = "8.19.21"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
SETTINGS = """cluster.name: trackway-tests
node.name: one
discovery.type: single-node
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
path.data: {folder}/data
path.logs: {folder}/logs
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
"""
JAVA = "-Xms512m -Xmx512m -XX:-AlwaysPreTouch -XX:TieredStopAtLevel=1"
UNPRIVILEGED = "nobody"
LONGEST_START_S = 180.0


class Server:
    """A node in a folder of its own, which whoever runs it may read: as root it runs as ``nobody``."""

    def __init__(self, folder: Path) -> None:
        fetched = maven.fetched(f"elasticsearch-{VERSION}", ARTIFACT)
        self._folder, self._port = folder, free_port()
        shutil.unpack_archive(fetched / f"elasticsearch-{VERSION}.zip", folder)
        self._home = folder / f"elasticsearch-{VERSION}"
        for script in (self._home / "bin").iterdir():
            script.chmod(0o755)
        settings = SETTINGS.format(http=self._port, transport=free_port(), folder=folder)
        (self._home / "config/elasticsearch.yml").write_text(settings)
        self._user: str | None = None
        if os.geteuid() == 0:  # it refuses to be root
            self._user = UNPRIVILEGED
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, self._user)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when it answers and what it holds can be searched."""
        output = self._folder / "elasticsearch.out"
        environment = {**os.environ, "ES_JAVA_OPTS": JAVA, "CLI_JAVA_OPTS": "-Xmx64m -XX:TieredStopAtLevel=1"}
        if (java := shutil.which("java")) is not None:
            environment["ES_JAVA_HOME"] = str(Path(java).resolve().parents[1])
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                [self._home / "bin/elasticsearch"], stdout=file, stderr=file, cwd=self._folder, env=environment,
                process_group=0,
                user=self._user, group=None if self._user is None else "nogroup",
                extra_groups=None if self._user is None else [],
            )  # fmt: skip
        deadline = time.monotonic() + LONGEST_START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Elasticsearch does not start: {output.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)  # nothing tells when another process listens

    def kill(self) -> None:
        """kill -9 of the node and of the program that watches it."""
        if self._process is not None and self._process.poll() is None:
            processes = [psutil.Process(self._process.pid)]
            processes += processes[0].children(recursive=True)
            for process in processes:
                process.kill()
            self._process.wait()
            psutil.wait_procs(processes, timeout=20)

    def _answers(self) -> bool:
        try:
            answer = httpx.get(
                f"{self.url}/_cluster/health", params={"wait_for_status": "yellow", "timeout": "1s"}, trust_env=False
            )
        except httpx.TransportError:
            return False
        return answer.is_success


@contextmanager
def running() -> Iterator[Server]:
    """A node that is up; nothing of it is left at the end."""
    folder = Path(tempfile.mkdtemp(prefix="elasticsearch-"))  # not under pytest's, which only their owner may enter
    server = None
    try:
        folder.chmod(0o755)
        server = Server(folder)
        server.start()
        yield server
    finally:
        if server is not None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)
