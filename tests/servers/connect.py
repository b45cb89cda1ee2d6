"""A real worker of Kafka Connect for the tests, started from the project's own worker.properties."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.running import ROOT, free_port
from tests.servers import maven

VERSION = "4.3.1"
RUNTIME = [f"org.apache.kafka:{name}:{VERSION}" for name in ("connect-runtime", "connect-json", "connect-transforms")]
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
MONGO_SINK = "org.mongodb.kafka:mongo-kafka-connect:2.0.1:jar:all"
JAVA = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
LONGEST_START_S = 180.0
SINK = "org.apache.kafka.connect.sink.SinkConnector"
ELASTICSEARCH_SINKS = {
    "elasticsearch-events": "kafka-connect-elasticsearch*.jar",
    "opensearch-events": "opensearch-connector*.jar",
}
CONFLUENT = "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector"
FASTER = {
    # Plugins are told by what they name, not by reading every class of theirs.
    "plugin.discovery": "service_load",
    "offset.flush.interval.ms": "1000",
    "scheduled.rebalance.max.delay.ms": "0",
}


class Worker:
    """A worker of ``kafka`` with MongoDB's sink and those of ``CONNECT_PLUGIN_PATH``; ``environment`` is what the
    connectors' ``${env:…}`` are read from."""

    def __init__(self, folder: Path, kafka: str, environment: Mapping[str, str]) -> None:
        self._classpath = str(maven.fetched(f"connect-{VERSION}", *RUNTIME, LOGGING) / "*")
        self._folder, self._port = folder, free_port()
        self._environment = {**os.environ, **environment, "TRACKWAY_KAFKA": kafka}
        settings = (ROOT / "connect/worker.properties").read_text().splitlines()
        own = {**FASTER, "plugin.path": str(plugins(folder)), "listeners": self.url}
        kept = [line for line in settings if line.partition("=")[0] not in own]
        self._settings = folder / "worker.properties"
        self._settings.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in own.items())]))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of its REST API."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when it takes connectors."""
        output = self._folder / "connect.out"
        command = [*JAVA, "-cp", self._classpath, "org.apache.kafka.connect.cli.ConnectDistributed"]
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                [*command, str(self._settings)], stdout=file, stderr=file, cwd=self._folder, env=self._environment,
                process_group=0,
            )  # fmt: skip
        deadline = time.monotonic() + LONGEST_START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Kafka Connect does not start: {output.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)  # nothing tells when another process listens

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

    def delete(self, connector: str) -> None:
        """Take a connector away."""
        answer = httpx.delete(f"{self.url}/connectors/{connector}", timeout=60, trust_env=False)
        assert answer.status_code in {204, 404}, answer.text

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/connectors", timeout=10, trust_env=False).is_success
        except httpx.TransportError:
            return False


def plugins(folder: Path) -> Path:
    """A plugin path with the project's transforms, MongoDB's sink, and the sinks of ``CONNECT_PLUGIN_PATH``."""
    path = folder / "plugins"
    ours = path / "trackway"
    ours.mkdir(parents=True)
    shutil.copy(transforms(), ours)
    mongo = path / "mongo"
    shutil.copytree(maven.fetched("mongo-kafka-connect-2.0.1", MONGO_SINK), mongo, ignore=_only_the_whole_one)
    maven.service_jar(mongo / "names.jar", {SINK: ["com.mongodb.kafka.connect.MongoSinkConnector"]})
    for given in filter(None, os.environ.get("CONNECT_PLUGIN_PATH", "").split(",")):
        for plugin in sorted(each for each in Path(given).iterdir() if each.is_dir()):
            copy = path / plugin.name
            copy.mkdir()
            for jar in plugin.rglob("*.jar"):
                (copy / jar.name).symlink_to(jar.resolve())
            if any(copy.glob("kafka-connect-elasticsearch*.jar")):
                maven.service_jar(copy / "names.jar", {SINK: [CONFLUENT]})
    return path


def elasticsearch_sinks() -> list[str]:
    """The connectors of connect/connectors whose jars ``CONNECT_PLUGIN_PATH`` has (folders of plugins, by comma): none
    of them is on Maven Central."""
    given = [Path(each) for each in os.environ.get("CONNECT_PLUGIN_PATH", "").split(",") if each]
    return [name for name, jar in ELASTICSEARCH_SINKS.items() if any(any(path.rglob(jar)) for path in given)]


def transforms() -> Path:
    """The jar of connect/transforms, built anew if its sources have changed."""
    maven.require("java", "mvn")
    jar = maven.FOLDER / "trackway-transforms.jar"
    sources = [path for path in (ROOT / "connect/transforms").rglob("*") if path.is_file()]
    if not jar.exists() or jar.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        part = maven.FOLDER / f"part-{uuid.uuid4().hex}"
        maven.maven(ROOT / "connect/transforms", "package", f"-Dbuilt={part}")
        (part / jar.name).replace(jar)  # whole or not at all, whoever else builds it now
        shutil.rmtree(part)
    return jar


def _only_the_whole_one(_: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith("-all.jar")]


@contextmanager
def running(folder: Path, kafka: str, environment: Mapping[str, str]) -> Iterator[Worker]:
    """A worker that is up."""
    worker = Worker(folder, kafka, environment)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
