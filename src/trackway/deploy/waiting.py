"""Looks at what was applied, again and again, until it is ready or the patience is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from trackway.deploy.cluster import Cluster
from trackway.deploy.manifest import Manifest
from trackway.deploy.readiness import Readiness, readiness
from trackway.deploy.tree import Tree

INTERVAL_S = 1.0
Look = dict[Manifest, Readiness]


def look(cluster: Cluster, manifests: Sequence[Manifest]) -> Look:
    """How each of them is now: one request for the objects of a kind, and one for a namespace's Pods."""
    live: dict[tuple[str, str, str, str], Tree] = {}
    for api_version, kind, namespace in dict.fromkeys((it.api_version, it.kind, it.namespace) for it in manifests):
        for each in cluster.list(api_version, kind, namespace):
            found = Manifest(each)
            live[found.group, kind, namespace, found.name] = each
    found = {it: readiness(it, live.get(it.key)) for it in manifests}
    late = dict.fromkeys(it.namespace for it, how in found.items() if how.state == "waiting" and it.namespace)
    for namespace in late:
        pods = cluster.list("v1", "Pod", namespace)
        again = (it for it, how in found.items() if how.state == "waiting" and it.namespace == namespace)
        found |= {it: readiness(it, live.get(it.key), pods) for it in again}
    return found


def until_ready(
    cluster: Cluster,
    manifests: Sequence[Manifest],
    patience: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Look]:
    """Looks, the last of them when all is ready or the patience (seconds) is over."""
    end = now() + patience
    while True:
        found = look(cluster, manifests)
        yield found
        if all(each.ready for each in found.values()) or now() >= end:
            return
        sleep(INTERVAL_S)
