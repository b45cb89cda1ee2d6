"""Applies manifests in an order in which each finds what it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from trackway.deploy.cluster import Cluster, Conflict, Conflicts, NoSuchKind, Refused
from trackway.deploy.diffing import same
from trackway.deploy.manifest import Manifest
from trackway.deploy.tree import Tree, at, listing, mapping

Change = Literal["created", "changed", "as it was"]

_FIRST = ("CustomResourceDefinition", "Namespace")
_ORDER = (
    *_FIRST,
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "EventPolicy",
    "KafkaTopic",
    "Broker",
    "KafkaSink",
    # Before what they bind: a Service that is bound when it is made needs no second revision.
    "SinkBinding",
    "StatefulSet",
    "Deployment",
    "Service",
)
"""Whatever is not named here comes last, as it stands."""
_PATIENCE_S = 60.0
_BINDING_S = 15.0
"""For so long a SinkBinding may take to find its sink; it binds at once what is made after that."""
_TERMINATING = "is being deleted; wait until it is gone, and apply again"
_INJECTED = ("K_SINK", "K_CE_OVERRIDES")
"""What a SinkBinding writes into the containers that it binds; the process that does it has either name."""
_OF_BINDINGS = {Conflict("spec.template.spec.containers", owner) for owner in ("controller", "eventing-webhook")}


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one manifest: a change, or why there is none."""

    manifest: Manifest
    change: Change | None
    why: str = ""


def in_order(manifests: Sequence[Manifest]) -> list[Manifest]:
    """What others live in first, then what they read, then what runs, then what sends to it."""
    ranks = {kind: rank for rank, kind in enumerate(_ORDER)}
    return sorted(manifests, key=lambda each: ranks.get(each.kind, len(ranks)))


def apply(
    cluster: Cluster,
    manifests: Sequence[Manifest],
    *,
    force: bool = False,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Applied]:
    """Apply all of them, one after the other; what is refused stops none of the others, but a namespace does."""
    for each in in_order(manifests):
        done = _apply(cluster, each, force=force)
        if done.change is not None and each.kind in _FIRST:
            done = _usable(cluster, done, now, sleep)
            cluster.forget()
        if done.change == "created" and each.kind == "SinkBinding":
            _until(lambda it=each: bool(at(cluster.get(it), "status", "sinkUri")), _BINDING_S, now, sleep)
        yield done
        if done.change is None and each.kind in _FIRST:
            return


def _apply(cluster: Cluster, it: Manifest, *, force: bool) -> Applied:
    try:
        before = cluster.get(it)
        if at(before, "metadata", "deletionTimestamp"):
            return Applied(it, None, _TERMINATING)
        after = put(cluster, it, before, force=force)
    except (Refused, NoSuchKind) as error:
        return Applied(it, None, reason(error))
    if before is None:
        return Applied(it, "created")
    return Applied(it, "as it was" if same(before, after) else "changed")


def put(cluster: Cluster, it: Manifest, before: Tree | None, *, force: bool = False, dry_run: bool = False) -> Tree:
    """Apply one manifest; gives what came of it. Raises Conflicts, Refused, NoSuchKind.

    A SinkBinding that came later than what it binds writes the sink's address into its containers, whose list then is
    its controller's too. Nobody has to decide that conflict: the webhook writes the same into what we apply.
    """
    try:
        return cluster.apply(it, force=force, dry_run=dry_run)
    except Conflicts as conflicts:
        if not (_is_bound(before) and set(conflicts.conflicts) <= _OF_BINDINGS):
            raise
        return cluster.apply(it, force=True, dry_run=dry_run)


def _is_bound(before: Tree | None) -> bool:
    """Whether a SinkBinding has written into its containers."""
    containers = listing(before, "spec", "template", "spec", "containers")
    return any(at(each, "name") in _INJECTED for container in containers for each in listing(container, "env"))


def reason(error: Refused | NoSuchKind) -> str:
    """Why a manifest was not taken, in one line."""
    if isinstance(error, Conflicts):
        owned = "; ".join(f"{each.field} is {each.owner}'s" for each in error.conflicts)
        return f"{owned}; --force takes it over"
    if isinstance(error, NoSuchKind):
        return f"{error}; install what brings it (trackway doctor --cluster says what)"
    return str(error)


def _usable(cluster: Cluster, done: Applied, now: Callable[[], float], sleep: Callable[[float], None]) -> Applied:
    """Wait until a namespace is open, or a new kind is served."""
    if _until(lambda: _is_usable(cluster.get(done.manifest)), _PATIENCE_S, now, sleep):
        return done
    return Applied(done.manifest, None, f"is there, and not usable after {_PATIENCE_S:g} s")


def _until(true: Callable[[], bool], patience: float, now: Callable[[], float], sleep: Callable[[float], None]) -> bool:
    """Whether something came true before the patience was over."""
    end = now() + patience
    while not true():
        if now() >= end:
            return False
        sleep(0.2)
    return True


def _is_usable(found: Tree | None) -> bool:
    if at(found, "kind") == "CustomResourceDefinition":
        conditions = listing(found, "status", "conditions")
        return any(at(each, "type") == "Established" and at(each, "status") == "True" for each in conditions)
    return mapping(found, "status").get("phase", "Active") == "Active" and found is not None
