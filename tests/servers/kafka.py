"""A real Kafka of one node for the tests: fetched by Maven into build/servers, started once, on this machine only."""

import shutil
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import free_port

FOLDER = Path(__file__).parents[2] / "build/servers/kafka-4.3.1"
PROJECT = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-server</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.3.1</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version>
    </dependency>
  </dependencies>
</project>
"""
SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""
JAVA = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
LONGEST_START_S = 60.0


def jars() -> Path:
    """The folder of Kafka's jars; skips the test (fails in CI) where they cannot be had."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"Kafka needs {' and '.join(missing)}: install the packages default-jdk-headless and maven")
    found = FOLDER / "jars"
    if not found.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "pom.xml").write_text(PROJECT)
        part = FOLDER / f"part-{uuid.uuid4().hex}"
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={part}"]
        subprocess.run(command, cwd=FOLDER, check=True, timeout=600)
        part.replace(found)
    return found


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A node whose data are in `folder`; gives its address, `127.0.0.1:port`."""
    path = str(jars() / "*")
    port, controller = free_port(), free_port()
    settings = folder / "server.properties"
    settings.write_text(SETTINGS.format(port=port, controller=controller, folder=folder))
    cluster = "T" + urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]  # which must not look like an option
    _run([*JAVA, "-cp", path, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)])
    with (folder / "kafka.out").open("wb") as output:
        node = subprocess.Popen(
            [*JAVA, "-cp", path, "kafka.Kafka", str(settings)],
            stdout=output,
            stderr=output,
            cwd=folder,
            process_group=0,
        )
    try:
        _await(node, port, folder / "kafka.out")
        yield f"127.0.0.1:{port}"
    finally:
        node.terminate()
        try:
            node.wait(20)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.fail(f"{command[-4:]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _await(node: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + LONGEST_START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if node.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Kafka does not start: {output.read_text()[-3000:]}")
            time.sleep(0.1)  # nothing tells when another process listens
        else:
            return
