"""A Service's revisions: names, changed templates, and what traffic means, over starts and crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from knative_local.model import KnService
from knative_local.revisions import KEPT, RevisionErrors, Revisions
from tests.unit.knative_local.manifest_texts import SERVICE, Read


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "state" / "revisions.json"


class Project:
    """One Service whose manifest changes between starts."""

    def __init__(self, read: Read, path: Path) -> None:
        self.read, self.path = read, path

    def start(self, command: str, name: str = "", traffic: str = "") -> tuple[KnService, list[KnService]]:
        """The newest revision and those that the traffic means, as a runtime that is started now sees them."""
        text = SERVICE.replace("[python, -m, persist]", f"[{command}]")
        if name:
            text = text.replace("  template:\n", f"  template:\n    metadata: {{name: {name}}}\n")
        if traffic:
            text += f"  traffic: {traffic}\n"
        (found,) = Revisions(self.path).named(self.read(text).services)
        return found


@pytest.fixture
def project(read: Read, history: Path) -> Project:
    return Project(read, history)


def test_a_changed_template_is_the_next_revision_and_an_unchanged_one_is_none(project: Project) -> None:
    """Serving spec, Configuration: a change of spec.template creates a new Revision."""
    names = [project.start(command)[0].revision_name for command in ("one", "one", "two", "two", "one")]
    assert names == [f"persist-0000{number}" for number in (1, 1, 2, 2, 3)]


def test_traffic_reaches_the_revisions_that_it_names_as_they_were(project: Project) -> None:
    project.start("one")
    latest, meant = project.start(
        "two", traffic="[{revisionName: persist-00001, percent: 90, tag: old}, {latestRevision: true, percent: 10}]"
    )
    assert latest.container.command == ("two",)
    assert [(each.revision, each.container.command) for each in meant] == [
        ("persist-00001", ("one",)),
        ("persist-00002", ("two",)),
    ]


def test_a_revision_that_never_was_is_refused_and_nothing_is_remembered(project: Project) -> None:
    project.start("one")
    with pytest.raises(
        RevisionErrors, match=r"Service persist: .*persist-00007, which is not there; there are persist-0"
    ):
        project.start("two", traffic="[{revisionName: persist-00007, percent: 100}]")
    assert project.start("three")[0].revision_name == "persist-00002"


def test_a_name_of_its_own_has_to_change_with_the_template(project: Project) -> None:
    """revision_validation.go, VerifyNameChange."""
    assert project.start("one", name="persist-blue")[0].revision_name == "persist-blue"
    assert project.start("one", name="persist-blue")[0].revision_name == "persist-blue"
    with pytest.raises(RevisionErrors, match="persist-blue; a changed template needs another name"):
        project.start("two", name="persist-blue")
    assert project.start("two", name="persist-green")[0].revision_name == "persist-green"
    _, meant = project.start("two", name="persist-green", traffic="[{revisionName: persist-blue, percent: 100}]")
    assert meant[0].container.command == ("one",)
    assert project.start("one", name="persist-blue")[0].revision_name == "persist-blue"


def test_old_revisions_are_forgotten_but_for_those_in_use(project: Project) -> None:
    for number in range(KEPT + 5):
        project.start(f"c{number}", traffic="[{revisionName: persist-00001, percent: 100}]")
    _, meant = project.start("last", traffic="[{revisionName: persist-00001, percent: 100}]")
    assert meant[0].container.command == ("c0",)
    with pytest.raises(RevisionErrors, match="persist-00002, which is not there"):
        project.start("last", traffic="[{revisionName: persist-00002, percent: 100}]")


def test_a_write_that_broke_off_leaves_the_history_as_it_was(project: Project) -> None:
    project.start("one")
    project.path.with_suffix(".new").write_text('{"town/persist": {"gener')
    assert project.start("two")[0].revision_name == "persist-00002"


@pytest.mark.parametrize("content", ["", "[]", '{"town/persist": 3}', '{"town/persist": {"generation": "x"}}'])
def test_a_history_that_cannot_be_read_is_told_with_its_place(project: Project, content: str) -> None:
    project.path.parent.mkdir()
    project.path.write_text(content)
    with pytest.raises(RevisionErrors, match=r"revisions\.json cannot be read"):
        project.start("one")
