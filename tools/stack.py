"""`make run STACK=full`: Trackway on the servers that a company runs, fetched from the registries and started here.

Kafka, a MongoDB-compatible server, Elasticsearch and a Kafka Connect worker, as the tests start them, each on a free
port of 127.0.0.1 and in a process group of its own, so that Ctrl-C ends Trackway first; then `trackway up` with their
addresses. It is for looking: data last until Ctrl-C. A second start needs no network.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.servers import connect, elasticsearch, elasticsearch_info, kafka, mongo  # noqa: E402 - the tests' servers are the project's

NO_SINK = (
    "Elasticsearch stays empty, and so does search: its sink is in no registry. Unpack Confluent's "
    "kafka-connect-elasticsearch or Aiven's opensearch-connector into a folder, and start again with "
    "CONNECT_PLUGIN_PATH naming that folder (docs/operations.md, Search)."
)
console = Console(highlight=False)
T = TypeVar("T")


class Stack(ExitStack):
    """Servers that are stopped in reverse."""

    def start(self, name: str, begin: Callable[[], AbstractContextManager[T]]) -> T:
        """Start one, saying so."""
        begun = time.monotonic()
        with console.status(f"{name}: fetched the first time, and started …"):
            started = self.enter_context(begin())
        console.print(f"[green]✓[/] {name} [dim]{time.monotonic() - begun:.0f} s[/]")
        return started


def addresses(stack: Stack, folder: Path) -> dict[str, str]:
    """Start all of them; gives Trackway's settings."""

    def own(name: str) -> Path:
        path = folder / name
        path.mkdir()
        return path

    broker = stack.start("Kafka", lambda: kafka.running(own("kafka")))
    store = stack.start("MongoDB-compatible server (SecantusDB)", lambda: mongo.running(own("mongo")))
    search = stack.start("Elasticsearch", elasticsearch.running).url
    settings = {
        "TRACKWAY_KAFKA": broker,
        "TRACKWAY_STORE": f"{store}/trackway",
        "TRACKWAY_POSITIONS_BY": "connect",
        "TRACKWAY_ELASTICSEARCH": search,
    }
    # Confluent's sink begins with a question that this distribution of Elasticsearch does not answer.
    answering = stack.enter_context(elasticsearch_info.before(search))
    environment = {
        **settings,
        "TRACKWAY_ELASTICSEARCH": answering,
        # A sink that finds no server waits for it that long; after that its task has failed.
        "TRACKWAY_MONGO": f"{store}/?serverSelectionTimeoutMS={24 * 3_600_000}",
    }
    worker = stack.start("Kafka Connect", lambda: connect.running(own("connect"), broker, environment))
    return {**settings, "TRACKWAY_CONNECT": worker.url}


def carry_on(settings: Mapping[str, str]) -> None:
    """The index templates, and the connectors whose plugins are there."""
    trackway(settings, "search", "setup")
    sinks = connect.elasticsearch_sinks()
    names = ["mongo-positions", *sinks[:1]]
    trackway(settings, "connect", "apply", *(str(ROOT / f"connect/connectors/{name}.json") for name in names))
    if not sinks:
        console.print(f"[yellow]![/] {NO_SINK}", soft_wrap=True)


def trackway(settings: Mapping[str, str], *words: str) -> None:
    """A command of Trackway's; ends everything when it fails."""
    done = subprocess.run([sys.executable, "-m", "trackway", *words], env={**os.environ, **settings}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def up(settings: Mapping[str, str], options: list[str]) -> int:
    """Trackway itself, until it ends; Ctrl-C reaches it as well as us, and it is waited for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen(
        [sys.executable, "-m", "trackway", "up", *options], env={**os.environ, **settings}, cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    ) as process:  # fmt: skip
        for ending in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, lambda *_: process.terminate())
        return process.wait()


def is_free(port: int) -> bool:
    """Whether Trackway can listen there, asked before minutes go into starting servers."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8080, help="where Trackway listens (default 8080)")
    parser.add_argument("--demo", default="", help="put so many vehicles on the road")
    options = parser.parse_args()
    if not is_free(options.port):
        console.print(f"[red]port {options.port} is in use[/]: stop what listens there, or choose another (PORT=…)")
        return 1
    for ending in (signal.SIGTERM, signal.SIGHUP):  # also while the servers start
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        with TemporaryDirectory(prefix="trackway-stack-") as folder, Stack() as stack:
            settings = addresses(stack, Path(folder))
            carry_on(settings)
            for name, address in settings.items():
                console.print(f"  [dim]{name}[/]={address}", soft_wrap=True)
            more = ["--demo", options.demo] if options.demo else []
            return up(settings, ["--port", str(options.port), "--state", str(Path(folder) / "state"), *more])
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        console.print(f"[red]{error}[/]")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
