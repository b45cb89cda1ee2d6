"""Options, the broker under test, and the suite's subscriber. Without `--broker-url` a knative-local is started."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest

from .broker import CHANNEL, KAFKA, Broker
from .subscriber import Subscriber

FOLDER = Path(__file__).parent
CLASSES = {KAFKA: "Kafka", CHANNEL: "MTChannelBasedBroker"}
OWN_HOST = "127.0.0.1"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "conformance of a Knative broker (tests/conformance)")
    group.addoption("--broker-url", help="the broker's address; without it a knative-local is started and tested")
    group.addoption("--broker-class", choices=tuple(CLASSES), default=KAFKA, help="whose way to expect (kafka)")
    group.addoption("--namespace", default="conformance", help="the namespace of the Broker (conformance)")
    group.addoption("--broker-name", help="the Broker's name (the last part of its address)")
    group.addoption("--subscriber-host", default="127.0.0.1", help="where the suite's subscriber listens")
    group.addoption("--subscriber-port", type=int, help="its port; needed for the tests of deliveries")
    group.addoption("--subscriber-url", help="what the broker reaches it by (http://HOST:PORT)")
    group.addoption("--log", help="the log of the knative-local that is started, as `up --log` takes it")
    group.addoption("--patience", type=float, default=30.0, help="how many seconds to wait for a delivery (30)")
    group.addoption("--print-manifests", action="store_true", help="print what to apply, with these options, and end")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "known_defect(kafka=why, channel=why): what the real one does not do")
    config.addinivalue_line(
        "markers", "known_crash(channel=why): what the real one does not survive, so it is not asked"
    )
    config.addinivalue_line("markers", "promised_by(class, …): the classes of Broker that this is asked of")
    config.addinivalue_line("markers", "integration: starts real processes")
    if _option(config, "print_manifests"):
        capture = config.pluginmanager.getplugin("capturemanager")
        capture.suspend_global_capture(in_=True)
        sys.stdout.write(_wanted_manifests(config))
        pytest.exit("printed", returncode=0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs once for the broker that is given, or else for each class of knative-local's."""
    if "broker" in metafunc.fixturenames:
        foreign = _option(metafunc.config, "broker_url") is not None
        kinds = [_option(metafunc.config, "broker_class", KAFKA)] if foreign else list(CLASSES)
        promised = metafunc.definition.get_closest_marker("promised_by")
        if promised is not None:
            kinds = [kind for kind in kinds if kind in promised.args]
        metafunc.parametrize("broker", kinds, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What a real broker is known to get wrong does not count against it; everything counts for knative-local."""
    ours = [item for item in items if FOLDER in item.path.parents]
    if _option(config, "broker_url") is None:
        for item in ours:
            item.add_marker(pytest.mark.integration)
        return
    kind = _option(config, "broker_class", KAFKA)
    for item in ours:
        for name in ("known_defect", "known_crash"):
            for mark in item.iter_markers(name):
                if kind in mark.kwargs:
                    # Not strict: a version of the real one in which it is mended is no failure of the suite.
                    why, run = mark.kwargs[kind], name == "known_defect"
                    item.add_marker(pytest.mark.xfail(reason=why, run=run, strict=False))


@pytest.fixture(scope="session")
def patience(pytestconfig: pytest.Config) -> float:
    """How long to wait for what should come, in seconds."""
    return _option(pytestconfig, "patience", 30.0)


@pytest.fixture(scope="session")
def subscriber(pytestconfig: pytest.Config, patience: float) -> Iterator[Subscriber]:
    """The server that the manifests' Triggers deliver to."""
    port = _option(pytestconfig, "subscriber_port")
    if port is None and _option(pytestconfig, "broker_url") is not None:
        # Only for a foreign broker whose user has applied no Triggers; ours always has them.
        pytest.skip("deliveries are tested with --subscriber-port, and what --print-manifests prints applied")
    server = Subscriber(_option(pytestconfig, "subscriber_host", OWN_HOST), port or 0, patience)
    yield server
    server.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What answers can be held back with; open at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest, pytestconfig: pytest.Config, patience: float) -> Broker:
    """The broker under test."""
    url = _option(pytestconfig, "broker_url")
    if url is not None:
        return Broker(url, request.param, _option(pytestconfig, "namespace", "conformance"), patience)
    namespace = f"conformance-{request.param}"
    front_door = request.getfixturevalue("knative_local")
    return Broker(f"{front_door}/broker/{namespace}/conformance", request.param, namespace, patience)


@pytest.fixture(scope="session")
def knative_local(
    subscriber: Subscriber, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A running knative-local with a Broker of each class; the only place that knows it. Gives its front door's URL."""
    folder = tmp_path_factory.mktemp("knative-local")
    (folder / "manifests").mkdir()
    for kind in CLASSES:
        text = manifests(f"conformance-{kind}", "conformance", kind, f"http://{OWN_HOST}:{subscriber.port}")
        (folder / "manifests" / f"{kind}.yaml").write_text(text)
    with socket.socket() as probe:
        probe.bind((OWN_HOST, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "knative_local", "up", str(folder / "manifests"), "--port", str(port)]
    if (log := _option(pytestconfig, "log")) is not None:
        command += ["--log", log]
    output = folder / "output.txt"
    with output.open("wb") as writing:
        process = subprocess.Popen([*command, "--state", str(folder / "state")], stdout=subprocess.PIPE, stderr=writing)
    assert process.stdout is not None
    with process, process.stdout:
        try:
            started = any(b"Ctrl-C" in line for line in process.stdout)
            assert started, f"knative-local did not start:\n{output.read_text()}"
            yield f"http://{OWN_HOST}:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(20)
    said = output.read_text()
    assert status == 0, said
    assert "Traceback" not in said, said


def manifests(namespace: str, broker: str, kind: str, subscriber_url: str) -> str:
    """The manifests of one Broker, filled in. At `NOBODY` nobody listens: the first port of the subscriber's host."""
    host = subscriber_url.rpartition(":")[0] if subscriber_url.count(":") > 1 else subscriber_url
    return Template((FOLDER / "manifests.yaml").read_text()).substitute(
        NAMESPACE=namespace, BROKER=broker, BROKER_CLASS=CLASSES[kind], SUBSCRIBER=subscriber_url, NOBODY=f"{host}:1"
    )


def _wanted_manifests(config: pytest.Config) -> str:
    url, port = _option(config, "broker_url") or "/default", _option(config, "subscriber_port")
    host = _option(config, "subscriber_host", OWN_HOST)
    subscriber_url = _option(config, "subscriber_url") or f"http://{host}:{port or 80}"
    name = _option(config, "broker_name") or url.rstrip("/").rpartition("/")[2]
    return manifests(_option(config, "namespace", "conformance"), name, _option(config, "broker_class", KAFKA),
                     subscriber_url.rstrip("/"))  # fmt: skip


def _option(config: pytest.Config, name: str, default: Any = None) -> Any:
    """An option, or its default when pytest came to this file too late to know of it (in a run of all tests)."""
    return config.getoption(name, default)
