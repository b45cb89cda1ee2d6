"""The images' recipes: what hadolint says of them, and that they start what the manifests say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.running import ROOT
from tests.servers import hadolint

RECIPES = {"trackway/functions": "functions/Dockerfile", "trackway/realtime-gateway": "realtime-gateway/Dockerfile"}
PIN = re.compile(
    r"docker\.io/library/[a-z]+:\d+\.\d+\.\d+-bookworm-slim|docker\.io/library/[a-z]+:\d+\.\d+\.\d+-slim-bookworm"
)


@dataclass
class Stage:
    """One FROM of a Dockerfile, and the instructions up to the next."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def of(self, word: str) -> list[str]:
        """What stands behind an instruction's word, each time that it is there."""
        return [text for each, text in self.instructions if each == word]


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction's word and what stands behind it, its lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined if line.strip())]


def stages(text: str) -> tuple[dict[str, str], list[Stage]]:
    """The arguments before the first FROM with their defaults, and the stages."""
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    for word, rest in instructions(text):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        elif found:
            found[-1].instructions.append((word, rest))
        else:
            name, _, default = rest.partition("=")
            arguments[name] = default
    return arguments, found


@pytest.fixture(params=sorted(RECIPES.values()))
def recipe(request: pytest.FixtureRequest) -> str:
    """A Dockerfile's text."""
    return (ROOT / request.param).read_text()


@pytest.mark.integration
@pytest.mark.parametrize("file", sorted([*RECIPES.values(), "connect/Dockerfile"]))
def test_hadolint_has_nothing_to_say(file: str) -> None:
    assert hadolint.remarks(ROOT / file) == ""


@pytest.mark.integration
def test_hadolint_is_heard(tmp_path: Path) -> None:
    worse = (ROOT / "functions/Dockerfile").read_text() + "RUN sudo apt-get install gcc\n"
    (tmp_path / "Dockerfile").write_text(worse)
    assert "DL3004" in hadolint.remarks(tmp_path / "Dockerfile")


def test_every_base_is_pinned_by_tag_and_digest(recipe: str) -> None:
    arguments, found = stages(recipe)
    assert len(found) > 2
    for stage in found:
        base = arguments[stage.base.removeprefix("${").removesuffix("}")]
        tag, _, digest = base.partition("@")
        assert PIN.fullmatch(tag), f"{base}: the tag names a version to its last number"
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)


def test_python_packages_come_by_the_hashes_of_the_lock_and_nothing_is_compiled(recipe: str) -> None:
    installs = [text for stage in stages(recipe)[1] for text in stage.of("RUN") if " install " in text]
    assert installs
    for text in installs:
        of_ours = text.endswith("--no-deps --no-build-isolation .")
        assert of_ours or "--only-binary :all: --require-hashes -r requirements-image.lock" in text
        assert not re.search(r"apt-get|apk |gcc|build-essential", text)
    assert any(
        "npm ci " in text and "--ignore-scripts" in text for stage in stages(recipe)[1] for text in stage.of("RUN")
    )


def test_what_runs_is_small_and_not_root(recipe: str) -> None:
    """Nothing is run in the last stage, so nothing is left of a tool; the user is a number, since Kubernetes refuses a
    name where runAsNonRoot is asked for."""
    last = stages(recipe)[1][-1]
    assert last.of("RUN") == []
    assert all(text.startswith("--from=") for text in last.of("COPY"))
    (user,) = last.of("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert "PYTHONDONTWRITEBYTECODE=1" in last.of("ENV")[0], "the root file system is read-only"


def test_both_images_share_the_layer_of_the_packages() -> None:
    functions, gateway = (stages((ROOT / file).read_text()) for file in RECIPES.values())
    assert functions[0] == gateway[0]
    assert functions[1][0].name == "packages"
    assert functions[1][0] == gateway[1][0]


def test_an_image_starts_what_the_manifests_say() -> None:
    """In their words, from the folder that their settings are relative to, and on the port that a Pod has."""
    entries: dict[str, str] = {}
    ports: dict[str, str] = {}
    for image, file in RECIPES.items():
        last = stages((ROOT / file).read_text())[1][-1]
        (entry,), (port,) = last.of("ENTRYPOINT"), last.of("EXPOSE")
        entries[image], ports[image] = entry, port
    checked = 0
    for path in sorted((ROOT / "knative/base").glob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text()):
            for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
                assert yaml.safe_load(entries[container["image"]]) == container["command"]
                for port in container.get("ports", ()):
                    assert str(port["containerPort"]) == ports[container["image"]]
                checked += 1
    assert checked > 8


def test_the_images_lock_is_the_products_with_what_a_cluster_needs() -> None:
    """The same versions, S3 and traces beside them."""
    versions = {
        name: set(re.findall(r"^([a-z0-9][a-z0-9.-]*==\S+)", (ROOT / f"{name}.lock").read_text(), re.MULTILINE))
        for name in ("requirements", "requirements-image")
    }
    assert {each.partition("==")[0] for each in versions["requirements"] - versions["requirements-image"]} == {
        "editables"
    }
    names = {each.partition("==")[0] for each in versions["requirements-image"]}
    assert {"boto3", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "hatchling"} <= names


def test_nothing_comes_into_an_image_that_is_not_named() -> None:
    """A folder with data, settings or somebody's environment is not sent to a builder, wherever it may lie."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    named = [line[1:] for line in lines if line.startswith("!")]
    assert all((ROOT / each).exists() for each in named)
    copied = {
        word
        for file in RECIPES.values()
        for stage in stages((ROOT / file).read_text())[1]
        for text in stage.of("COPY")
        if not text.startswith("--from=")
        for word in text.split()[:-1]
    }
    for each in copied:
        inside = [one for one in named if one == each or one.startswith(f"{each}/")]
        assert inside or any(each.startswith(f"{one}/") for one in named), f"{each} is copied, and not sent"
