"""The conformance suite as somebody with a cluster uses it: copied out of here, pointed at an address."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SUITE = Path(__file__).parent.parent / "conformance"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that holds nothing but the suite."""
    shutil.copytree(SUITE, tmp_path / "conformance", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "conformance", "-q", "-p", "no:cacheprovider", *options]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_it_imports_only_the_standard_library_pytest_and_itself() -> None:
    for path in SUITE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                assert name.partition(".")[0] in {*sys.stdlib_module_names, "pytest"}, f"{path.name} imports {name}"


@pytest.mark.integration
def test_it_is_collected_anywhere_once_for_the_broker_that_is_named(elsewhere: Path) -> None:
    done = run(elsewhere, "--collect-only", "--broker-url", "http://127.0.0.1:1/default", "--broker-class", "channel")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_an_event_in_binary_mode_is_accepted[channel]" in done.stdout
    assert "[kafka" not in done.stdout


@pytest.mark.integration
def test_an_address_where_nobody_answers_fails(elsewhere: Path) -> None:
    done = run(elsewhere, "--broker-url", "http://127.0.0.1:1/default", "-k", "binary_mode_is_accepted")
    assert done.returncode == 1
    assert "Connection refused" in done.stdout


@pytest.mark.integration
def test_the_manifests_are_printed_with_everything_filled_in(elsewhere: Path) -> None:
    options = ["--broker-url", "http://b/ns/events", "--namespace", "ns", "--broker-class", "channel"]
    done = run(elsewhere, *options, "--subscriber-url", "http://10.0.0.7:9000/", "--print-manifests")
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    (broker,) = (document for document in documents if document["kind"] == "Broker")
    assert broker["metadata"]["name"] == "events"
    assert broker["metadata"]["namespace"] == "ns"
    assert broker["metadata"]["annotations"]["eventing.knative.dev/broker.class"] == "MTChannelBasedBroker"
    triggers = {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == "Trigger"}
    assert {spec["broker"] for spec in triggers.values()} == {"events"}
    assert triggers["everything"]["subscriber"]["uri"] == "http://10.0.0.7:9000/everything"
    assert triggers["refused"]["subscriber"]["uri"] == "http://10.0.0.7:1/refused"
    assert "$" not in done.stdout
