"""A cluster's API, as far as deploying asks of it: server-side apply, objects, kinds, versions.

lightkube reads the kubeconfig and speaks TLS and tokens; objects stay the trees that kustomize gives, since what is
applied has to be what is written and nothing else. Every request may be sent again (an apply says what shall be), so a
connection that is lost and a webhook that is just starting are waited for.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

import httpx2
import yaml
from lightkube.config.client_adapter import Client, ConnectionParams
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from trackway.deploy.manifest import Manifest
from trackway.deploy.tree import Tree, at, listing

FIELD_MANAGER = "trackway"
"""Who owns the fields that we apply."""
PATIENCE_S = 30.0
"""For so long a request is sent again before the cluster counts as away."""
TIMEOUT_S = 30.0
_OWNER = re.compile(r'conflict with "([^"]*)"')
_REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
_AGAIN = {429, 502, 503, 504}


class Unreachable(Exception):
    """No API server answers; the message says where and why."""


class NoCluster(Exception):
    """Nobody said which cluster, or what was said is no good."""


class Refused(Exception):
    """The API server, or a webhook, does not take it; the message is theirs, in one line."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(" ".join(message.split()))
        self.status = status


class NoSuchKind(Exception):
    """The cluster does not know a kind."""


class Conflict(NamedTuple):
    """A field that somebody else set to another value."""

    field: str
    owner: str


