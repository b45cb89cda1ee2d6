"""The Knative Services of this machine: an activator for each revision in use, and who is behind a name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path

from knative_local import hot_address
from knative_local.activator import Activator
from knative_local.backend import Backend
from knative_local.environment import Environments, arguments
from knative_local.hot_address import HotAddress
from knative_local.http1 import HttpClient
from knative_local.launcher import Launcher
from knative_local.model import KnService, Manifests
from knative_local.names import Target
from knative_local.probing import ProbedInstance
from knative_local.process import Instance
from knative_local.revisions import Revisions
from knative_local.serving_model import NO_PROBES
from knative_local.traffic import Split
from knative_local.usage import Usage


class Services:
    """`backends` has a Service by its key, and each tag of its traffic by `<namespace>/<tag>-<name>`."""

    def __init__(
        self, launcher: Launcher, client: HttpClient, state: Path, front_door: int, machine_limit: int
    ) -> None:
        """`front_door` is its port. Raises OSError, RevisionErrors when the state folder's history is unreadable."""
        self._launcher = launcher
        self._client = client
        self._state = state
        self._front_door = front_door
        self._machine_limit = machine_limit
        self._revisions = Revisions(state / "revisions.json")
        self._environments: Environments | None = None
        self._serving: dict[tuple[str, str], Activator] = {}
        self._given: dict[tuple[str, str], dict[str, str]] = {}
        self._retired: list[Activator] = []
        self._ready: dict[str, Activator] = {}
        """Of each Service the latest revision that was ready, which is what `latestRevision` means."""
        self._stand_ins: dict[Activator, Activator] = {}
        """Who takes the requests of a revision that has not served yet."""
        self._named: set[Target] = set()
        self._hot: dict[str, HotAddress] = {}
        self._hot_revisions: dict[str, KnService] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._begun = False
        self.backends: dict[Target, Backend] = {}

    @property
    def activators(self) -> list[Activator]:
        """Those that serve, and those that still end what they have."""
        return list(dict.fromkeys([*self._serving.values(), *self._stand_ins.values(), *self._retired]))

    def apply(self, manifests: Manifests, environments: Environments) -> None:
        """Serve these manifests from now on. A revision that is meant as before, with the environment that it had,
        keeps its instances; one that is new gets its requests when it is ready, and until then those before it do; one
        that is meant no more takes no new requests and goes to zero.

        Raises RevisionErrors, VariableErrors, OSError, and then nothing has changed.
        """
        found = self._revisions.named(manifests.services)
        for revision in chain.from_iterable(meant for _, meant in found):
            environments.of_service(revision)
        self._environments = environments
        before = {(each.service.key, each.service.revision_name): each for each in self._stand_ins.values()}
        before |= self._serving
        self._serving, self._stand_ins = {}, {}
        for target in self._named:
            del self.backends[target]
        self._named.clear()
        spaces = {each.namespace for each in (*manifests.services, *manifests.deployments)}
        for latest, meant in found:
            is_alone = len({each.revision for each in meant}) == 1
            for revision in meant:
                label = revision.name if is_alone else revision.revision
                self._serve(revision, before, label, f"{revision.namespace}.{label}" if len(spaces) > 1 else label)
            self._let_prove(latest, meant)
            self._name(latest, meant)
        self._ready = {latest.key: self._ready[latest.key] for latest, _ in found if latest.key in self._ready}
        self._hot_revisions = {latest.key: hot for latest, meant in found if (hot := _hot_revision(latest, meant))}
        self._retire(each for each in before.values() if each not in self._stand_ins.values())
        if self._begun:
            self._lead_hot_addresses()

    def begin(self) -> None:
        """Start what has to run before the first request, now and after each `apply`. Raises OSError."""
        self._begun = True
        for activator in self._serving.values():
            activator.begin()
        self._lead_hot_addresses()

    async def stop(self, grace_s: float) -> None:
        """Let all instances end what they have, and return when they are gone."""
        await asyncio.gather(*(hot.stop() for hot in self._hot.values()), *self._endings)
        await asyncio.gather(*(activator.stop(grace_s) for activator in self.activators))

    @property
    def direct_urls(self) -> dict[str, str]:
        """The Services' own addresses, by name."""
        return {self._hot_revisions[key].name: hot.url for key, hot in self._hot.items() if key in self._hot_revisions}

    def _serve(self, revision: KnService, before: dict[tuple[str, str], Activator], label: str, log_name: str) -> None:
        key = (revision.key, revision.revision)
        if key in self._serving:
            return
        given = self._environment_of(revision)
        if key in before and self._given[key] == given:
            kept = before.pop(key)
        else:
            kept = Activator(revision, self._launch(revision, log_name), Usage(), self._machine_limit)
            self._given[key] = given
            self._launcher.warm(arguments(revision.container, given), given, revision.preload)
            if self._begun:
                kept.begin()
        kept.label = label
        self._serving[key] = kept

    def _let_prove(self, latest: KnService, meant: list[KnService]) -> None:
        """Have a new revision start, while that before it goes on (Knative's latest *ready* revision)."""
        newest = self._serving.get((latest.key, latest.revision))
        if newest is None:
            return
        ready = self._ready.get(latest.key)
        # The same revision with another environment is taken for good at once; and who takes connections itself cannot
        # be stood in for, since they come to whoever has the socket.
        is_other = ready is not None and ready.service.revision != latest.revision
        if not self._begun or ready is None or not is_other or newest.instances or latest.listen is not None:
            self._ready[latest.key] = newest
            return
        self._stand_ins[newest] = ready
        newest.label = latest.revision
        newest.prove(partial(self._promote, latest, meant, newest))

    def _promote(self, latest: KnService, meant: list[KnService], newest: Activator) -> None:
        """A new revision is ready."""
        before = self._stand_ins.pop(newest)
        self._ready[latest.key] = newest
        self._name(latest, meant)
        if before not in self._serving.values():
            newest.label = before.label
            self._retire([before])

    def _retire(self, activators: Iterable[Activator]) -> None:
        leaving = list(activators)
        for activator in leaving:
            activator.label = activator.service.revision_name
            activator.retire()
        self._retired = [each for each in (*self._retired, *leaving) if each.is_busy]

    def _name(self, latest: KnService, meant: list[KnService]) -> None:
        """Say who takes what is sent to the Service, and to its tags."""
        shares = [
            (target.percent, self._taker(self._serving[revision.key, revision.revision]))
            for target, revision in zip(latest.traffic, meant, strict=True)
        ]
        named: dict[Target, Backend] = {
            Target("service", f"{latest.namespace}/{target.tag}-{latest.name}"): activator
            for target, (_, activator) in zip(latest.traffic, shares, strict=True)
            if target.tag
        }
        takers = {activator for percent, activator in shares if percent}
        named[Target("service", latest.key)] = takers.pop() if len(takers) == 1 else Split(latest.name, shares)
        self.backends |= named
        self._named |= named.keys()

    def _taker(self, activator: Activator) -> Activator:
        return self._stand_ins.get(activator, activator)

    def _lead_hot_addresses(self) -> None:
        """A Service keeps its own address, with the port of its beginning, for as long as it asks for one."""
        for key in self._hot.keys() - self._hot_revisions.keys():
            ending = asyncio.get_running_loop().create_task(self._hot.pop(key).stop())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
        for key, revision in self._hot_revisions.items():
            activator = self._serving[key, revision.revision]
            hot = self._hot.get(key)
            if hot is None:
                listener = hot_address.listen(revision.listen or 0, self._front_door)
                hot = self._hot[key] = HotAddress(activator, listener, self._listen_path(revision))
                hot.begin()
            hot.lead_to(activator)
            activator.direct_url = hot.url

    def _listen_path(self, service: KnService) -> Path:
        """Where the instances of a Service ask for its listening socket."""
        return (self._state / "run" / f"{service.namespace}.{service.name}.sock").resolve()

    def _launch(self, revision: KnService, label: str) -> Callable[[], Awaitable[Instance]]:
        async def launch() -> Instance:
            environment = self._environment_of(revision) | self._own_address(revision)
            argv = arguments(revision.container, environment)
            instance = await self._launcher.start(label, argv, environment, revision.preload)
            return instance if revision.probes == NO_PROBES else ProbedInstance(instance, revision.probes, self._client)

        return launch

    def _environment_of(self, revision: KnService) -> dict[str, str]:
        assert self._environments is not None  # noqa: S101 nothing is served before the first `apply`; narrows the type
        return self._environments.of_service(revision)

    def _own_address(self, revision: KnService) -> dict[str, str]:
        hot = self._hot_revisions.get(revision.key)
        is_hot = hot is not None and hot.revision == revision.revision
        return {hot_address.VARIABLE: str(self._listen_path(revision))} if is_hot else {}


def _hot_revision(latest: KnService, meant: list[KnService]) -> KnService | None:
    """Whose instances take the connections of the Service's own address: of the revisions that ask for one, that with
    the largest share of the traffic."""
    shares = [(target.percent, revision) for target, revision in zip(latest.traffic, meant, strict=True)]
    asking = [share for share in shares if share[1].listen is not None]
    return max(asking, key=lambda share: share[0])[1] if asking else None
