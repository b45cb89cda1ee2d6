"""Services over changes of their manifests: who is meant as before goes on, who is meant no more ends what it has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from knative_local.backend import Backend, Lease
from knative_local.environment import Environments
from knative_local.http1 import HttpClient
from knative_local.names import Target
from knative_local.process import StartError
from knative_local.revisions import RevisionErrors
from knative_local.services import Services
from tests.unit.knative_local.manifest_texts import SERVICE, Read
from tests.unit.knative_local.test_activator import FakeInstance, until

PERSIST = Target("service", "town/persist")


class FakeLauncher:
    """Processes that serve at once."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Sequence[str], Mapping[str, str]]] = []
        self.instances: list[FakeInstance] = []
        self.broken = ""

    async def start(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str], preload: tuple[str, ...]
    ) -> FakeInstance:
        self.started.append((name, argv, environment))
        if self.broken:
            raise StartError(self.broken)
        instance = FakeInstance(20000 + len(self.instances))
        instance.serves()
        self.instances.append(instance)
        return instance

    def warm(self, argv: Sequence[str], environment: Mapping[str, str], preload: tuple[str, ...]) -> None:
        pass


class Town:
    def __init__(self, read: Read, folder: Path) -> None:
        self.read, self.launcher, self.client = read, FakeLauncher(), HttpClient()
        self.services = Services(self.launcher, self.client, folder, 8080, 4)  # type: ignore[arg-type]  a fake

    def apply(self, *texts: str) -> None:
        manifests = self.read(*texts)
        self.services.apply(
            manifests, Environments(manifests, lambda *_: "", lambda *_: None, "/run/ingress.sock", "http://door")
        )

    async def ask(self, target: Target = PERSIST) -> Lease:
        backend: Backend = self.services.backends[target]
        return await backend.pick().acquire(asyncio.get_running_loop().time() + 5)


@pytest.fixture
async def town(read: Read, tmp_path: Path) -> AsyncIterator[Town]:
    it = Town(read, tmp_path)
    yield it
    await it.services.stop(0.0)
    await it.client.close()


def changed(service: str = SERVICE, **more: str) -> str:
    return service.replace("[python, -m, persist]", more.get("command", "[python, -m, persist]")) + more.get("end", "")


async def test_an_unchanged_template_keeps_its_instances(town: Town) -> None:
    town.apply(SERVICE)
    town.services.begin()
    (await town.ask()).release()
    town.apply(SERVICE.replace("namespace: town", "namespace: town, labels: {a: b}"))
    assert (await town.ask()).address.port == 20000
    assert len(town.launcher.started) == 1


async def test_a_changed_template_takes_the_next_request_and_the_old_one_ends_what_it_has(town: Town) -> None:
    """Serving spec, Route: once a new revision is ready, traffic goes to it; Knative drains the old one."""
    scale = "    metadata: {annotations: {autoscaling.knative.dev/min-scale: '1'}}\n"
    service = SERVICE.replace("  template:\n", f"  template:\n{scale}")
    town.apply(service)
    town.services.begin()
    old = await town.ask()
    town.apply(service.replace("persist]", "other]"))
    await until(lambda: len(town.launcher.instances) == 2 and town.services.activators[0].instances == 1)
    new = await town.ask()
    assert (old.address.port, new.address.port) == (20000, 20001)
    name, argv, environment = town.launcher.started[1]
    assert (name, argv[-1], environment["K_REVISION"]) == ("persist", "other", "persist-00002")
    assert [each.label for each in town.services.activators] == ["persist", "persist-00001"]
    assert not town.launcher.instances[0].gone
    old.release()
    retired = town.services.activators[1]
    assert retired.instances == 1
    # Its min-scale means nothing any more, only its last window of load does.
    assert retired._autoscaler.decide(asyncio.get_running_loop().time() + 100, 1).desired == 0


async def test_a_revision_that_does_not_start_gets_no_traffic(town: Town) -> None:
    """Serving: a Route's latestRevision is the latest ready one."""
    town.apply(SERVICE)
    town.services.begin()
    (await town.ask()).release()
    town.launcher.broken = "ended with status 1: no module named persits"
    town.apply(SERVICE.replace("persist]", "persits]"))
    await until(lambda: any(each.problem for each in town.services.activators))
    assert [(await town.ask()).address.port for _ in range(2)] == [20000, 20000]
    names = {each.label: each.problem for each in town.services.activators}
    assert names["persist"] is None
    assert "no module named persits" in str(names["persist-00002"])
    town.launcher.broken = ""
    town.apply(SERVICE.replace("persist]", "right]"))
    await until(lambda: town.services.backends[PERSIST] is town.services.activators[0])
    assert (await town.ask()).address.port == 20001
    assert {each.label for each in town.services.activators} == {"persist", "persist-00001"}


async def test_a_service_that_goes_while_its_new_revision_starts_is_ended_whole(town: Town) -> None:
    town.apply(SERVICE)
    town.services.begin()
    (await town.ask()).release()
    town.launcher.broken = "ended with status 1"
    town.apply(SERVICE.replace("persist]", "persits]"))
    town.apply(SERVICE.replace("name: persist", "name: other"))
    other, *leaving = town.services.activators
    assert {each.label for each in leaving} == {"persist-00001", "persist-00002"}
    await until(lambda: not any(each.starting for each in leaving))
    assert set(town.services.backends) == {Target("service", "town/other")}
    assert (other.label, [each.instances for each in leaving if each.label == "persist-00002"]) == ("other", [0])


async def test_a_service_that_is_gone_has_no_backend(town: Town) -> None:
    town.apply(SERVICE)
    town.apply(SERVICE.replace("name: persist", "name: other"))
    assert set(town.services.backends) == {Target("service", "town/other")}
    assert [each.label for each in town.services.activators] == ["other"]


async def test_traffic_that_means_nothing_changes_nothing(town: Town) -> None:
    town.apply(SERVICE)
    with pytest.raises(RevisionErrors):
        town.apply(changed(end="  traffic: [{revisionName: persist-00009, percent: 100}]\n"))
    (await town.ask()).release()


async def test_a_config_map_is_read_when_a_process_starts(town: Town) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: town}\ndata: {COLOR: red}\n"
    service = SERVICE.replace("- command", "- envFrom: [{configMapRef: {name: c}}]\n          command")
    town.apply(service, config)
    (await town.ask()).release()
    town.apply(service, config.replace("red", "blue"))
    town.launcher.instances[0].dies()
    await until(lambda: len(town.launcher.started) == 2)
    assert [environment["COLOR"] for _, _, environment in town.launcher.started] == ["red", "blue"]


async def test_a_split_is_between_revisions_and_a_tag_leads_to_one(town: Town) -> None:
    town.apply(SERVICE)
    traffic = "  traffic: [{revisionName: persist-00001, percent: 50, tag: old}, {percent: 50, latestRevision: true}]\n"
    town.apply(changed(command="[python, -m, other]", end=traffic))
    ports = {(await town.ask()).address.port for _ in range(4)}
    assert ports == {20000, 20001}
    old = next(each for each in town.services.activators if each.label == "persist-00001")
    assert town.services.backends[Target("service", "town/old-persist")] is old