class Conflicts(Refused):
    """Others own fields that we want to set."""

    def __init__(self, message: str, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(409, message)
        self.conflicts = conflicts


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind is asked for."""

    path: str
    plural: str
    namespaced: bool


class Cluster:
    """The API server of a kubeconfig's context; ``now`` and ``sleep`` are for tests."""

    def __init__(
        self,
        config: SingleConfig,
        transport: httpx2.BaseTransport | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = config.context_name
        self.server = config.cluster.server
        self.namespace = config.namespace
        user = config.user or User()
        params = ConnectionParams(timeout=httpx2.Timeout(TIMEOUT_S), transport=transport)
        try:
            self._client = Client(config._replace(user=user), params)
        except (ConfigError, OSError, ValueError) as error:
            raise NoCluster(f"the kubeconfig's context {self.name} is no good: {error}") from error
        self._kinds: dict[str, dict[str, Kind]] = {}
        self._now, self._sleep = now, sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    # ---------------------------------------------------------------- objects

    def apply(self, it: Manifest, *, force: bool = False, dry_run: bool = False) -> Tree:
        """Make an object so (server-side apply); gives what came of it. Raises Conflicts, Refused."""
        params = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        params |= {"force": "true"} if force else {}
        params |= {"dryRun": "All"} if dry_run else {}
        body = yaml.safe_dump(dict(it.tree), allow_unicode=True).encode()
        headers = {"content-type": "application/apply-patch+yaml"}
        return self._ask("PATCH", self._path(it), params=params, content=body, headers=headers)

    def get(self, it: Manifest) -> Tree | None:
        """An object as it is; None where it is not there, or not even its kind is."""
        try:
            return self._ask("GET", self._path(it))
        except NoSuchKind:
            return None
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def list(self, api_version: str, kind: str, namespace: str | None = None, labels: str = "") -> list[Tree]:
        """The objects of a kind, in a namespace (the context's where it is empty) or in all; nothing where there is no
        such kind."""
        try:
            found = self._kind(api_version, kind)
        except NoSuchKind:
            return []
        inside = f"/namespaces/{namespace or self.namespace}" if found.namespaced and namespace is not None else ""
        params = {"labelSelector": labels} if labels else {}
        answer = self._ask("GET", f"{found.path}{inside}/{found.plural}", params=params)
        return [{"apiVersion": api_version, "kind": kind, **each} for each in listing(answer, "items")]

    def knows(self, api_version: str, kind: str) -> bool:
        """Whether the cluster has a kind."""
        try:
            self._kind(api_version, kind)
        except NoSuchKind:
            return False
        return True

    def serves(self, api_version: str) -> bool:
        """Whether the cluster has a version of a group at all."""
        self.knows(api_version, "")
        return bool(self._kinds[api_version])

    def may(self, verb: str, api_version: str, kind: str, namespace: str = "") -> bool:
        """Whether this user may `verb` (get, list, create, patch) objects of a kind, in a namespace if it has them
        there. Raises NoSuchKind."""
        found = self._kind(api_version, kind)
        attributes = {"verb": verb, "group": api_version.rpartition("/")[0], "resource": found.plural}
        if found.namespaced:
            attributes["namespace"] = namespace or self.namespace
        body = {**_REVIEW, "spec": {"resourceAttributes": attributes}}
        answer = self._ask("POST", f"/apis/{_REVIEW['apiVersion']}/selfsubjectaccessreviews", json=body)
        return at(answer, "status", "allowed") is True

    def resource(self, api_version: str, kind: str) -> str:
        """How roles name a kind: ``deployments.apps``. Raises NoSuchKind."""
        group = api_version.rpartition("/")[0]
        return f"{self._kind(api_version, kind).plural}{'.' * bool(group)}{group}"

    def forget(self) -> None:
        """Ask anew which kinds there are: some may just have been made."""
        self._kinds.clear()

    def version(self) -> str:
        """The version of Kubernetes, as ``v1.35.4``."""
        return str(at(self._ask("GET", "/version"), "gitVersion"))

    def _path(self, it: Manifest) -> str:
        kind = self._kind(it.api_version, it.kind)
        inside = f"/namespaces/{it.namespace or self.namespace}" if kind.namespaced else ""
        return f"{kind.path}{inside}/{kind.plural}/{it.name}"

    def _kind(self, api_version: str, kind: str) -> Kind:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if api_version not in self._kinds:
            try:
                answer = self._ask("GET", path)
            except Refused as refused:
                if refused.status != 404:
                    raise
                answer = {}
            self._kinds[api_version] = {
                each["kind"]: Kind(path, each["name"], bool(each["namespaced"]))
                for each in listing(answer, "resources")
                if "/" not in each["name"]
            }
        found = self._kinds[api_version].get(kind)
        if found is None:
            raise NoSuchKind(f"the cluster knows no {kind} of {api_version}")
        return found

    # ---------------------------------------------------------------- requests

    def _ask(self, method: str, path: str, **request: Any) -> Tree:
        """The answer; whatever may pass is waited for. Raises Unreachable, Refused."""
        end = self._now() + PATIENCE_S
        pause = 0.2
        while True:
            why = ""
            try:
                answer = self._client.request(method, path, **request)
            except (httpx2.TransportError, ConfigError) as error:
                if isinstance(error, ConfigError):
                    raise NoCluster(f"the kubeconfig's user cannot log in: {error}") from error
                answer, why = None, str(error) or type(error).__name__
            if answer is not None and not _may_pass(answer):
                return _checked(answer)
            if self._now() + pause > end:
                if answer is not None:
                    return _checked(answer)
                raise Unreachable(f"no API server answers at {self.server} (context {self.name}): {why}")
            self._sleep(pause)
            pause = min(2 * pause, 3.0)


def _may_pass(answer: httpx2.Response) -> bool:
    """A server that is overburdened or starting, or a webhook that nobody answers for yet."""
    if answer.status_code in _AGAIN:
        return True
    return answer.status_code == 500 and "failed calling webhook" in answer.text


def _checked(answer: httpx2.Response) -> Tree:
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    if answer.is_success and isinstance(body, dict):
        return cast("Tree", body)
    message = str(at(body, "message") or f"{answer.status_code} {answer.reason_phrase}")
    if answer.status_code == 401:
        message = "the cluster does not know this user (401); log in, or name another context"
    causes = [each for each in listing(body, "details", "causes") if at(each, "reason") == "FieldManagerConflict"]
    if causes:
        raise Conflicts(message, tuple(_conflict(each) for each in causes))
    raise Refused(answer.status_code, message)


def _conflict(cause: Tree) -> Conflict:
    owner = _OWNER.search(str(cause.get("message", "")))
    return Conflict(str(cause.get("field", "")).lstrip("."), owner[1] if owner else "somebody else")


@contextmanager
def connect(kubeconfig: Path | None = None, context: str | None = None) -> Generator[Cluster]:
    """The cluster of a kubeconfig: the one that is named, KUBECONFIG's, ~/.kube/config, or the one that we run in.

    Raises NoCluster.
    """
    try:
        config = _read(kubeconfig).get(context)
    except (ConfigError, KeyError, TypeError, ValueError, OSError, yaml.YAMLError) as error:
        raise NoCluster(f"there is no cluster to talk to ({error}); set KUBECONFIG, or use --kubeconfig") from error
    if config is None:
        raise NoCluster("the kubeconfig names no context; choose one with --context")
    with Cluster(config) as cluster:
        yield cluster


def _read(kubeconfig: Path | None) -> KubeConfig:
    if kubeconfig is not None:
        return KubeConfig.from_file(kubeconfig)
    several = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    there = [each for each in several if each]
    if len(there) > 1:
        raise ConfigError(f"KUBECONFIG names {len(there)} files, and one is what is read")
    if there:
        return KubeConfig.from_file(there[0])
    return KubeConfig.from_env()
