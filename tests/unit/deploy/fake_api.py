"""A small API server in memory: kinds, objects, server-side apply with owners of fields; what it is told to, fails."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import httpx2
import yaml
from lightkube.config.kubeconfig import KubeConfig

from trackway.deploy.cluster import Cluster

KINDS = {
    "v1": {"Namespace": ("namespaces", False), "ConfigMap": ("configmaps", True), "Secret": ("secrets", True)}
    | {"Pod": ("pods", True), "Service": ("services", True), "ServiceAccount": ("serviceaccounts", True)},
    "apps/v1": {"Deployment": ("deployments", True)},
    "serving.knative.dev/v1": {"Service": ("services", True)},
    "eventing.knative.dev/v1": {"Broker": ("brokers", True), "Trigger": ("triggers", True)},
}
Answer = httpx2.Response | Exception


class FakeApi:
    """Objects by their path; ``faults`` are given instead of answers, one after the other."""

    def __init__(self) -> None:
        self.kinds = copy.deepcopy(KINDS)
        self.objects: dict[str, dict[str, Any]] = {}
        self.owners: dict[str, dict[str, str]] = {}
        self.faults: list[Answer] = []
        self.requests: list[tuple[str, str]] = []
        self.refuse: Callable[[dict[str, Any]], str | None] = lambda tree: None
        """A webhook: what it has against an object."""
        self.mutate: Callable[[dict[str, Any]], None] = lambda tree: None
        """A webhook that changes what is applied, or a controller that says how it is."""
        self.forbidden: set[tuple[str, str, str, str]] = set()
        """What nobody may: verb, group, resource, namespace."""
        self.time = 0.0

    def cluster(self) -> Cluster:
        """A client; its clock goes on only where it sleeps."""
        config = KubeConfig.from_server("http://api.test").get()
        assert config is not None
        transport = httpx2.MockTransport(self.answer)
        return Cluster(config, transport, now=lambda: self.time, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        """Nobody waits."""
        self.time += seconds

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """What an API server would say."""
        path = request.url.path
        self.requests.append((request.method, path))
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        if path == "/version":
            return httpx2.Response(200, json={"gitVersion": "v1.35.4"})
        if path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            asked = json.loads(request.content)["spec"]["resourceAttributes"]
            named = asked["verb"], asked["group"], asked["resource"], asked.get("namespace", "")
            return httpx2.Response(201, json={"status": {"allowed": named not in self.forbidden}})
        return self._apply(request, path) if request.method == "PATCH" else self._get(path)

    # ---------------------------------------------------------------- reading

    def _get(self, path: str) -> httpx2.Response:
        parts = path.strip("/").split("/")
        version = "/".join(parts[1:]) if parts[0] == "apis" else parts[1]
        if version in self.kinds and len(parts) == (3 if parts[0] == "apis" else 2):
            listed = [
                {"kind": kind, "name": plural, "namespaced": namespaced}
                for kind, (plural, namespaced) in self.kinds[version].items()
            ]
            return httpx2.Response(200, json={"resources": listed})
        if path in self.objects:
            return httpx2.Response(200, json=self.objects[path])
        if any(path.endswith(f"/{plural}") for kinds in self.kinds.values() for plural, _ in kinds.values()):
            below = [each for at, each in self.objects.items() if str(PurePosixPath(at).parent) == path]
            return httpx2.Response(200, json={"items": below})
        return status(404, f"{path} not found")

    # ---------------------------------------------------------------- applying

    def _apply(self, request: httpx2.Request, path: str) -> httpx2.Response:
        tree = yaml.safe_load(request.content)
        manager, force = request.url.params["fieldManager"], request.url.params.get("force") == "true"
        assert request.url.params["fieldValidation"] == "Strict"
        wrong = self.refuse(tree)
        if wrong:
            return status(400, wrong)
        namespace = tree["metadata"].get("namespace")
        if namespace and f"/api/v1/namespaces/{namespace}" not in self.objects:
            return status(404, f'namespaces "{namespace}" not found')
        live, owners = copy.deepcopy(self.objects.get(path, {})), dict(self.owners.get(path, {}))
        conflicts = [] if force else list(self._conflicts(tree, live, owners, manager))
        if conflicts:
            return status(409, f"Apply failed with {len(conflicts)} conflict", conflicts)
        self.write(live, owners, tree, manager)
        self.mutate(live)
        if request.url.params.get("dryRun") != "All":
            self.objects[path], self.owners[path] = live, owners
        return httpx2.Response(200, json=live)

    def put(self, path: str, tree: dict[str, Any], manager: str = "kubectl") -> None:
        """Have an object, written by somebody."""
        self.write(self.objects.setdefault(path, {}), self.owners.setdefault(path, {}), tree, manager)

    def write(self, live: dict[str, Any], owners: dict[str, str], tree: dict[str, Any], manager: str) -> None:
        """Set the fields of an object, and note down who did."""
        for field, value in leaves(tree):
            place = live
            for step in field[:-1]:
                place = place.setdefault(step, {})
            place[field[-1]] = value
            owners[".".join(field)] = manager
        metadata = live.setdefault("metadata", {})
        metadata.setdefault("generation", 1)
        metadata["managedFields"] = sorted(owners.items())

    def _conflicts(self, tree: dict[str, Any], live: dict[str, Any], owners: dict[str, str], manager: str) -> Any:
        before = {".".join(field): value for field, value in leaves(live)}
        for field, value in leaves(tree):
            name = ".".join(field)
            owner = owners.get(name, manager)
            if owner != manager and before.get(name) != value:
                message = f'conflict with "{owner}" using {tree["apiVersion"]}'
                yield {"reason": "FieldManagerConflict", "message": message, "field": f".{name}"}


def leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Any:
    """The fields that hold a value or a list, with their paths."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def status(code: int, message: str, causes: list[dict[str, str]] | None = None) -> httpx2.Response:
    """A refusal, as an API server words it."""
    body = {"kind": "Status", "code": code, "message": message, "details": {"causes": causes or []}}
    return httpx2.Response(code, content=json.dumps(body), headers={"content-type": "application/json"})
