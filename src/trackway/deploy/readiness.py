"""Whether an object on a cluster is ready, and if not why, in one line; pure, of the objects that are there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from trackway.deploy.manifest import Manifest
from trackway.deploy.tree import Tree, at, listing, mapping

State = Literal["ready", "waiting", "missing"]
_WORKLOADS = {"Deployment": "replicas", "StatefulSet": "replicas", "DaemonSet": "desiredNumberScheduled"}
_CONTROLLERS = {
    "serving.knative.dev": "Knative Serving",
    "eventing.knative.dev": "Knative Eventing",
    "sources.knative.dev": "Knative Eventing",
    "kafka.strimzi.io": "Strimzi",
}
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Readiness:
    """How an object is, and why it is not ready (or what else is to be known of it)."""

    state: State
    why: str = ""

    @property
    def ready(self) -> bool:
        """Nothing has to be waited for."""
        return self.state == "ready"


READY = Readiness("ready")


def readiness(it: Manifest, live: Tree | None, pods: Sequence[Tree] = ()) -> Readiness:
    """How an object is; ``pods`` are those of its namespace."""
    if live is None:
        return Readiness("missing", "is not there")
    if at(live, "metadata", "deletionTimestamp"):
        return Readiness("waiting", "is being deleted")
    seen, generation = at(live, "status", "observedGeneration"), at(live, "metadata", "generation")
    if isinstance(seen, int) and isinstance(generation, int) and seen < generation:
        return Readiness("waiting", f"{_controller(it)} has not seen the change yet")
    if it.group == "apps" and it.kind in _WORKLOADS:
        return _workload(live, [each for each in pods if _selects(live, each)])
    if it.kind == "PersistentVolumeClaim":
        return _claim(live)
    if it.kind == "HorizontalPodAutoscaler":
        return Readiness("ready", _not_scaling(live))
    if it.kind == "Namespace":
        return READY if at(live, "status", "phase") in (None, "Active") else Readiness("waiting", "is not open")
    return _conditions(it, live, pods)


def _controller(it: Manifest) -> str:
    return _CONTROLLERS.get(it.group, "its controller")


# -------------------------------------------------------------------- kinds with a condition Ready


def _conditions(it: Manifest, live: Tree, pods: Sequence[Tree]) -> Readiness:
    if it.group not in _CONTROLLERS:
        return READY  # a kind that is there when it is there
    conditions = {str(at(each, "type")): each for each in listing(live, "status", "conditions")}
    ready = conditions.get("Ready")
    if ready is None:
        return Readiness("waiting", f"{_controller(it)} has said nothing about it yet (is its controller running?)")
    if at(ready, "status") == "True":
        return READY
    own = [each for each in pods if at(each, "metadata", "labels", "serving.knative.dev/service") == it.name]
    if it.group == "serving.knative.dev" and (why := next(_of_pods(own), None)):
        return Readiness("waiting", why)
    return Readiness("waiting", _one_line(_deepest(conditions)))


def _deepest(conditions: dict[str, Tree]) -> str:
    """What a condition that is False says, rather than one that waits for it, rather than Ready, which repeats them."""
    bad = [each for each in conditions.values() if at(each, "status") != "True" and at(each, "severity") in (None, "")]
    bad.sort(key=lambda each: (at(each, "status") != "False", at(each, "type") == "Ready"))
    said = [each for each in bad if at(each, "message") or at(each, "reason")]
    if not said:
        waiting = [str(at(each, "type")) for each in bad if at(each, "type") != "Ready"]
        return f"waits for {', '.join(waiting)}" if waiting else "is not ready, and says no reason"
    first = said[0]
    text = ": ".join(str(part) for part in (at(first, "reason"), at(first, "message")) if part)
    return text if at(first, "type") == "Ready" else f"{at(first, 'type')}: {text}"


# -------------------------------------------------------------------- workloads and their Pods


def _workload(live: Tree, pods: Sequence[Tree]) -> Readiness:
    kind = str(live.get("kind"))
    wanted = at(live, "spec", "replicas") if kind != "DaemonSet" else at(live, "status", "desiredNumberScheduled")
    wanted = 1 if wanted is None else int(wanted)
    field = "numberAvailable" if kind == "DaemonSet" else "availableReplicas"
    updated = "updatedNumberScheduled" if kind == "DaemonSet" else "updatedReplicas"
    have, new, there = (int(at(live, "status", name) or 0) for name in (field, updated, "replicas"))
    if at(live, "status", "observedGeneration") is None:
        return Readiness("waiting", "its controller has not seen it yet")
    if have >= wanted and new >= wanted:
        if there <= new:
            return READY
        # They count as available, and may be the only ones that are.
        return Readiness("waiting", f"{there - new} of the Pods from before are still there")
    for each in listing(live, "status", "conditions"):
        # Quotas, admission and missing accounts keep Pods from being made at all.
        if at(each, "type") == "ReplicaFailure" and at(each, "status") == "True":
            return Readiness("waiting", _one_line(f"no Pod can be made: {at(each, 'message')}"))
    why = next(_of_pods(pods), None) or next(_overdue(live), None)
    return Readiness("waiting", why or f"{min(have, new)} of {wanted} Pods are ready")


def _overdue(live: Tree) -> Iterator[str]:
    for each in listing(live, "status", "conditions"):
        if at(each, "type") == "Progressing" and at(each, "status") == "False":
            yield _one_line(str(at(each, "message") or at(each, "reason")))


def _selects(live: Tree, pod: Tree) -> bool:
    wanted = mapping(live, "spec", "selector", "matchLabels")
    return bool(wanted) and all(at(pod, "metadata", "labels", key) == value for key, value in wanted.items())


def _of_pods(pods: Iterable[Tree]) -> Iterator[str]:
    """What is wrong with Pods that are not ready, the plainest reasons first."""
    alive = [each for each in pods if not at(each, "metadata", "deletionTimestamp")]
    for pod in alive:
        yield from (_one_line(why) for why in _of_containers(pod))
    for pod in alive:
        for each in listing(pod, "status", "conditions"):
            if at(each, "type") == "PodScheduled" and at(each, "status") == "False":
                yield _one_line(f"no node takes it: {at(each, 'message') or at(each, 'reason')}")


_QUIET = {"ContainerCreating", "PodInitializing"}
_PULLING = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}


def _of_containers(pod: Tree) -> Iterator[str]:
    statuses = [
        *listing(pod, "status", "initContainerStatuses"),
        *listing(pod, "status", "containerStatuses"),
    ]
    for each in statuses:
        waiting = mapping(each, "state", "waiting")
        why, message = waiting.get("reason"), str(waiting.get("message") or "")
        ended = mapping(each, "lastState", "terminated") or mapping(each, "state", "terminated")
        if why in _PULLING:
            yield f"its image {at(each, 'image')} cannot be pulled ({why}{f': {message}' if message else ''})"
        elif why == "CreateContainerConfigError":
            yield f"its container cannot be made: {message}"  # a Secret or a ConfigMap, or a key, that is not there
        elif why == "CrashLoopBackOff" or (ended and at(each, "ready") is False and int(at(each, "restartCount") or 0)):
            yield _crashed(pod, each, ended)
        elif why and why not in _QUIET:
            yield f"{why}: {message}" if message else str(why)
    if not statuses or all(at(each, "state", "waiting", "reason") in _QUIET for each in statuses):
        yield from _of_volumes(pod)


def _crashed(pod: Tree, container: Tree, ended: Tree) -> str:
    code, why = ended.get("exitCode"), ended.get("reason")
    how = "was killed for its memory" if why == "OOMKilled" else f"ended with {code}"
    said = str(ended.get("message") or "").strip().splitlines()
    whose = f"-n {at(pod, 'metadata', 'namespace')} {at(pod, 'metadata', 'name')} -c {at(container, 'name')}"
    words = f" ({said[-1]})" if said else ""
    return f"it {how} {at(container, 'restartCount')} times{words}; its words: kubectl logs -p {whose}"


def _of_volumes(pod: Tree) -> Iterator[str]:
    """A Pod that is on a node and gets no container waits for what it mounts; its events say so, conditions may."""
    for each in listing(pod, "status", "conditions"):
        if at(each, "type") == "PodReadyToStartContainers" and at(each, "status") == "False":
            names = [name for volume in listing(pod, "spec", "volumes") for name in _named(volume)]
            if names:
                yield f"waits for what it mounts: {', '.join(names)}"


def _named(volume: Tree) -> Iterator[str]:
    for field, word, key in (
        ("secret", "Secret", "secretName"),
        ("configMap", "ConfigMap", "name"),
        ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
    ):
        if name := at(volume, field, key):
            yield f"{word} {name}"


# -------------------------------------------------------------------- others


def _claim(live: Tree) -> Readiness:
    phase = at(live, "status", "phase")
    if phase == "Bound":
        return READY
    storage = at(live, "spec", "storageClassName") or "the default storage class"
    return Readiness("waiting", f"is {str(phase or 'Pending').lower()}: no volume of {storage} has been given to it")


def _not_scaling(live: Tree) -> str:
    for each in listing(live, "status", "conditions"):
        if at(each, "type") in ("ScalingActive", "AbleToScale") and at(each, "status") == "False":
            return _one_line(f"does not scale: {at(each, 'message') or at(each, 'reason')}")
    return ""


def _one_line(text: str) -> str:
    short = re.sub(r"\s+", " ", text).strip()
    return short if len(short) <= _LONGEST else f"{short[: _LONGEST - 1]}…"
