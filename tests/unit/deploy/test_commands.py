"""`trackway deploy apply`, `diff` and `status` as who runs them sees them: words and exit codes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import httpx2
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.unit.deploy.fake_api import FakeApi
from trackway.cli.commands import app

LOADED = "import sys, trackway.cli.commands; print(*{'lightkube', 'httpx2', 'trackway.deploy'} & sys.modules.keys())"
MANIFESTS = """apiVersion: v1
kind: Namespace
metadata: {name: town}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: town}
data: {COLOUR: red}
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, namespace: town}
"""
BROKER = "/apis/eventing.knative.dev/v1/namespaces/town/brokers/default"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """The cluster that the commands talk to."""
    one = FakeApi()
    monkeypatch.setattr("trackway.deploy.cluster.connect", lambda *_: nullcontext(one.cluster()))
    monkeypatch.setattr("trackway.deploy.waiting.INTERVAL_S", 0.0)
    return one


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "town.yaml"
    path.write_text(MANIFESTS)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["deploy", *map(str, words)])


def answer(api: FakeApi, status: str, message: str = "") -> None:
    """Have the Broker's controller say how it is."""
    condition = {"type": "Ready", "status": status, "reason": "NoDataPlane", "message": message}

    def controller(tree: dict) -> None:
        if tree["kind"] == "Broker":
            tree["status"] = {"observedGeneration": 1, "conditions": [condition]}

    api.mutate = controller


def test_no_other_command_loads_what_a_cluster_is_asked_with() -> None:
    """It takes half a second, and `trackway trip list` is asked often."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_apply_tells_each_object_and_ends_with_0_when_all_are_ready(api: FakeApi, file: Path) -> None:
    answer(api, "True")
    done = run("apply", file)
    assert done.exit_code == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["created", "Namespace", "town"],
        ["created", "ConfigMap", "settings"],
        ["created", "Broker", "default"],
    ]
    assert done.stderr.endswith("all 3 objects are ready\n")
    assert run("apply", file).stdout.count("as it was") == 3


def test_what_is_not_ready_in_time_is_told_with_why_and_the_exit_code_is_1(api: FakeApi, file: Path) -> None:
    answer(api, "False", "the broker's\npods are not there")
    done = run("apply", file, "--patience", 0.01)
    assert done.exit_code == 1
    assert "after 0.01 s Broker default NoDataPlane: the broker's pods are not there" in done.stderr


def test_what_becomes_ready_while_one_waits_is_told(api: FakeApi, file: Path) -> None:
    answer(api, "Unknown", "starting")
    original = api.answer

    def until_asked_thrice(request: httpx2.Request) -> httpx2.Response:
        if sum(path.endswith("/brokers") for _, path in api.requests) == 3:
            api.objects[BROKER]["status"]["conditions"][0]["status"] = "True"
        return original(request)

    api.answer = until_asked_thrice
    done = run("apply", file)
    assert done.exit_code == 0
    assert "Broker default is ready" in done.stdout


def test_what_is_wrong_is_refused_before_the_cluster_is_asked_anything(api: FakeApi, file: Path) -> None:
    file.write_text(MANIFESTS.replace("\ndata:", "\ndat:"))
    done = run("apply", file)
    assert done.exit_code == 1
    assert "ConfigMap settings: dat is not a field; did you mean data?" in done.stderr
    assert api.requests == []


def test_a_conflict_is_one_line_and_the_exit_code_is_1(api: FakeApi, file: Path) -> None:
    answer(api, "True")
    run("apply", file)
    api.put("/api/v1/namespaces/town/configmaps/settings", {"data": {"COLOUR": "green"}}, manager="somebody")
    for command in ("apply", "diff"):
        done = run(command, file)
        assert done.exit_code == 1
        assert "✗ ConfigMap settings: data.COLOUR is somebody's; --force takes it over\n" in done.stderr
    assert run("apply", file, "--force").exit_code == 0


def test_diff_ends_with_4_when_something_would_change_and_with_0_when_nothing(api: FakeApi, file: Path) -> None:
    done = run("diff", file)
    assert done.exit_code == 4
    assert "+  COLOUR: red" in done.stdout
    assert "3 of 3 objects would change" in done.stderr
    assert api.objects == {}
    run("apply", file, "--patience", 0)
    assert run("diff", file).exit_code == 0
    file.write_text(MANIFESTS.replace("red", "blue"))
    done = run("diff", file)
    assert done.exit_code == 4
    assert [line for line in done.stdout.splitlines() if line[:2] in ("- ", "+ ")] == [
        "-  COLOUR: red",
        "+  COLOUR: blue",
    ]


def test_status_is_a_table_with_why(api: FakeApi, file: Path) -> None:
    answer(api, "False", "no pods")
    run("apply", file, "--patience", 0)
    del api.objects["/api/v1/namespaces/town/configmaps/settings"]
    done = run("status", file)
    assert done.exit_code == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["town", "ConfigMap", "settings", "missing"] in rows
    assert ["town", "Broker", "default", "waiting"] in rows
    assert "✗ ConfigMap settings is not there\n✗ Broker default NoDataPlane: no pods\n" in done.stdout
    answer(api, "True")
    run("apply", file, "--patience", 0)
    assert run("status", file).exit_code == 0


def test_a_cluster_that_is_away_has_an_exit_code_of_its_own(api: FakeApi, file: Path) -> None:
    api.faults = [httpx2.ConnectError("Connection refused")] * 100
    done = run("apply", file)
    assert done.exit_code == 3
    assert "no API server answers at http://api.test" in done.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "not found"),
        ("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n", "No current context"),
        ("clusters: 5\n", "there is no cluster to talk to"),
    ],
)
def test_a_kubeconfig_that_is_no_good_is_a_usage_error(file: Path, tmp_path: Path, text: str | None, why: str) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    if text is not None:
        kubeconfig.write_text(text)
    done = run("status", file, "--kubeconfig", kubeconfig)
    assert done.exit_code == 2
    assert why in done.stderr
    assert "set KUBECONFIG, or use --kubeconfig" in done.stderr
