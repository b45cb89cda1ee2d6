"""The broker of knative_local: events made durable before they are acknowledged, and handed to a function that does
nothing. The runtime is held to one core, what posts and what receives share the other.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import msgspec
import psutil

from posting import Posted
from report import table
from running import free_port, stop

HERE = Path(__file__).parent
BROKER = """apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, namespace: bench}
"""
TRIGGER = """---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: trigger-%(number)d
  namespace: bench
  annotations: {%(annotations)s}
spec:
  broker: default
  filters: [{exact: {type: bench.happened.%(type)d}}]
  subscriber: {uri: "http://127.0.0.1:%(port)d/%(number)d"}
"""
BATCHES = 'local.knative.dev/batch: "200", local.knative.dev/linger: 5ms'
TRIGGERS, MATCHING = 20, 3


class Runtime:
    """A knative_local of the measurement's own, on core 0 where there are two."""

    def __init__(self, folder: Path, manifests: str) -> None:
        (folder / "manifests.yaml").write_text(manifests)
        self.port, self.state = free_port(), folder / "state"
        words = [str(folder / "manifests.yaml"), "--port", str(self.port), "--state", str(self.state)]
        self.output = (folder / "output.txt").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "knative_local.runtime", *words],
            stdout=self.output, stderr=self.output, start_new_session=True,
        )  # fmt: skip
        pin(self.process.pid, 0)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)
        end = time.monotonic() + 30
        while not self.is_up():
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit("the runtime did not start: " + (folder / "output.txt").read_text()[-2000:])
            time.sleep(0.05)  # the condition is another process's; there is nothing to await

    def is_up(self) -> bool:
        try:
            return self.client.get("/_knative/status").is_success
        except httpx.TransportError:
            return False

    @property
    def used(self) -> float:
        """Seconds of processor time."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def stored(self) -> int:
        """Events that the Broker has taken."""
        return int(self.client.get("/_knative/status").json()["brokers"][0]["events_total"])

    def post(self, *, on_unix: bool, connections: int, more: list[str]) -> Posted:
        address = str(self.state / "run" / "ingress.sock") if on_unix else f"127.0.0.1:{self.port}"
        path = "/bench/default" if on_unix else "/broker/bench/default"
        words = [sys.executable, str(HERE / "posting.py"), address, path, "--connections", str(connections), *more]
        process = subprocess.Popen(words, stdout=subprocess.PIPE)
        pin(process.pid, 1)
        said, _ = process.communicate(timeout=700)
        posted = msgspec.json.decode(said, type=Posted)
        if posted.refused:
            sys.exit(f"refused: {posted.refused[:3]}")
        return posted


@contextmanager
def runtime(manifests: str) -> Generator[Runtime]:
    with TemporaryDirectory(prefix="knative-local-bench-") as folder:
        started = Runtime(Path(folder), manifests)
        try:
            yield started
        finally:
            started.client.close()
            stop(started.process)
            started.output.close()


class Subscriber:
    """bench/nothing.py, on core 1."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "nothing.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pin(self.process.pid, 1)
        self.port = int(self._line())

    def counts(self) -> tuple[int, int]:
        """Events and deliveries that came."""
        assert self.process.stdin is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        events, deliveries = self._line().split()
        return int(events), int(deliveries)

    def wait_for(self, events: int, within: float) -> float:
        """The moment at which so many have come, to a hundredth of a second."""
        end = time.monotonic() + within
        while self.counts()[0] < events:
            if time.monotonic() > end:
                sys.exit(f"{self.counts()[0]} of {events} events were delivered within {within:.0f} s")
            time.sleep(0.01)  # as above
        return time.perf_counter()

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def pin(pid: int, core: int) -> None:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(pid, {cores[core]})


def ingest(name: str, seconds: float, *, batch: int, connections: int) -> list[str]:
    """A row: so many acknowledged a second, each durable before."""
    with runtime(BROKER) as broker:
        more = ["--batch", str(batch), "--seconds", str(seconds)]
        broker.post(on_unix=batch > 0, connections=connections, more=[*more[:2], "--seconds", "1"])
        used, before = broker.used, broker.stored()
        posted = broker.post(on_unix=batch > 0, connections=connections, more=more)
        used, stored = broker.used - used, broker.stored() - before
    if stored != posted.events:
        sys.exit(f"{posted.events} events were acknowledged, {stored} are in the log")
    p50, _, p99, most = (f"{each:.1f} ms" for each in posted.acks)
    return [name, f"{posted.rate:,.0f}", f"{1e6 * used / posted.events:.1f} µs", p50, p99, most]


def dispatch(name: str, events: int, *, batched: bool) -> list[str]:
    """A row: so many delivered a second, from the first post to the last delivery."""
    subscriber = Subscriber()
    count, matching = (TRIGGERS, MATCHING) if batched else (1, 1)
    triggers = "".join(
        TRIGGER
        % {
            "number": number,
            "annotations": BATCHES if batched else "",
            "type": 0 if number < matching else number,
            "port": subscriber.port,
        }
        for number in range(count)
    )
    try:
        with runtime(BROKER + triggers) as broker:
            used, begin = broker.used, time.perf_counter()
            broker.post(
                on_unix=True, connections=4, more=["--batch", "100", "--events", str(events), "--seconds", "300"]
            )
            end = subscriber.wait_for(events * matching, 300)
            used = broker.used - used
        came, deliveries = subscriber.counts()
    finally:
        subscriber.close()
    if came != events * matching:
        sys.exit(f"{events * matching} deliveries were due, {came} came")
    rate = events / (end - begin)
    return [name, f"{rate:,.0f}", f"{1e6 * used / events:.1f} µs", f"{came / deliveries:.0f}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="of posting (default 10)")
    parser.add_argument("--events", type=int, default=100_000, help="delivered one by one (default 100000)")
    parser.add_argument("--only", choices=("ingest", "dispatch"), help="one half")
    options = parser.parse_args()
    if not 1 <= options.seconds <= 120 or not 1_000 <= options.events <= 2_000_000:
        parser.error("--seconds is 1 to 120, --events 1000 to 2000000")
    if options.only != "dispatch":
        table(
            "Durable ingest: acknowledged once it is on the disk; runtime on one core",
            ["what", "events/s", "runtime's processor an event", "ack p50", "ack p99", "ack max"],
            [
                ingest("one by one, binary mode, 64 connections", options.seconds, batch=0, connections=64),
                ingest("batches of 100, Unix socket, 8 connections", options.seconds, batch=100, connections=8),
            ],
        )
    if options.only != "ingest":
        table(
            "Ingest in batches and dispatch to a function that does nothing; runtime on one core",
            ["what", "events/s", "runtime's processor an event", "events a delivery"],
            [
                dispatch("one Trigger, one event a request", options.events, batched=False),
                dispatch(
                    f"{TRIGGERS} Triggers of which {MATCHING} match, batches of 200", options.events * 5, batched=True
                ),
            ],
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
