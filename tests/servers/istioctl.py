"""The real istioctl, built by Go into build/servers (some four minutes where Go has built nothing of it yet)."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.servers import go, kubernetes_lists

VERSION = "v0.0.0-20260827124520-eed52ebb66ad"
FOLDER = go.FOLDER / f"istioctl-{VERSION}"
BUILD_S = 1500
PROXY = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.31.0"}


def analyze(folder: Path, manifests: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> str:
    """What `istioctl analyze` says when manifests are brought into a cluster with others; `folder` takes its files.

    Of files alone it looks at Istio's kinds only, and skips all that asks whether a Service, a Pod or a Secret is
    there. So it is given a cluster to look at, in which those of ours are running already.
    """
    program = go.installed(f"istio.io/istio/istioctl/cmd/istioctl@{VERSION}", FOLDER, timeout=BUILD_S)
    (folder / "manifests.yaml").write_text(yaml.safe_dump_all(manifests))
    with kubernetes_lists.serving(running([*others, *manifests])) as kubeconfig:
        (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
        done = subprocess.run(
            [program, "analyze", "-A", "--color=false", "--kubeconfig=kubeconfig", "manifests.yaml"],
            cwd=folder,
            env={"HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return (done.stdout + done.stderr).strip()


def running(manifests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The manifests as an API server has them, and a Pod of each template, with the proxy that Istio injects."""
    objects = copy.deepcopy(list(manifests))
    for each in objects:
        if (each["apiVersion"], each["kind"]) == ("v1", "Service"):
            for port in each["spec"]["ports"]:
                port.setdefault("protocol", "TCP")
    return [*objects, *(pod for each in objects for pod in _pods(each))]


def _pods(owner: dict[str, Any]) -> Iterator[dict[str, Any]]:
    template = owner.get("spec", {}).get("template", {})
    spec = template.get("spec", {})
    if "containers" in spec:
        others = [each for each in spec["containers"] if each.get("name") != PROXY["name"]]
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                **template["metadata"],
                "name": f"{owner['metadata']['name']}-1",
                "namespace": owner["metadata"]["namespace"],
            },
            "spec": {**spec, "containers": [*others, PROXY]},
            "status": {"phase": "Running"},
        }
