"""Java programs for the tests: Maven fetches them into build/servers, once."""

import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build/servers"
PROJECT = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>server</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>{}</dependency>"


def fetched(name: str, *artifacts: str) -> Path:
    """The folder of these artifacts (``group:artifact:version[:type[:classifier]]``) and of all that they need."""
    require("java", "mvn")
    found = FOLDER / name
    if not found.exists():
        part = FOLDER / f"part-{uuid.uuid4().hex}"
        part.mkdir(parents=True)
        (part / "pom.xml").write_text(PROJECT.format(dependencies="".join(map(_dependency, artifacts))))
        maven(part, "dependency:copy-dependencies", f"-DoutputDirectory={part}")
        try:
            part.rename(found)
        except OSError:  # somebody else was first
            shutil.rmtree(part)
    return found


def maven(folder: Path, *goals: str) -> None:
    """Run Maven on the project in a folder; fails with its own words."""
    done = subprocess.run(
        ["mvn", "-q", "-B", *goals], cwd=folder, check=False, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        pytest.fail(f"mvn {' '.join(goals)}: {done.stdout[-3000:]}")


def require(*tools: str) -> None:
    """Skip the test (fails in CI) where a tool is missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} missing: install the packages default-jdk-headless and maven")


def service_jar(file: Path, services: dict[str, Sequence[str]]) -> None:
    """A jar that names classes of the jars beside it, for those that do not name them themselves: Connect then finds
    them without reading every class."""
    with ZipFile(file, "w") as jar:
        for interface, classes in services.items():
            jar.writestr(f"META-INF/services/{interface}", "\n".join(classes))


def _dependency(artifact: str) -> str:
    group, name, version, *rest = artifact.split(":")
    more = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("type", "classifier"), rest, strict=False))
    return DEPENDENCY.format(group, name, version, more)
