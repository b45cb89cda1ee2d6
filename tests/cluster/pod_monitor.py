"""A PodMonitor as a Prometheus without the operator reads it: where Pods are, and the operator's rules for them.

What is listed is what Prometheus' own discovery would list (role `pod`: a target for each port of each container),
with its labels; Debian's build has no discovery of Kubernetes. The PodMonitor's own relabelings are handed on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Tree = dict[str, Any]
META = "__meta_kubernetes_pod"
KNOWN = {"selector", "podTargetLabels", "podMetricsEndpoints"}
OF_AN_ENDPOINT = {"port", "interval", "relabelings"}
OF_A_RULE = {
    "sourceLabels": "source_labels",
    "targetLabel": "target_label",
    "separator": "separator",
    "regex": "regex",
    "action": "action",
}


def targets(pods: list[Tree]) -> list[Tree]:
    """What file_sd reads: the ports of Pods that have an address, with what discovery tells of them."""
    found: list[Tree] = []
    for pod in pods:
        metadata, address = pod["metadata"], pod["status"].get("podIP")
        if not address:
            continue
        told = {f"{META}_name": metadata["name"], f"{META}_ip": address, f"{META}_phase": pod["status"]["phase"]}
        for kind, of in (("label", "labels"), ("annotation", "annotations")):
            for name, value in metadata.get(of, {}).items():
                told |= {f"{META}_{kind}_{sanitized(name)}": value, f"{META}_{kind}present_{sanitized(name)}": "true"}
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", ()):
                of_port = {
                    f"{META}_container_port_name": port.get("name", ""),
                    f"{META}_container_name": container["name"],
                }
                found.append({"targets": [f"{address}:{port['containerPort']}"], "labels": {**told, **of_port}})
    return found


def jobs(monitor: Tree, listed: Path) -> list[Tree]:
    """Prometheus' scrape_configs of a PodMonitor, for the targets that the file `listed` lists."""
    spec = monitor["spec"]
    assert spec.keys() <= KNOWN, "a field whose meaning is not known here"
    assert spec["selector"].keys() == {"matchLabels"}
    return [
        {
            "job_name": f"podMonitor/{monitor['metadata']['namespace']}/{monitor['metadata']['name']}/{number}",
            "file_sd_configs": [{"files": [str(listed)]}],
            "relabel_configs": [*_found(spec, endpoint), *map(_rule, endpoint.get("relabelings", ()))],
        }
        for number, endpoint in enumerate(spec["podMetricsEndpoints"])
    ]


def _found(spec: Tree, endpoint: Tree) -> Iterator[Tree]:
    """The operator's own rules, which come before those of the PodMonitor."""
    assert endpoint.keys() <= OF_AN_ENDPOINT, "a field whose meaning is not known here"
    for name, value in spec["selector"]["matchLabels"].items():
        label = sanitized(name)
        asked = [f"{META}_label_{label}", f"{META}_labelpresent_{label}"]
        yield {"source_labels": asked, "regex": f"({re.escape(value)});true", "action": "keep"}
    yield {"source_labels": [f"{META}_phase"], "regex": "(Failed|Succeeded)", "action": "drop"}
    yield {"source_labels": [f"{META}_container_port_name"], "regex": endpoint["port"], "action": "keep"}
    for label in ("name", "container_name"):
        yield {"source_labels": [f"{META}_{label}"], "target_label": {"name": "pod"}.get(label, "container")}
    for name in spec.get("podTargetLabels", ()):
        label = sanitized(name)
        yield {"source_labels": [f"{META}_label_{label}"], "target_label": label, "regex": "(.+)"}


def _rule(rule: Tree) -> Tree:
    return {OF_A_RULE[name]: value for name, value in rule.items()}


def sanitized(name: str) -> str:
    """A label's name as Prometheus has it."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)
