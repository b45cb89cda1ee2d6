"""`trackway deploy render --check` on our own manifests: nothing is wrong with them, and no mistake is passed over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.manifests.mutations import misspelt, mutations, of_a_wrong_type
from tests.running import ROOT
from tests.servers import kustomize
from trackway.cli.commands import app
from trackway.deploy import build
from trackway.deploy.checking import check
from trackway.deploy.kinds import KINDS
from trackway.deploy.manifest import Manifest, parse

pytestmark = pytest.mark.integration  # kustomize is built by the first of them

ON_A_CLUSTER = ["kind", "production"]
COMPONENTS = sorted(path.name for path in (ROOT / "knative/components").iterdir())
BY_NAME = {misspelt.__name__, of_a_wrong_type.__name__}


@pytest.fixture(autouse=True)
def the_tests_kustomize(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(build.PROGRAM, str(kustomize.program()))


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What all overlays for a cluster and all components give."""
    folder = tmp_path_factory.mktemp("all")
    listed = [os.path.relpath(ROOT / "knative/components" / name, folder) for name in COMPONENTS]
    text = {"resources": [os.path.relpath(ROOT / "knative/base", folder)], "components": listed}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))
    built = [kustomize.build(ROOT / "knative/overlays" / name) for name in ON_A_CLUSTER]
    return [dict(each.tree) for text in (*built, kustomize.build(folder)) for each in parse(text)]


@pytest.mark.parametrize("overlay", ON_A_CLUSTER)
def test_nothing_is_wrong_with_our_manifests(overlay: str) -> None:
    done = CliRunner().invoke(app, ["deploy", "render", overlay, "--check"])
    assert done.exit_code == 0, done.stderr
    assert "nothing is wrong with" in done.stderr
    assert done.stdout == kustomize.build(ROOT / "knative/overlays" / overlay)


def test_every_kind_that_we_deploy_is_known(everything: list[dict[str, Any]]) -> None:
    assert {(each["apiVersion"], each["kind"]) for each in everything} <= KINDS.keys()


def test_a_field_that_is_misspelt_or_of_a_wrong_type_is_caught_in_every_kind(everything: list[dict[str, Any]]) -> None:
    verdicts = [(each, check([Manifest(each.after)])) for each in mutations(everything)]
    made = [(each, verdict) for each, verdict in verdicts if each.how in BY_NAME]
    assert len(made) > 400
    assert [(each.name, each.how) for each, verdict in made if not verdict.mistakes] == []


def test_a_mistake_is_told_with_the_file_that_it_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay/kustomization.yaml").write_text("resources: [broker.yaml]\n")
    broker = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: x}\nspec: {delivry: {}}\n"
    (tmp_path / "overlay/broker.yaml").write_text(broker)
    done = CliRunner().invoke(app, ["deploy", "render", "overlay", "--check"])
    assert done.exit_code == 1
    assert "overlay/broker.yaml: Broker x: spec.delivry is not a field; did you mean delivery?" in done.stderr


def test_what_kustomize_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resource: [x.yaml]\n")
    done = CliRunner().invoke(app, ["deploy", "render", str(tmp_path), "--check"])
    assert done.exit_code == 1
    assert 'unknown field "resource"' in done.stderr
