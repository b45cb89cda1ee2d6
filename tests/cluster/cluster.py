"""A cluster as kubectl sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from tests.servers import kustomize
from trackway.deploy import build

T = TypeVar("T")
APPLY = (
    "apply",
    "--server-side",
    "--force-conflicts",
    "--field-manager=trackway-tests",
    "--validate=strict",
    "-f",
    "-",
)


class Cluster:
    """The cluster of `kubeconfig`; Pods reach this process at `own_address`, if at all."""

    def __init__(self, kubeconfig: str, own_address: str | None) -> None:
        self._environment = {**os.environ, "KUBECONFIG": kubeconfig}
        self.own_address = own_address

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """One kubectl call, whatever comes of it. Raises Unreachable."""
        command = ["kubectl", *words]
        done = subprocess.run(
            command, input=stdin, env=self._environment, capture_output=True, text=True, timeout=300, check=False
        )
        if "Unable to connect to the server" in done.stderr:
            raise Unreachable(done.stderr)
        return done

    def trackway(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Our own command line, as a user has it, whatever comes of it."""
        command = [sys.executable, "-m", "trackway", *map(str, words)]
        environment = {**self._environment, build.PROGRAM: str(kustomize.program())}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """One kubectl call that has to succeed."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def apply(self, manifests: str) -> None:
        """Server-side apply with strict field validation: an unknown field is refused, by whomever."""
        self.kubectl(*APPLY, stdin=manifests)

    @contextmanager
    def also(self, objects: list[dict[str, Any]]) -> Generator[None]:
        """Have these there too, for as long as the body lasts."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.apply(text)
        try:
            yield
        finally:
            self.kubectl("delete", "-f", "-", stdin=text)

    def refusal(self, manifests: str) -> str | None:
        """What the API server and the webhooks have against the manifests; nothing is stored."""
        done = self.run(*APPLY, "--dry-run=server", stdin=manifests)
        return done.stderr if done.returncode else None

    def get(self, kinds: str, namespace: str, *words: str) -> list[dict[str, Any]]:
        """The objects of some kinds in a namespace."""
        return json.loads(self.kubectl("-n", namespace, "get", kinds, "-o", "json", *words))["items"]

    def pods(self, namespace: str, service: str | None = None) -> list[str]:
        """The names of the Pods of a Knative Service, or of all of them."""
        label = "serving.knative.dev/service"
        found = self.get("pods", namespace, "-l", label if service is None else f"{label}={service}")
        return [pod["metadata"]["name"] for pod in found]

    def wait_ready(self, namespace: str, within: float = 180) -> None:
        """Wait until everything in the namespace that says whether it is ready says that it is."""
        self.until(lambda: not (bad := self.not_ready(namespace)) or _Not(", ".join(bad)), f"{namespace} ready", within)

    def not_ready(self, namespace: str) -> list[str]:
        """What is not ready, and why."""
        kinds = "deployments,services.serving.knative.dev,brokers,triggers,sinkbindings,pingsources,sequences"
        objects = [each for each in self.get(kinds, namespace) if not each["metadata"].get("ownerReferences")]
        return [why for each in objects if (why := _not_ready(each))] if objects else ["nothing is there"]

    def until(self, ask: Callable[[], T | _Not | None], what: str, within: float = 60) -> T:
        """What `ask` gives as soon as it is true; a connection that fails is a not yet."""
        end = time.monotonic() + within
        while True:
            try:
                answer = ask()
            except (httpx.TransportError, Unreachable) as error:
                answer = _Not(str(error))
            if answer:
                return answer  # pyright: ignore[reportReturnType] - a _Not is false
            assert time.monotonic() < end, f"waited {within:g} s in vain for: {what}; last: {answer!r}"
            time.sleep(0.5)  # it comes true in another process; there is nothing to await


class Unreachable(AssertionError):
    """The API server did not answer."""


class _Not:
    """A no that says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return self._why


def _not_ready(it: dict[str, Any]) -> str | None:
    status, name = it.get("status") or {}, f"{it['kind']} {it['metadata']['name']}"
    if status.get("observedGeneration", 0) < it["metadata"]["generation"]:
        return f"{name} is not seen by its controller yet"
    if it["kind"] == "Deployment":
        have, want = status.get("availableReplicas", 0), it["spec"].get("replicas", 1)
        return None if have >= want else f"{name} has {have} of {want} replicas"
    ready = next((each for each in status.get("conditions") or [] if each["type"] == "Ready"), {})
    if ready.get("status") == "True":
        return None
    return f"{name}: {ready.get('reason', 'no word of being ready')} {ready.get('message', '')}"
