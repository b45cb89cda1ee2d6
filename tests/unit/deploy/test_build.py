"""How `trackway deploy` finds a kustomize, and what it says when there is none, or when an overlay is no good."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from trackway.cli.commands import app
from trackway.deploy import build
from trackway.deploy.manifest import parse


def program(folder: Path, name: str, script: str) -> Path:
    """A stand-in for a program; gives its file."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are looked for in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv(build.PROGRAM, raising=False)
    return folder


def test_kustomize_is_taken_before_kubectl(path: Path) -> None:
    program(path, "kubectl", "echo 'Kustomize Version: v5.5.0'")
    assert build.kustomize() == ["kubectl", "kustomize"]
    program(path, "kustomize", "echo v5.7.1")
    assert build.kustomize() == ["kustomize", "build"]


def test_the_one_that_is_named_is_taken_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(path, "kustomize", "echo v5.7.1")
    monkeypatch.setenv(build.PROGRAM, "/opt/kustomize")
    assert build.kustomize() == ["/opt/kustomize", "build"]


@pytest.mark.parametrize(
    ("name", "script", "why"),
    [
        ("true", "", "there is no kustomize"),
        ("kustomize", "echo '{Version:kustomize/v3.8.1 GitCommit:0b359d0}'", "kustomize is 3.8, too old"),
        ("kubectl", "echo 'Client Version: v1.26.1'; echo 'Kustomize Version: v4.5.7'", "in kubectl is 4.5, too old"),
        ("kubectl", 'echo \'Client Version: version.Info{Major:"1", Minor:"20"}\'', "does not tell its version"),
    ],
)
def test_one_that_is_missing_or_too_old_is_said_with_what_to_install(
    path: Path, name: str, script: str, why: str
) -> None:
    program(path, name, script)
    with pytest.raises(build.NoKustomize, match=why) as raised:
        build.kustomize()
    assert "install kustomize 5 or newer" in str(raised.value)


def test_what_kustomize_says_against_an_overlay_is_the_answer(path: Path, tmp_path: Path) -> None:
    program(path, "kustomize", '[ "$1" = version ] && echo v5.7.1 || { echo "Error: no such\n  file" >&2; exit 1; }')
    with pytest.raises(build.BuildFailed, match="Error: no such file"):
        build.build(tmp_path)


def test_the_file_that_kustomize_says_an_object_is_from_is_no_part_of_the_object() -> None:
    annotations = "annotations: {config.kubernetes.io/origin: 'path: a.yaml'}"
    (found,) = parse(f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  {annotations}\n")
    assert found.file == "a.yaml"
    assert found.metadata == {"name": "x"}


def test_an_overlay_that_is_not_there_is_a_usage_error_that_names_those_that_are() -> None:
    done = CliRunner().invoke(app, ["deploy", "render", "moon"])
    assert done.exit_code == 2
    assert "one of kind, local, local-kafka, production" in done.stderr


def test_a_file_of_manifests_is_checked_without_any_kustomize(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "it.yaml"
    file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndat: {}\n")
    done = CliRunner().invoke(app, ["deploy", "render", str(file), "--check"])
    assert done.exit_code == 1
    assert "ConfigMap x: dat is not a field; did you mean data?" in done.stderr
    assert done.stdout == ""
    file.write_text(file.read_text().replace("dat:", "data:"))
    done = CliRunner().invoke(app, ["deploy", "render", str(file), "--check"])
    assert done.exit_code == 0
    assert done.stdout == file.read_text()
