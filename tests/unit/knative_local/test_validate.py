"""`knative-local validate`: what would end a start, told without one."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from knative_local.cli import app
from tests.unit.knative_local.manifest_texts import BINDING, BROKER, SERVICE, TRIGGER


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one file, from whose folder the command is run."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "town.yaml"
    file.write_text("---".join([BROKER, SERVICE, TRIGGER, BINDING, "\nkind: Namespace\napiVersion: v1\n"]))
    return file


def test_good_manifests_end_with_0(town: Path) -> None:
    done = CliRunner().invoke(app, ["validate", town.name])

    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "nothing is wrong"
    assert ": Namespace  is not served here" in done.stdout


def test_every_mistake_is_told_with_its_place_and_ends_with_1(town: Path) -> None:
    town.write_text(
        town.read_text().replace("spec:\n  broker", "spec:\n  fliter: {}\n  broker") + "---\nkind: Broker\n"
    )

    done = CliRunner().invoke(app, ["validate", town.name])

    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "town.yaml:40: apiVersion is missing",
        "town.yaml:21: Trigger persist: spec.fliter is not a field that is served here; did you mean 'filter'?",
    ]


def test_programs_get_json(town: Path) -> None:
    good = json.loads(CliRunner().invoke(app, ["validate", town.name, "--json"]).stdout)
    town.write_text(town.read_text().replace("broker: default", "broker: x"))
    done = CliRunner().invoke(app, ["validate", town.name, "--json"])

    assert good["valid"]
    assert [each["kind"] for each in good["skipped"]] == ["Namespace"]
    assert done.exit_code == 1
    bad = json.loads(done.stdout)
    assert (bad["valid"], bad["skipped"]) == (False, [])
    assert bad["mistakes"] == [
        {
            "path": "town.yaml",
            "line": 21,
            "message": "Trigger persist: spec.broker names town/x, which is not there; there are town/default",
        }
    ]


def test_names_and_variables_are_looked_for_too(town: Path) -> None:
    asked = "command: [python, -m, persist]\n          envFrom: [{configMapRef: {name: none}}]"
    town.write_text(town.read_text().replace("command: [python, -m, persist]", asked))

    done = CliRunner().invoke(app, ["validate", "."])

    assert done.exit_code == 1
    assert "there is no ConfigMap none in town" in done.stderr


def test_nothing_to_read_is_a_mistake(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["validate", str(tmp_path / "none")])

    assert done.exit_code == 1
    assert done.stderr.endswith("there is no such file or folder\n")
