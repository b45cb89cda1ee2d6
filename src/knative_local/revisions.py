"""A Service's revisions over time: which template each was made from, kept in the state folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from knative_local.building_serving import as_revision
from knative_local.model import KnService

KEPT: Final = 20
"""Revisions of a Service that are remembered although no traffic names them (Knative's min-non-active-revisions)."""

_Known = dict[str, dict[str, Any]]
"""Template by name of the revision, the oldest first."""


class RevisionErrors(Exception):
    """Names of revisions that mean nothing: a line `file:line: sentence` for each."""


class Revisions:
    """The history of all Services of one state folder."""

    def __init__(self, path: Path) -> None:
        """`path` is the file, made when there is something to remember.

        Raises OSError, RevisionErrors when it cannot be read.
        """
        self._path = path
        self._known: dict[str, _Known] = {}
        self._generations: dict[str, int] = {}
        if path.exists():
            self._read()

    def named(self, services: Iterable[KnService]) -> list[tuple[KnService, list[KnService]]]:
        """Each Service as its newest revision has it, with the revisions that its traffic means, in its order.

        A template that is new makes a new revision, which is remembered before this returns. Raises RevisionErrors, and
        then nothing has changed.
        """
        known = {key: dict(each) for key, each in self._known.items()}
        generations = dict(self._generations)
        errors: list[str] = []
        found: list[tuple[KnService, list[KnService]]] = []
        for service in services:
            own = known.setdefault(service.key, {})
            try:
                latest = _latest(service, own, generations)
                found.append((latest, [_meant(latest, target.revision, own) for target in service.traffic]))
            except RevisionErrors as error:
                errors.append(str(error))
            else:
                _forget(own, {latest.revision, *(target.revision for target in service.traffic)})
        if errors:
            raise RevisionErrors("\n".join(errors))
        if (known, generations) != (self._known, self._generations):
            self._known, self._generations = known, generations
            self._write()
        return found

    def _read(self) -> None:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            for key, entry in stored.items():
                self._generations[key] = int(entry["generation"])
                self._known[key] = {str(each["name"]): dict(each["template"]) for each in entry["revisions"]}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RevisionErrors(
                f"{self._path} cannot be read ({error}); without it, numbers of revisions begin again at 00001"
            ) from error

    def _write(self) -> None:
        stored = {
            key: {
                "generation": self._generations.get(key, 0),
                "revisions": [{"name": name, "template": template} for name, template in known.items()],
            }
            for key, known in self._known.items()
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(stored, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def _latest(service: KnService, own: _Known, generations: dict[str, int]) -> KnService:
    """The Service with the name of its template's revision, which may be a new one."""
    template = dict(service.template)
    newest = next(reversed(own), None)
    if newest is not None and own[newest] == template:
        return replace(service, revision=newest)
    generation = generations.get(service.key, 0) + 1
    name = service.revision or f"{service.name}-{generation:05d}"
    if own.get(name, template) != template:
        raise RevisionErrors(
            f"{service.source}: Service {service.name}: the template has changed, and spec.template.metadata.name is"
            f" still {name}; a changed template needs another name"
        )
    generations[service.key] = generation
    own.pop(name, None)
    own[name] = template
    return replace(service, revision=name)


def _meant(latest: KnService, name: str | None, own: Mapping[str, dict[str, Any]]) -> KnService:
    if name is None or name == latest.revision:
        return latest
    if name not in own:
        raise RevisionErrors(
            f"{latest.source}: Service {latest.name}: spec.traffic names the revision {name}, which is not there; there"
            f" are {', '.join(own)}"
        )
    return replace(as_revision(latest, own[name]), revision=name)


def _forget(own: _Known, used: set[str | None]) -> None:
    unused = [name for name in own if name not in used]
    for name in unused[:-KEPT]:
        del own[name]
